// Shows what can compute on this machine, and what the models on the command line are: inspect [MODEL…]
#include <ipfs_accelerate/devices.h>
#include <ipfs_accelerate/error.h>
#include <ipfs_accelerate/model.h>

#include <iostream>

int main(int count, char** arguments) {
  for (const accelerate::BackendDevices& row : accelerate::list_devices()) {
    std::cout << row.backend << ": ";
    for (const auto& device : row.devices) std::cout << device.name << " (" << device.description << ") ";
    std::cout << (row.devices.empty() ? row.reason : "") << '\n';
  }
  try {
    for (int i = 1; i < count; ++i) {
      const auto model = accelerate::Model::load(arguments[i]);
      const accelerate::ModelInfo& info = model.info();
      std::cout << info.name << ": " << info.model_type << " with head " << info.head << ", " << info.parameters << " parameters"
                << (info.random_weights ? " (random)" : "") << ", at most " << info.most_tokens << " tokens, on " << info.implementation
                << '\n';
    }
  } catch (const accelerate::Error& error) {
    std::cerr << "inspect: " << error.what() << '\n';
    return accelerate::exit_code(error.kind());
  }
}
