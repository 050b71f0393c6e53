#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace accelerate {

/// Caches of one kind that hold data.
struct CacheInfo {
  int level;           ///< 1, 2, 3, …
  std::int64_t bytes;  ///< of one of them
  int count;           ///< how many the machine has: cores that share one count it once
};

/// The machine, as the system describes it. What the system does not tell is empty.
struct HardwareInfo {
  std::string cpu_model;
  std::optional<int> sockets;
  std::optional<int> physical_cores;
  std::optional<int> logical_cores;  ///< those online
  int usable_cores = 1;              ///< those that this process may use
  std::vector<CacheInfo> caches;     ///< ascending by level
  std::optional<int> numa_nodes;
  std::optional<std::int64_t> memory_bytes;
  std::optional<std::int64_t> memory_limit_bytes;      ///< of this process's control group
  std::optional<std::int64_t> memory_available_bytes;  ///< what this process can still take before swapping or its limit
};

/// What `root`/proc and `root`/sys say about this machine, except `usable_cores`, which is always this process's own.
HardwareInfo detect_hardware(const std::filesystem::path& root = "/");

}  // namespace accelerate
