#pragma once

#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "graph/ops.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate {

/// Normal random numbers: offset + spread · N(0, 1).
struct Numbers {
  double spread = 1;
  double offset = 0;
};

/// Builds a small graph together with the inputs of one call of it. What is random depends on the seed alone.
class CaseBuilder {
 public:
  explicit CaseBuilder(std::uint64_t seed) : random_(seed) {}

  Graph& graph() { return graph_; }
  const TensorMap& inputs() const { return inputs_; }

  /// A named size, which is `value` in this call.
  Dim size(std::string_view name, std::int64_t value);

  /// A float32 input of random numbers.
  Value floats(std::string_view name, Shape shape, Numbers numbers = {});

  /// A float32 input of those numbers.
  Value given(std::string_view name, Shape shape, std::span<const float> values);

  /// An int64 input of random numbers in [lowest, highest].
  Value whole_numbers(std::string_view name, Shape shape, std::int64_t lowest, std::int64_t highest);

  /// A boolean input, true half the time.
  Value booleans(std::string_view name, Shape shape);

  /// Input `name` [sequences + 1] of sequences of these lengths.
  Value sequences(std::string_view name, const std::vector<std::int64_t>& lengths);

  /// A constant of random numbers that is stored as `stored`.
  Value weight(std::string_view name, std::vector<std::int64_t> shape, DType stored = DType::float32, Numbers numbers = {});

 private:
  Value input(std::string_view name, Shape shape, Tensor tensor);
  double normal(Numbers numbers);

  Graph graph_;
  TensorMap inputs_;
  SizeMap sizes_;
  std::mt19937_64 random_;
};

}  // namespace accelerate
