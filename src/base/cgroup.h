#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace accelerate {

/// What the control groups around this process allow it; nothing where there is no limit or no control group.
struct ControlGroupLimits {
  std::optional<double> cpu_cores;            ///< CPU time a second, in cores: 1.5 is 150 ms in each 100 ms
  std::optional<std::int64_t> memory_bytes;   ///< the smallest limit from the process's group up to the root
  std::optional<std::int64_t> memory_in_use;  ///< bytes charged to the group that has that limit
};

/// The limits of this process's control groups, versions 2 and 1, read from `root`/proc and `root`/sys.
ControlGroupLimits control_group_limits(const std::filesystem::path& root = "/");

}  // namespace accelerate
