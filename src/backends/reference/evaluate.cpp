#include "backends/reference/evaluate.h"

#include <fmt/format.h>

#include <array>

#include "backends/reference/definitions.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace reference {

Tensor Arguments::new_output() const {
  const ValueType& type = graph.type(node.outputs.front());
  return Tensor::zeros(type.dtype, evaluate(type.shape, sizes));
}

std::string Arguments::name_of_input(std::size_t index) const {
  const ConstantOptions* constant = graph.constant_of(node.inputs[index]);
  return constant == nullptr || constant->name.empty() ? "" : fmt::format(" ('{}')", constant->name);
}

void Arguments::fail(const std::string& message) const {
  throw Error(ErrorKind::invalid_argument, fmt::format("[{}] {}", traits_of(node.op).name, message));
}

Tensors input(const Arguments& arguments) {
  throw Error(ErrorKind::internal,
              fmt::format("[input] '{}' is given by the caller, not computed", arguments.options<InputOptions>().name));
}

}  // namespace reference

std::vector<Tensor> evaluate_node(const Graph& graph, const Node& node, std::span<const Tensor> inputs, const SizeMap& sizes) {
  constexpr std::array definitions{
#define ACCELERATE_OP(name, ...) &reference::name,
#include "graph/ops.def"
#undef ACCELERATE_OP
  };
  return definitions.at(static_cast<std::size_t>(node.op))({graph, node, inputs, sizes});
}

}  // namespace accelerate
