#pragma once

#include <string>
#include <vector>

namespace accelerate {

/// What one backend of this build can use on this machine.
struct BackendDevices {
  struct Entry {
    std::string name;         ///< "cpu", "cuda:0"
    std::string description;  ///< what it is, for people
  };
  std::string backend;         ///< as LoadOptions::backend takes it
  std::vector<Entry> devices;  ///< empty when the backend cannot run here
  std::string reason;          ///< why it cannot
};

/// Every backend of this build, in the order in which "auto" tries them.
std::vector<BackendDevices> list_devices();

}  // namespace accelerate
