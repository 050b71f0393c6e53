#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/packed_weights.h"
#include "formats/tensor_file.h"
#include "graph/weights.h"

namespace accelerate {

/// The weights of a model folder: the first that is there of model.safetensors, the shards that model.safetensors.index.json
/// names, pytorch_model.bin, and the shards that pytorch_model.bin.index.json names; or those of a GGUF file, under the names
/// that transformers has for them.
class Checkpoint final : public WeightSource {
 public:
  /// Maps and checks the files of a folder, or a GGUF file with its other parts. Throws not_found when there is no checkpoint or
  /// a shard is missing, and invalid_file when a file is damaged, the index names a tensor that its shard has not, or two shards
  /// have the same tensor, unsupported for a quantization_config of config.json that is not known here.
  explicit Checkpoint(const std::filesystem::path& path);

  /// Whether the folder has a checkpoint of safetensors or of PyTorch's.
  static bool is_in(const std::filesystem::path& folder);

  /// The tensor `name`, or nullptr; it lives as long as the checkpoint. `expected` is not looked at.
  /// Throws unsupported when it has an element type that this library has not.
  const Tensor* find(std::string_view name, std::span<const std::int64_t> expected = {}) override;

  /// The weight `name` of a layer that is packed as config.json's quantization_config says (formats/packed_weights.h), or whose
  /// GGUF file has it as codes; it lives as long as the checkpoint. Throws invalid_file when its tensors do not fit each other, unsupported
  /// for a weight that the model wants transposed.
  const QuantisedWeight* find_quantised(std::string_view name, std::span<const std::int64_t> expected) override;

  bool contains(std::string_view name) const override;

  /// Names of all tensors, in order.
  std::vector<std::string> names() const;

  /// The tensor's type and shape as its file gives them, or nullptr.
  const TensorEntry* entry(std::string_view name) const;

  /// The tensor's bytes as its file has them, quantised ones too; none where there is no such tensor.
  std::span<const std::byte> stored_bytes(std::string_view name) const;

  /// Bytes of all tensors together, as the files have them.
  std::size_t byte_size() const;

  /// Tells the system that `tensor`, one of this checkpoint's, will not be read again, for instance because it was packed:
  /// its pages no longer count as resident.
  void release(const Tensor& tensor) const;

 private:
  using Open = TensorFile (*)(const std::filesystem::path& path);
  void add_shards(const std::filesystem::path& index_file, Open open);
  void add_file(TensorFile file);

  std::vector<TensorFile> files_;
  std::map<std::string, std::size_t, std::less<>> file_of_;  // index into files_, by the tensor's name
  TensorMap found_;                                          // those that were asked for
  std::optional<PackingScheme> packing_;
  std::map<std::string, QuantisedWeight, std::less<>> unpacked_;  // those that were asked for
};

}  // namespace accelerate
