#pragma once

#include <filesystem>
#include <string>

#include "ipfs_accelerate/devices.h"

namespace accelerate {

/// What `root`/proc and `root`/sys say about this machine, except `usable_cores`, which is always this process's own.
HardwareInfo detect_hardware(const std::filesystem::path& root = "/");

/// The processor's name alone; empty where `root`/proc does not tell.
std::string processor_model(const std::filesystem::path& root = "/");

/// Hardware threads of a core; 1 where `root`/sys does not tell.
int threads_per_core(const std::filesystem::path& root = "/");

}  // namespace accelerate
