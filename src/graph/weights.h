#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "graph/graph.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate {

/// A matrix that a checkpoint stores as whole numbers: what dequantize (graph/ops.h) takes. Offsets and groups may be absent.
struct QuantisedWeight {
  Tensor codes;
  Tensor scales;
  std::optional<Tensor> offsets = {};
  std::optional<Tensor> group_of = {};
  DequantizeOptions options = {};
  bool transposed = false;  ///< the rows that are stored are the columns of the weight
};

/// Where a model's weights come from: a checkpoint's files, or a generator of random ones.
class WeightSource {
 public:
  WeightSource() = default;
  WeightSource(const WeightSource&) = delete;
  WeightSource& operator=(const WeightSource&) = delete;
  virtual ~WeightSource() = default;

  /// The tensor named `name`, or nullptr when there is none. `expected` is the shape that the model needs: a source that
  /// reads files may ignore it, one that makes weights up makes them of that shape.
  virtual const Tensor* find(std::string_view name, std::span<const std::int64_t> expected) = 0;

  /// The weight named `name` where it is stored as whole numbers; nullptr, and find() knows it, where it is not.
  virtual const QuantisedWeight* find_quantised(std::string_view name, std::span<const std::int64_t> expected);

  /// Whether a weight is named `name` or begins with `name` and a dot.
  virtual bool contains(std::string_view name) const = 0;
};

/// The weights below one place of a checkpoint, by the checkpoint's own names: weights / "encoder" / 3 / "query".
class Weights {
 public:
  Weights(Graph& graph, WeightSource& source) : graph_(&graph), source_(&source) {}

  Weights operator/(std::string_view name) const;
  Weights operator/(std::int64_t index) const;

  /// Whether there is a weight at, or below, `name` in this place.
  bool contains(std::string_view name) const;

  /// The weight `name` of this place as a constant of the graph, or what is made of constants where it is stored as whole
  /// numbers. Throws invalid_file, with the full name and both shapes,
  /// when it is absent or of another shape.
  Value get(std::string_view name, std::span<const std::int64_t> shape) const;
  Value get(std::string_view name, std::initializer_list<std::int64_t> shape) const {
    return get(name, std::span(shape.begin(), shape.size()));
  }

  /// The full name of this place in the checkpoint.
  const std::string& path() const { return path_; }
  Graph& graph() const { return *graph_; }

 private:
  std::string full_name(std::string_view name) const;

  Graph* graph_;
  WeightSource* source_;
  std::string path_;
};

}  // namespace accelerate
