#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "graph/weights.h"

namespace accelerate {

/// Weights that nobody trained: whatever a model's graph asks for, in the shape it asks for, float32.
///
/// Each tensor's numbers depend on the seed and its own name alone. Matrices and biases are normal with deviation 0.02, as
/// transformers initialises BERT's matrices; the scales of norms lie around 1.
class RandomWeights final : public WeightSource {
 public:
  explicit RandomWeights(std::uint64_t seed) : seed_(seed) {}

  const Tensor* find(std::string_view name, std::span<const std::int64_t> expected) override;

  /// True, but for the names that norms had in checkpoints before 2019.
  bool contains(std::string_view name) const override;

  /// All tensors that were asked for.
  const TensorMap& tensors() const { return tensors_; }

 private:
  std::uint64_t seed_;
  TensorMap tensors_;
};

}  // namespace accelerate
