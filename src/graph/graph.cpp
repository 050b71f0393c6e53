#include "graph/graph.h"

#include <fmt/format.h>

#include <array>

#include "graph/shape_rules.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

constexpr std::array op_table{
#define ACCELERATE_OP(name, options, least, most, outputs, kind, summary) OpTraits{#name, least, most, outputs, OpKind::kind, summary},
#include "graph/ops.def"
#undef ACCELERATE_OP
};

}  // namespace

const OpTraits& traits_of(Op op) { return op_table.at(static_cast<std::size_t>(op)); }

std::span<const OpTraits> all_ops() { return op_table; }

std::string text_of(const ValueType& type) { return fmt::format("{} {}", name_of(type.dtype), text_of(type.shape)); }

const ValueType& Value::type() const { return graph_->type(id_); }

Dim Value::dim(int axis) const {
  const int index = axis < 0 ? axis + rank() : axis;
  if (index < 0 || index >= rank()) throw Error(ErrorKind::internal, fmt::format("axis {} of a value of type {}", axis, text_of(type())));
  return shape()[static_cast<std::size_t>(index)];
}

Value Graph::input(std::string_view name, DType dtype, Shape shape, MarkedTokens marked) {
  for (const NamedValue& known : inputs_) {
    if (known.name != name) continue;
    const ValueType& declared = type(known.value);
    if (declared.dtype != dtype || declared.shape != shape)
      throw Error(ErrorKind::internal, fmt::format("[input] '{}' is {} and was declared again as {}", name, text_of(declared),
                                                   text_of(ValueType{dtype, shape})));
    return {*this, known.value};
  }
  const auto id = static_cast<ValueId>(types_.size());
  types_.push_back({dtype, std::move(shape)});
  producers_.push_back(nodes_.size());
  nodes_.push_back({Op::input, {}, {id}, InputOptions{std::string(name), marked}});
  inputs_.push_back({std::string(name), id});
  return {*this, id};
}

Value Graph::constant(Tensor tensor, std::string_view name) {
  if (const auto known = constants_.find(std::string(name)); !name.empty() && known != constants_.end()) return {*this, known->second};
  const Value value = add(Op::constant, {}, ConstantOptions{std::string(name), std::move(tensor)});
  if (!name.empty()) constants_.emplace(name, value.id());
  return value;
}

Value Graph::number(float value) { return constant(Tensor::from<float>(std::array{value}, {})); }

Value Graph::whole_number(std::int64_t value) { return constant(Tensor::from<std::int64_t>(std::array{value}, {})); }

void Graph::output(std::string_view name, Value value) { outputs_.push_back({std::string(name), value.id()}); }

Value Graph::add(Op op, std::vector<ValueId> inputs, Options options) {
  const OpTraits& traits = traits_of(op);
  const auto given = static_cast<int>(inputs.size());
  if (given < traits.least_inputs || given > traits.most_inputs)
    throw Error(ErrorKind::internal,
                fmt::format("[{}] takes {} to {} inputs, got {}", traits.name, traits.least_inputs, traits.most_inputs, given));
  Node node{op, std::move(inputs), {}, std::move(options)};
  std::vector<ValueType> types = infer_types(*this, node);
  for (ValueType& type : types) {
    node.outputs.push_back(static_cast<ValueId>(types_.size()));
    types_.push_back(std::move(type));
    producers_.push_back(nodes_.size());
  }
  const ValueId first = node.outputs.front();
  nodes_.push_back(std::move(node));
  return {*this, first};
}

const ConstantOptions* Graph::constant_of(ValueId value) const {
  if (value == no_value) return nullptr;
  return std::get_if<ConstantOptions>(&producer(value).options);
}

std::vector<int> Graph::use_counts() const {
  std::vector<int> counts(types_.size(), 0);
  for (const Node& node : nodes_)
    for (ValueId input : node.inputs)
      if (input != no_value) ++counts[static_cast<std::size_t>(input)];
  for (const NamedValue& output : outputs_) ++counts[static_cast<std::size_t>(output.value)];
  return counts;
}

}  // namespace accelerate
