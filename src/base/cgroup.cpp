#include "base/cgroup.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace accelerate {
namespace {

namespace fs = std::filesystem;

// Version 1 writes "no limit" as the largest page-aligned number.
constexpr std::int64_t no_limit = std::int64_t{1} << 60;

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end == text.data()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> number_file(const fs::path& path) {
  std::ifstream file(path);
  std::string word;
  if (!(file >> word)) return std::nullopt;
  return number_in(word);
}

/// Takes the limits that one group's folder states into `limits` where they are tighter.
void tighten(ControlGroupLimits& limits, std::optional<double> cores, std::optional<std::int64_t> memory, const fs::path& memory_in_use) {
  if (cores && *cores > 0) limits.cpu_cores = std::min(*cores, limits.cpu_cores.value_or(*cores));
  if (memory && *memory > 0 && *memory < no_limit && *memory < limits.memory_bytes.value_or(no_limit)) {
    limits.memory_bytes = memory;
    limits.memory_in_use = number_file(memory_in_use);
  }
}

std::optional<double> cores_version_2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || period <= 0) return std::nullopt;
  const auto microseconds = number_in(quota);  // "max" is no number
  return microseconds ? std::optional(static_cast<double>(*microseconds) / period) : std::nullopt;
}

std::optional<double> cores_version_1(const fs::path& group) {
  const auto quota = number_file(group / "cpu.cfs_quota_us");
  const auto period = number_file(group / "cpu.cfs_period_us");
  if (!quota || !period || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

/// The folders of a group and all above it, from `mount` down. Inside a container the group's path may be the host's, of
/// which only the mount itself exists.
std::vector<fs::path> folders_of(const fs::path& mount, std::string_view group) {
  std::vector<fs::path> folders{mount};
  for (const fs::path& part : fs::path(group).relative_path()) {
    if (part == "..") break;
    folders.push_back(folders.back() / part);
  }
  return folders;
}

void read_group(ControlGroupLimits& limits, const fs::path& mounts, std::string_view controllers, std::string_view group) {
  if (controllers.empty()) {
    for (const fs::path& folder : folders_of(mounts, group))
      tighten(limits, cores_version_2(folder), number_file(folder / "memory.max"), folder / "memory.current");
    return;
  }
  for (const fs::path& folder : folders_of(mounts / controllers, group))
    tighten(limits, cores_version_1(folder), number_file(folder / "memory.limit_in_bytes"), folder / "memory.usage_in_bytes");
}

}  // namespace

ControlGroupLimits control_group_limits(const fs::path& root) {
  ControlGroupLimits limits;
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {  // "hierarchy:controllers:path"
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string_view text = line;
    read_group(limits, root / "sys/fs/cgroup", text.substr(first + 1, second - first - 1), text.substr(second + 1));
  }
  return limits;
}

}  // namespace accelerate
