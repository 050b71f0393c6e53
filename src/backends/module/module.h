// Backends that live in shared libraries of their own, so that a run which does not use them neither loads nor pays for
// them, and one program serves machines with and without what they need.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "backends/backend.h"

namespace accelerate {

/// What a module must have been built against; changes with every change to what is declared in backends/backend.h.
inline constexpr std::string_view module_contract = "ipfs-accelerate 0.1.0, contract 2";

/// The folder of the modules: ACCELERATE_MODULES where that is set, else `ipfs_accelerate/` beside this library.
std::filesystem::path module_folder();

/// The backend `name`, whose module libipfs_accelerate_NAME.so in `folder` is loaded when it is first asked for more than
/// its name. A module that is not there, does not load or was built against another contract gives a backend without
/// devices, which says why.
std::unique_ptr<Backend> make_module_backend(std::string_view name, const std::filesystem::path& folder = module_folder());

}  // namespace accelerate

/// What a module defines: the contract that it was built against, and its backend.
extern "C" [[gnu::visibility("default")]] const char* accelerate_module_contract();
extern "C" [[gnu::visibility("default")]] accelerate::Backend* accelerate_make_backend();
