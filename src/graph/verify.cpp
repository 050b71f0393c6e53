#include "graph/verify.h"

#include <fmt/format.h>

#include "graph/shape_rules.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {

void verify(const Graph& graph) {
  std::vector<bool> made(static_cast<std::size_t>(graph.value_count()), false);
  const auto exists = [&](ValueId value) { return value >= 0 && value < graph.value_count() && made[static_cast<std::size_t>(value)]; };

  for (std::size_t index = 0; index < graph.nodes().size(); ++index) {
    const Node& node = graph.nodes()[index];
    const OpTraits& traits = traits_of(node.op);
    const auto fail = [&](const std::string& what) {
      throw Error(ErrorKind::internal, fmt::format("[{}] node {}: {}", traits.name, index, what));
    };

    for (ValueId input : node.inputs)
      if (input != no_value && !exists(input)) fail(fmt::format("reads value {}, which no earlier node makes", input));
    if (static_cast<int>(node.outputs.size()) != traits.outputs)
      fail(fmt::format("makes {} values, expected {}", node.outputs.size(), traits.outputs));
    const std::vector<ValueType> types = infer_types(graph, node);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId output = node.outputs[i];
      if (output < 0 || output >= graph.value_count() || exists(output)) fail(fmt::format("makes value {}, which is not its own", output));
      const ValueType& declared = graph.type(output);
      if (declared.dtype != types[i].dtype || declared.shape != types[i].shape)
        fail(fmt::format("output is {}, its rule says {}", text_of(declared), text_of(types[i])));
      made[static_cast<std::size_t>(output)] = true;
    }
  }
  for (const NamedValue& output : graph.outputs())
    if (!exists(output.value))
      throw Error(ErrorKind::internal, fmt::format("output '{}' is value {}, which no node makes", output.name, output.value));
}

}  // namespace accelerate
