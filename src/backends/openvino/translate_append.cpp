// append: what earlier calls brought and what this one does, side by side as attention reads it.
#include <algorithm>

#include "backends/openvino/translation.h"

namespace accelerate::openvino {

std::string refusal_of_append(const Graph& graph, const Node& node) {
  const ValueId rows = node.outputs.front();
  const auto is_key_or_value = [&](const Node& reader) {
    const auto reads = std::ranges::count(reader.inputs, rows);
    if (reads == 0) return true;
    return reader.op == Op::attention && reader.inputs[3] == node.inputs[1] && reader.inputs[4] == node.inputs[2] &&
           reads == std::count(reader.inputs.begin() + 1, reader.inputs.begin() + 3, rows);
  };
  const bool is_output = std::ranges::count(graph.outputs(), rows, &NamedValue::value) > 0;
  if (is_output || !std::ranges::all_of(graph.nodes(), is_key_or_value))
    return "[append] rows are read otherwise than as keys and values of attention within the same sequences";
  return {};
}

// [sequences, heads, places, size]: a rectangle of remembered rows, and behind it one of new rows.
Output translate_append(Translation& translation, const Node& node) {
  const Output rectangle = to_rectangle(translation, translation(node.inputs[0]), translation.shape(node.inputs[0]), node.inputs[1]);
  const Output news = std::make_shared<ops::Transpose>(rectangle, whole_numbers({0, 2, 1, 3}));
  return std::make_shared<ops::Concat>(ov::OutputVector{translation.feed(FeedKind::remembered, node.outputs[0]), news}, 2);
}

}  // namespace accelerate::openvino
