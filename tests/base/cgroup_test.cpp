#include "base/cgroup.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>

namespace accelerate {
namespace {

namespace fs = std::filesystem;

struct Case {
  std::string name;
  std::map<std::string, std::string> files;
  std::optional<double> cpu_cores;
  std::optional<std::int64_t> memory_bytes;
  std::optional<std::int64_t> memory_in_use;
};

class ControlGroups : public testing::TestWithParam<Case> {};

TEST_P(ControlGroups, Limits) {
  const fs::path root = fs::path(testing::TempDir()) / ("cgroup_" + GetParam().name);
  fs::remove_all(root);
  for (const auto& [path, text] : GetParam().files) {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }
  const ControlGroupLimits limits = control_group_limits(root);
  EXPECT_EQ(limits.cpu_cores, GetParam().cpu_cores);
  EXPECT_EQ(limits.memory_bytes, GetParam().memory_bytes);
  EXPECT_EQ(limits.memory_in_use, GetParam().memory_in_use);
  fs::remove_all(root);
}

INSTANTIATE_TEST_SUITE_P(
    Trees, ControlGroups,
    testing::Values(
        Case{.name = "none", .files = {}, .cpu_cores = {}, .memory_bytes = {}, .memory_in_use = {}},
        Case{.name = "version_2_unlimited",
             .files = {{"proc/self/cgroup", "0::/\n"}, {"sys/fs/cgroup/cpu.max", "max 100000\n"}, {"sys/fs/cgroup/memory.max", "max\n"}},
             .cpu_cores = {},
             .memory_bytes = {},
             .memory_in_use = {}},
        Case{.name = "version_2_the_tightest_of_the_ancestors",
             .files = {{"proc/self/cgroup", "0::/a/b\n"},
                       {"sys/fs/cgroup/a/cpu.max", "150000 100000\n"},
                       {"sys/fs/cgroup/a/b/cpu.max", "400000 100000\n"},
                       {"sys/fs/cgroup/a/memory.max", "8000000\n"},
                       {"sys/fs/cgroup/a/memory.current", "900\n"},
                       {"sys/fs/cgroup/a/b/memory.max", "2000000\n"},
                       {"sys/fs/cgroup/a/b/memory.current", "700\n"}},
             .cpu_cores = 1.5,
             .memory_bytes = 2000000,
             .memory_in_use = 700},
        Case{.name = "version_2_path_of_the_host_in_a_container",
             .files = {{"proc/self/cgroup", "0::/../../not/here\n"}, {"sys/fs/cgroup/cpu.max", "200000 100000\n"}},
             .cpu_cores = 2.0,
             .memory_bytes = {},
             .memory_in_use = {}},
        Case{.name = "version_1",
             .files = {{"proc/self/cgroup", "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n"},
                       {"sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us", "300000\n"},
                       {"sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n"},
                       {"sys/fs/cgroup/memory/memory.limit_in_bytes", "4096000\n"},
                       {"sys/fs/cgroup/memory/memory.usage_in_bytes", "1000\n"}},
             .cpu_cores = 3.0,
             .memory_bytes = 4096000,
             .memory_in_use = 1000},
        Case{.name = "version_1_unlimited",
             .files = {{"proc/self/cgroup", "5:cpu:/\n4:memory:/\n"},
                       {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
                       {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"},
                       {"sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}},
             .cpu_cores = {},
             .memory_bytes = {},
             .memory_in_use = {}},
        Case{.name = "nonsense",
             .files = {{"proc/self/cgroup", "garbage\n::\n0::/\n"},
                       {"sys/fs/cgroup/cpu.max", "soon 0\n"},
                       {"sys/fs/cgroup/memory.max", "99999999999999999999999\n"}},
             .cpu_cores = {},
             .memory_bytes = {},
             .memory_in_use = {}}),
    [](const testing::TestParamInfo<Case>& test) { return test.param.name; });

}  // namespace
}  // namespace accelerate
