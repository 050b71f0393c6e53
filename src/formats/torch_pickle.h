#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/pickle.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate {

/// An element type of PyTorch.
struct TorchType {
  std::string_view name;     ///< as safetensors calls it: "F32"
  std::string_view storage;  ///< "FloatStorage"; empty where there is none
  std::string_view dtype;    ///< "float32"
  int bytes = 0;             ///< of an element
  std::optional<DType> known = std::nullopt;
};

/// A run of bytes in a checkpoint, as the persistent ids of its pickle describe it.
struct TorchStorage {
  const TorchType* type = nullptr;
  std::string key;            ///< of the file or record with the bytes
  std::int64_t elements = 0;  ///< of `type`
};

/// A tensor of a state dict: a view of a storage.
struct TorchTensor {
  std::string name;
  const TorchType* type = nullptr;
  TorchStorage storage;
  std::int64_t offset = 0;  ///< of the first element in the storage, in elements
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  ///< of each axis, in elements
};

/// The names that the pickle of a checkpoint may ask for: PyTorch's storages, element types and the functions that put
/// tensors together, and the ordered dictionary. No others, whatever they are.
PickleUse torch_pickle_rules(std::string_view name);

/// The tensors of the dictionary that `pickle` holds, in its order; values that are no tensors are left out. Sizes, offsets
/// and strides are not negative. Throws invalid_file, naming `source` and the tensor, for anything else.
std::vector<TorchTensor> read_state_dict(const Pickle& pickle, const std::string& source);

}  // namespace accelerate
