// A model as data: nodes in the order they can run, each an op on values. Built by the functions of graph/ops.h, changed
// by passes, compiled by backends.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graph/options.h"

namespace accelerate {

enum class Op : std::uint8_t {
#define ACCELERATE_OP(name, ...) name,
#include "graph/ops.def"
#undef ACCELERATE_OP
};

enum class OpKind : std::uint8_t { base, fused };

/// A row of ops.def.
struct OpTraits {
  std::string_view name;
  int least_inputs;
  int most_inputs;
  int outputs;
  OpKind kind;
  std::string_view summary;
};

const OpTraits& traits_of(Op op);

/// All rows of ops.def, in its order.
std::span<const OpTraits> all_ops();

using ValueId = std::int32_t;

/// Stands for an optional input that is absent.
inline constexpr ValueId no_value = -1;

/// What a value is to the model: float32 whatever its storage, int64 or boolean, and a shape that may be symbolic.
struct ValueType {
  DType dtype = DType::float32;
  Shape shape;
};

/// "float32 [tokens, 384]".
std::string text_of(const ValueType& type);

struct Node {
  Op op;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  Options options;

  /// The options, which must be of type T.
  template <typename T>
  const T& as() const {
    return std::get<T>(options);
  }
};

class Graph;

/// A handle on a value of a graph that is being built.
class Value {
 public:
  Value() = default;
  Value(Graph& graph, ValueId id) : graph_(&graph), id_(id) {}

  Graph& graph() const { return *graph_; }
  ValueId id() const { return id_; }
  const ValueType& type() const;
  DType dtype() const { return type().dtype; }
  const Shape& shape() const { return type().shape; }
  int rank() const { return static_cast<int>(shape().size()); }

  /// Size of an axis; negative axes count from the last.
  Dim dim(int axis) const;

  /// False for the absent value, which optional inputs may be.
  explicit operator bool() const { return graph_ != nullptr; }

 private:
  Graph* graph_ = nullptr;
  ValueId id_ = no_value;
};

struct NamedValue {
  std::string name;
  ValueId value;
};

class Graph {
 public:
  /// Declares an input; the same name again gives the same value. Throws internal when its type differs.
  Value input(std::string_view name, DType dtype, Shape shape, MarkedTokens marked = {});

  /// A constant; a name that is not empty and was used before gives the first value again.
  Value constant(Tensor tensor, std::string_view name = {});

  /// A float32 constant of shape [].
  Value number(float value);

  /// An int64 constant of shape [].
  Value whole_number(std::int64_t value);

  void output(std::string_view name, Value value);

  /// Appends a node, whose output types follow from the shape rule; returns its first output. Throws internal, with
  /// the op's name, when the inputs do not fit.
  Value add(Op op, std::vector<ValueId> inputs, Options options = NoOptions{});

  std::span<const Node> nodes() const { return nodes_; }
  std::span<const NamedValue> inputs() const { return inputs_; }
  std::span<const NamedValue> outputs() const { return outputs_; }
  std::int32_t value_count() const { return static_cast<std::int32_t>(types_.size()); }
  const ValueType& type(ValueId value) const { return types_.at(static_cast<std::size_t>(value)); }

  /// The node that makes `value`.
  const Node& producer(ValueId value) const { return nodes_.at(producers_.at(static_cast<std::size_t>(value))); }

  /// The value's constant tensor, or nullptr when another op makes it.
  const ConstantOptions* constant_of(ValueId value) const;

  /// For each value, by how many node inputs and graph outputs it is used.
  std::vector<int> use_counts() const;

 private:
  std::vector<Node> nodes_;
  std::vector<ValueType> types_;
  std::vector<std::size_t> producers_;
  std::vector<NamedValue> inputs_;
  std::vector<NamedValue> outputs_;
  std::unordered_map<std::string, ValueId> constants_;
};

}  // namespace accelerate
