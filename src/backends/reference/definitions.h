// The definition of each op, as a function of its node and its inputs' tensors; one file a group of ops. Sums are taken in
// double and results rounded to float32.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate::reference {

using Tensors = std::vector<Tensor>;

/// What a definition is given: a node, its inputs' tensors and the named sizes of the call.
struct Arguments {
  const Graph& graph;
  const Node& node;
  std::span<const Tensor> inputs;
  const SizeMap& sizes;

  template <typename T>
  const T& options() const {
    return node.as<T>();
  }

  /// Whether optional input `index` is there.
  bool has(std::size_t index) const { return index < node.inputs.size() && node.inputs[index] != no_value; }

  const Tensor& input(std::size_t index) const { return inputs[index]; }

  /// The elements of float32 input `index`; none when it is absent.
  std::span<const float> floats(std::size_t index) const { return has(index) ? inputs[index].values<float>() : std::span<const float>{}; }

  std::span<const std::int64_t> whole_numbers(std::size_t index) const { return inputs[index].values<std::int64_t>(); }

  /// A tensor of zeros of the first output's type.
  Tensor new_output() const;

  /// The name of constant input `index` as " ('embeddings.weight')", or nothing: to end a message with.
  std::string name_of_input(std::size_t index) const;

  /// Throws invalid_argument: "[op] message".
  [[noreturn]] void fail(const std::string& message) const;
};

#define ACCELERATE_OP(name, ...) Tensors name(const Arguments& arguments);
#include "graph/ops.def"
#undef ACCELERATE_OP

}  // namespace accelerate::reference
