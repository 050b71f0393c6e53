// reshape, transpose, slice, concat, gather, scatter.
#include <algorithm>

#include "backends/openvino/translation.h"

namespace accelerate::openvino {
namespace {

Output axis_constant(std::int64_t axis) { return ops::Constant::create(ov::element::i64, {}, {axis}); }

}  // namespace

// Static sizes stay known to the runtime.
Output target_shape(Translation& translation, ValueId value) {
  const Shape& shape = translation.shape(value);
  const auto named = std::ranges::count_if(shape, [](const Dim& size) { return !size.is_static(); });
  std::vector<std::int64_t> sizes;
  for (const Dim& size : shape) sizes.push_back(size.is_static() ? size.value() : -1);
  const bool is_inferred = named == 0 || (named == 1 && std::ranges::find(sizes, 0) == sizes.end());
  if (is_inferred) return whole_numbers(sizes);
  const Output all = translation.feed(FeedKind::shape, value);
  ov::OutputVector parts;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const Output own = std::make_shared<ops::Gather>(all, whole_numbers({static_cast<std::int64_t>(i)}), axis_constant(0));
    parts.push_back(sizes[i] < 0 ? own : whole_numbers({sizes[i]}));
  }
  return std::make_shared<ops::Concat>(parts, 0);
}

Output translate_reshape(Translation& translation, const Node& node) {
  return reshaped(translation(node.inputs[0]), target_shape(translation, node.outputs[0]));
}

Output reshaped(const Output& x, const Output& sizes) {
  Output source = x;
  // One that copies sizes of its input cannot be left out: it is not ours to know which.
  while (const auto inner = ov::as_type_ptr<ops::Reshape>(source.get_node_shared_ptr())) {
    if (inner->get_special_zero()) break;
    source = inner->input_value(0);
  }
  return std::make_shared<ops::Reshape>(source, sizes, false);
}

Output translate_transpose(Translation& translation, const Node& node) {
  const std::vector<int>& permutation = node.as<TransposeOptions>().permutation;
  return std::make_shared<ops::Transpose>(translation(node.inputs[0]), whole_numbers({permutation.begin(), permutation.end()}));
}

Output translate_slice(Translation& translation, const Node& node) {
  const auto& options = node.as<SliceOptions>();
  Output start;
  Output stop;
  if (options.start.is_static() && options.stop.is_static()) {
    start = whole_numbers({options.start.value()});
    stop = whole_numbers({options.stop.value()});
  } else {
    const Output bounds = translation.feed(FeedKind::bounds, node.outputs[0]);
    start = std::make_shared<ops::Gather>(bounds, whole_numbers({0}), axis_constant(0));
    stop = std::make_shared<ops::Gather>(bounds, whole_numbers({1}), axis_constant(0));
  }
  return std::make_shared<ops::Slice>(translation(node.inputs[0]), start, stop, whole_numbers({options.step}),
                                      whole_numbers({options.axis}));
}

Output translate_concat(Translation& translation, const Node& node) {
  ov::OutputVector parts;
  for (ValueId input : node.inputs) parts.push_back(translation(input));
  return std::make_shared<ops::Concat>(parts, node.as<AxisOptions>().axis);
}

Output translate_gather(Translation& translation, const Node& node) {
  const Output indices = translation.indices(node.inputs[1]);
  const ConstantOptions* table = translation.from().constant_of(node.inputs[0]);
  if (table == nullptr || translation.dtype(node.inputs[0]) != DType::float32)
    return std::make_shared<ops::Gather>(translation(node.inputs[0]), indices, axis_constant(0));
  // Rows are looked up as the checkpoint stores them, and only these decoded.
  const Output rows = std::make_shared<ops::Gather>(stored(table->tensor), indices, axis_constant(0));
  return rows.get_element_type() == ov::element::f32 ? rows : std::make_shared<ops::Convert>(rows, ov::element::f32);
}

Output translate_scatter(Translation& translation, const Node& node) {
  return std::make_shared<ops::ScatterUpdate>(translation(node.inputs[0]), translation.indices(node.inputs[1]), translation(node.inputs[2]),
                                              axis_constant(0));
}

}  // namespace accelerate::openvino
