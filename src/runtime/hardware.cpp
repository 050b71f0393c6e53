#include "runtime/hardware.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/cgroup.h"
#include "base/thread_pool.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

constexpr int most_cpus = 1 << 16;  // far above any machine; bounds what a malformed list can ask for

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// The decimal number that `text` begins with and what follows it; nothing when it begins with none.
std::optional<std::pair<std::int64_t, std::string_view>> leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || value < 0) return std::nullopt;
  return std::pair(value, text.substr(static_cast<std::size_t>(end - text.data())));
}

/// The numbers of a kernel list such as "0-3,8"; empty when it is not one.
std::vector<int> numbers_in_list(std::string_view text) {
  std::vector<int> numbers;
  while (!text.empty()) {
    const auto first = leading_number(text);
    if (!first || first->first >= most_cpus) return {};
    auto last = *first;
    if (last.second.starts_with('-')) {
      const auto end = leading_number(last.second.substr(1));
      if (!end || end->first >= most_cpus) return {};
      last = *end;
    }
    for (std::int64_t number = first->first; number <= last.first; ++number) numbers.push_back(static_cast<int>(number));
    if (!last.second.empty() && !last.second.starts_with(',')) return {};
    text = last.second.substr(std::min<std::size_t>(1, last.second.size()));
  }
  return numbers;
}

/// The value of the first line "name : value" of a /proc file; empty when there is none.
std::string field_of(const fs::path& path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos || !line.starts_with(name)) continue;
    if (line.find_first_not_of(" \t", name.size()) != colon) continue;
    const auto value = line.find_first_not_of(" \t", colon + 1);
    return value == std::string::npos ? std::string() : line.substr(value);
  }
  return {};
}

/// A field of a memory table of the kernel's, "24684084 kB", in bytes.
std::optional<std::int64_t> memory_field(const fs::path& file, std::string_view name) {
  const std::string value = field_of(file, name);
  const auto number = leading_number(value);
  if (!number || number->second != " kB" || number->first > (std::int64_t{1} << 50)) return std::nullopt;
  return number->first * 1024;
}

/// A cache's size as the kernel writes it, "32K" or "8M", in bytes.
std::optional<std::int64_t> cache_bytes(std::string_view text) {
  const auto number = leading_number(text);
  if (!number || number->first > (std::int64_t{1} << 30)) return std::nullopt;
  if (number->second == "K") return number->first << 10;
  if (number->second == "M") return number->first << 20;
  return number->second.empty() ? std::optional(number->first) : std::nullopt;
}

/// Number of distinct texts in the file `name` of each processor's folder; nothing when a processor lacks it.
std::optional<int> count_distinct(const std::vector<fs::path>& cpus, const fs::path& name) {
  std::set<std::string> seen;
  for (const fs::path& cpu : cpus) {
    const std::string text = first_line(cpu / name);
    if (text.empty()) return std::nullopt;
    seen.insert(text);
  }
  return cpus.empty() ? std::nullopt : std::optional(static_cast<int>(seen.size()));
}

std::vector<CacheInfo> caches_of(const std::vector<fs::path>& cpus) {
  std::map<std::pair<int, std::int64_t>, std::set<std::string>> sharers;  // by level and size
  for (const fs::path& cpu : cpus) {
    for (int index = 0; fs::exists(cpu / "cache" / ("index" + std::to_string(index))); ++index) {
      const fs::path cache = cpu / "cache" / ("index" + std::to_string(index));
      const auto level = leading_number(first_line(cache / "level"));
      const auto bytes = cache_bytes(first_line(cache / "size"));
      if (!level || level->first > 9 || !bytes || first_line(cache / "type") == "Instruction") continue;
      sharers[{static_cast<int>(level->first), *bytes}].insert(first_line(cache / "shared_cpu_list"));
    }
  }
  std::vector<CacheInfo> caches;
  for (const auto& [kind, lists] : sharers)
    caches.push_back({.level = kind.first, .bytes = kind.second, .count = static_cast<int>(lists.size())});
  return caches;
}

std::vector<NumaNode> numa_nodes_of(const fs::path& folder) {
  std::vector<NumaNode> nodes;
  for (const int number : numbers_in_list(first_line(folder / "online"))) {
    const fs::path node = folder / ("node" + std::to_string(number));
    nodes.push_back({.number = number,
                     .logical_cores = static_cast<int>(numbers_in_list(first_line(node / "cpulist")).size()),
                     .memory_bytes = memory_field(node / "meminfo", "Node " + std::to_string(number) + " MemTotal")});
  }
  return nodes;
}

}  // namespace

std::string processor_model(const fs::path& root) { return field_of(root / "proc/cpuinfo", "model name"); }

int threads_per_core(const fs::path& root) {
  const std::vector<int> siblings = numbers_in_list(first_line(root / "sys/devices/system/cpu/cpu0/topology/thread_siblings_list"));
  return std::max(1, static_cast<int>(siblings.size()));
}

HardwareInfo detect_hardware(const fs::path& root) {
  HardwareInfo info;
  info.cpu_model = processor_model(root);
  info.usable_cores = usable_cores();

  std::vector<fs::path> cpus;
  const fs::path system = root / "sys/devices/system";
  for (const int cpu : numbers_in_list(first_line(system / "cpu/online"))) cpus.push_back(system / "cpu" / ("cpu" + std::to_string(cpu)));
  if (!cpus.empty()) info.logical_cores = static_cast<int>(cpus.size());
  info.sockets = count_distinct(cpus, "topology/physical_package_id");
  info.physical_cores = count_distinct(cpus, "topology/thread_siblings_list");
  info.caches = caches_of(cpus);
  info.numa_nodes = numa_nodes_of(system / "node");

  info.memory_bytes = memory_field(root / "proc/meminfo", "MemTotal");
  info.memory_available_bytes = memory_field(root / "proc/meminfo", "MemAvailable");
  const ControlGroupLimits limits = control_group_limits(root);
  info.core_limit = limits.cpu_cores;
  info.memory_limit_bytes = limits.memory_bytes;
  if (limits.memory_bytes && limits.memory_in_use) {
    const std::int64_t left = std::max<std::int64_t>(0, *limits.memory_bytes - *limits.memory_in_use);
    info.memory_available_bytes = std::min(left, info.memory_available_bytes.value_or(left));
  }
  return info;
}

}  // namespace accelerate
