#pragma once

#include <cstdint>
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

/// Processors and the memory that is near to them.
struct NumaNode {
  int number;
  int logical_cores;
  std::optional<std::int64_t> memory_bytes;
};

/// The machine, as the system describes it. What the system does not tell is empty.
struct HardwareInfo {
  std::string cpu_model;
  std::optional<int> sockets;
  std::optional<int> physical_cores;
  std::optional<int> logical_cores;  ///< those online
  int usable_cores = 1;              ///< those that this process may use
  std::optional<double> core_limit;  ///< of this process's control group: CPU time a second, in cores
  std::vector<CacheInfo> caches;     ///< ascending by level
  std::vector<NumaNode> numa_nodes;  ///< ascending by number
  std::optional<std::int64_t> memory_bytes;
  std::optional<std::int64_t> memory_limit_bytes;      ///< of this process's control group
  std::optional<std::int64_t> memory_available_bytes;  ///< what this process can still take before swapping or its limit
};

/// What the system says about this machine now.
HardwareInfo describe_machine();

/// A set of processor instructions that the cpu backend has kernels for.
struct InstructionSet {
  std::string name;    ///< "avx2", "avx512", "avx512_bf16" or "amx"
  bool usable;         ///< by the processor's word and the operating system's
  bool selected;       ///< whether the kernels use it: the last usable one, or that of ACCELERATE_CPU_ISA
  std::string reason;  ///< why it is not usable; empty where it is
};

/// Every instruction set that there are kernels for, each taking in those before it.
std::vector<InstructionSet> list_instruction_sets();

/// What one backend of this build can use on this machine.
struct BackendDevices {
  struct Entry {
    std::string name;         ///< "cpu", "cuda:0"
    std::string description;  ///< what it is, for people
    std::string reason;       ///< why it cannot be used; empty where it can
  };
  std::string backend;                  ///< as LoadOptions::backend takes it
  std::vector<std::string> precisions;  ///< that it computes in; empty when it cannot run here
  std::vector<Entry> devices;           ///< the usable ones, the preferred first
  std::vector<Entry> unusable;          ///< those that it sees and cannot use
  std::string reason;                   ///< why it has no usable device; empty where it has
};

/// Every backend of this build, in the order of preference among equally fast ones.
std::vector<BackendDevices> list_devices();

}  // namespace accelerate
