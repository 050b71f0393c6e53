#include "passes/rewriter.h"

#include "ipfs_accelerate/error.h"

namespace accelerate {

Rewriter::Rewriter(const Graph& from) : from_(from), counterparts_(static_cast<std::size_t>(from.value_count()), no_value) {}

void Rewriter::copy(const Node& node) {
  if (node.op == Op::input) {
    const ValueType& type = from_.type(node.outputs.front());
    const auto& input = node.as<InputOptions>();
    replace(node.outputs.front(), to_.input(input.name, type.dtype, type.shape, input.marked));
    return;
  }
  if (node.op == Op::constant) {
    const auto& constant = node.as<ConstantOptions>();
    replace(node.outputs.front(), to_.constant(constant.tensor, constant.name));
    return;
  }
  const ValueId first = to_.add(node.op, inputs_of(node), node.options).id();
  for (std::size_t i = 0; i < node.outputs.size(); ++i) replace(node.outputs[i], {to_, first + static_cast<ValueId>(i)});
}

void Rewriter::replace(ValueId value, Value replacement) { counterparts_.at(static_cast<std::size_t>(value)) = replacement.id(); }

Value Rewriter::operator()(ValueId value) {
  if (value == no_value) return {};
  const ValueId counterpart = counterparts_.at(static_cast<std::size_t>(value));
  if (counterpart == no_value) throw Error(ErrorKind::internal, "a pass reads a value before it made its counterpart");
  return {to_, counterpart};
}

std::vector<ValueId> Rewriter::inputs_of(const Node& node) {
  std::vector<ValueId> inputs;
  inputs.reserve(node.inputs.size());
  for (ValueId input : node.inputs) inputs.push_back((*this)(input).id());
  return inputs;
}

Graph Rewriter::finish() {
  for (const NamedValue& output : from_.outputs()) to_.output(output.name, (*this)(output.value));
  return std::move(to_);
}

}  // namespace accelerate
