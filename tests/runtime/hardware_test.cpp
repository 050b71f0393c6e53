#include "runtime/hardware.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/thread_pool.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

/// A folder that stands for "/" and is removed at the end.
class FakeRoot {
 public:
  explicit FakeRoot(const std::string& name) : path_(fs::path(testing::TempDir()) / ("hardware_" + name)) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~FakeRoot() { fs::remove_all(path_); }
  FakeRoot(const FakeRoot&) = delete;
  FakeRoot& operator=(const FakeRoot&) = delete;

  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((path_ / file).parent_path());
    std::ofstream(path_ / file) << text;
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void write_cache(const FakeRoot& root, int cpu, int index, const std::string& type, int level, const std::string& size,
                 const std::string& shared) {
  const std::string cache = "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cache/index" + std::to_string(index) + "/";
  root.write(cache + "type", type + "\n");
  root.write(cache + "level", std::to_string(level) + "\n");
  root.write(cache + "size", size + "\n");
  root.write(cache + "shared_cpu_list", shared + "\n");
}

/// Two sockets of two cores with two threads each; processor n and n + 4 share a core.
void write_two_sockets(const FakeRoot& root) {
  root.write("proc/cpuinfo", "processor\t: 0\nmodel name suffix\t: no\nmodel name\t: Example 9000 @ 2 GHz\n");
  root.write("proc/meminfo", "MemTotal:        8000 kB\nMemFree: 1 kB\nMemAvailable:    6000 kB\n");
  root.write("sys/devices/system/cpu/online", "0-3,4-7\n");
  root.write("sys/devices/system/node/online", "0-1\n");
  root.write("sys/devices/system/node/node0/cpulist", "0-1,4-5\n");
  root.write("sys/devices/system/node/node1/cpulist", "2-3,6-7\n");
  root.write("sys/devices/system/node/node1/meminfo", "Node 1 MemTotal:        3000 kB\n");
  for (int cpu = 0; cpu < 8; ++cpu) {
    const int core = cpu % 4;
    const std::string siblings = std::to_string(core) + "," + std::to_string(core + 4);
    const std::string topology = "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    root.write(topology + "physical_package_id", std::to_string(core / 2) + "\n");
    root.write(topology + "thread_siblings_list", siblings + "\n");
    write_cache(root, cpu, 0, "Data", 1, "48K", siblings);
    write_cache(root, cpu, 1, "Instruction", 1, "32K", siblings);
    write_cache(root, cpu, 2, "Unified", 2, "2048K", siblings);
    write_cache(root, cpu, 3, "Unified", 3, "30M", core < 2 ? "0-1,4-5" : "2-3,6-7");
  }
}

TEST(Hardware, DescribesAMachineOfTwoSockets) {
  const FakeRoot root("two_sockets");
  write_two_sockets(root);
  const HardwareInfo info = detect_hardware(root.path());
  EXPECT_EQ(info.cpu_model, "Example 9000 @ 2 GHz");
  EXPECT_EQ(info.sockets, 2);
  EXPECT_EQ(info.physical_cores, 4);
  EXPECT_EQ(info.logical_cores, 8);
  EXPECT_EQ(threads_per_core(root.path()), 2);
  ASSERT_EQ(info.numa_nodes.size(), 2U);
  EXPECT_EQ(info.numa_nodes[1].number, 1);
  EXPECT_EQ(info.numa_nodes[1].logical_cores, 4);
  EXPECT_EQ(info.numa_nodes[1].memory_bytes, 3000 * 1024);
  EXPECT_EQ(info.numa_nodes[0].memory_bytes, std::nullopt);
  EXPECT_EQ(info.core_limit, std::nullopt);
  EXPECT_EQ(info.memory_bytes, 8000 * 1024);
  EXPECT_EQ(info.memory_available_bytes, 6000 * 1024);
  EXPECT_EQ(info.memory_limit_bytes, std::nullopt);
  ASSERT_EQ(info.caches.size(), 3U);
  EXPECT_EQ(info.caches[0].level, 1);
  EXPECT_EQ(info.caches[0].bytes, 48 << 10);
  EXPECT_EQ(info.caches[0].count, 4);
  EXPECT_EQ(info.caches[1].bytes, 2 << 20);
  EXPECT_EQ(info.caches[1].count, 4);
  EXPECT_EQ(info.caches[2].bytes, 30 << 20);
  EXPECT_EQ(info.caches[2].count, 2);
}

TEST(Hardware, AControlGroupBoundsCoresAndMemory) {
  const FakeRoot root("limited");
  write_two_sockets(root);
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/fs/cgroup/cpu.max", "150000 100000\n");
  root.write("sys/fs/cgroup/memory.max", "1000000\n");
  root.write("sys/fs/cgroup/memory.current", "400000\n");
  const HardwareInfo info = detect_hardware(root.path());
  EXPECT_EQ(info.core_limit, 1.5);
  EXPECT_EQ(info.memory_limit_bytes, 1000000);
  EXPECT_EQ(info.memory_available_bytes, 600000);
}

TEST(Hardware, WhatTheSystemDoesNotTellIsEmpty) {
  const FakeRoot root("empty");
  const HardwareInfo info = detect_hardware(root.path());
  EXPECT_EQ(info.cpu_model, "");
  EXPECT_EQ(info.sockets, std::nullopt);
  EXPECT_EQ(info.physical_cores, std::nullopt);
  EXPECT_EQ(info.logical_cores, std::nullopt);
  EXPECT_TRUE(info.numa_nodes.empty());
  EXPECT_EQ(threads_per_core(root.path()), 1);
  EXPECT_EQ(processor_model(root.path()), "");
  EXPECT_EQ(info.memory_bytes, std::nullopt);
  EXPECT_EQ(info.memory_available_bytes, std::nullopt);
  EXPECT_TRUE(info.caches.empty());
  EXPECT_EQ(info.usable_cores, usable_cores());
}

TEST(Hardware, MalformedFilesAreWhatTheSystemDoesNotTell) {
  for (const std::string list : {"x", "0-", "-3", "0;1", "0-99999999999", "99999999999999999999", "5-2"}) {
    const FakeRoot root("malformed");
    root.write("sys/devices/system/cpu/online", list + "\n");
    root.write("sys/devices/system/node/online", list + "\n");
    root.write("proc/meminfo", "MemTotal: lots\nMemAvailable: 99999999999999999 kB\n");
    root.write("proc/cpuinfo", "model name\n");
    const HardwareInfo info = detect_hardware(root.path());
    EXPECT_EQ(info.logical_cores, std::nullopt) << list;
    EXPECT_TRUE(info.numa_nodes.empty()) << list;
    EXPECT_EQ(info.memory_bytes, std::nullopt);
    EXPECT_EQ(info.memory_available_bytes, std::nullopt);
    EXPECT_EQ(info.cpu_model, "");
  }
}

TEST(Hardware, ThisMachineHasMemoryAndAtLeastTheCoresInUse) {
  const HardwareInfo info = detect_hardware();
  ASSERT_TRUE(info.memory_bytes.has_value());
  EXPECT_GT(*info.memory_bytes, 0);
  ASSERT_TRUE(info.logical_cores.has_value());
  EXPECT_GE(*info.logical_cores, info.usable_cores);
}

}  // namespace
}  // namespace accelerate
