#pragma once

#include <filesystem>

namespace accelerate {

/// The folder for what may be lost and made again: ACCELERATE_CACHE, else ipfs-accelerate below XDG_CACHE_HOME, else
/// ~/.cache/ipfs-accelerate; empty where none of the three is an absolute path. It need not exist.
std::filesystem::path cache_folder();

}  // namespace accelerate
