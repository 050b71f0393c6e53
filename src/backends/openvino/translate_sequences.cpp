// Ragged text as rectangles; sequence_cumsum, sequence_shift, sequence_pool.
#include <limits>
#include <optional>

#include "backends/openvino/translation.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::openvino {
namespace {

Output first_axis() { return ops::Constant::create(ov::element::i64, {}, {0}); }

/// The sizes after the first; nothing when one of them is named.
std::optional<std::vector<std::int64_t>> row_sizes(const Shape& shape) {
  std::vector<std::int64_t> sizes;
  for (std::size_t i = 1; i < shape.size(); ++i) {
    if (!shape[i].is_static()) return std::nullopt;
    sizes.push_back(shape[i].value());
  }
  return sizes;
}

Output gather(const Output& table, const Output& indices) { return std::make_shared<ops::Gather>(table, indices, first_axis()); }

/// x [sequences, …] with axes of one behind it until it has `rank` axes.
Output stretched(const Output& x, std::size_t from, std::size_t rank) {
  std::vector<std::int64_t> axes;
  for (std::size_t axis = from; axis < rank; ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  return axes.empty() ? x : std::make_shared<ops::Unsqueeze>(x, whole_numbers(axes));
}

/// The rectangle with `otherwise` where no row lies.
Output only_filled(Translation& translation, const Output& rectangle, std::size_t rank, ValueId sequences, const Output& otherwise) {
  if (translation.layout() == Layout::equal) return rectangle;
  const Output filled = stretched(translation.feed(FeedKind::filled, sequences), 2, rank);
  return std::make_shared<ops::Select>(filled, rectangle, otherwise);
}

}  // namespace

Output to_rectangle(Translation& translation, const Output& x, const Shape& shape, ValueId sequences) {
  auto sizes = row_sizes(shape);
  if (translation.layout() == Layout::ragged || !sizes) return gather(x, translation.feed(FeedKind::rows, sequences));
  ov::OutputVector target{whole_numbers({-1}, ov::element::i32), translation.feed(FeedKind::longest, sequences)};
  if (!sizes->empty()) target.push_back(whole_numbers(*sizes, ov::element::i32));
  return reshaped(x, std::make_shared<ops::Concat>(target, 0));
}

Output from_rectangle(Translation& translation, const Output& rectangle, const Shape& shape, ValueId sequences) {
  Output rows;
  if (auto sizes = row_sizes(shape)) {
    sizes->insert(sizes->begin(), -1);
    rows = reshaped(rectangle, whole_numbers(*sizes));
  } else {
    // Sizes of 0 stand for the input's own, which are one axis further back here.
    const Output kept = std::make_shared<ops::ShapeOf>(rectangle);
    const Output tail = std::make_shared<ops::Slice>(kept, whole_numbers({2}), whole_numbers({static_cast<std::int64_t>(shape.size()) + 1}),
                                                     whole_numbers({1}), whole_numbers({0}));
    rows = reshaped(rectangle, std::make_shared<ops::Concat>(ov::OutputVector{whole_numbers({-1}), tail}, 0));
  }
  if (translation.layout() == Layout::equal) return rows;
  return gather(rows, translation.feed(FeedKind::places, sequences));
}

Output translate_sequence_cumsum(Translation& translation, const Node& node) {
  const ValueId sequences = node.inputs[1];
  const Shape& shape = translation.shape(node.inputs[0]);
  const Output rectangle = to_rectangle(translation, translation(node.inputs[0]), shape, sequences);
  const Output axis = ops::Constant::create(ov::element::i64, {}, {1});
  return from_rectangle(translation, std::make_shared<ops::CumSum>(rectangle, axis), shape, sequences);
}

Output translate_sequence_shift(Translation& translation, const Node& node) {
  const Output moved = gather(translation(node.inputs[0]), translation.feed(FeedKind::shifted, node.outputs[0]));
  const Output inside = stretched(translation.feed(FeedKind::inside, node.outputs[0]), 1, translation.shape(node.outputs[0]).size());
  return std::make_shared<ops::Select>(inside, moved, number(0));
}

Output translate_sequence_pool(Translation& translation, const Node& node) {
  const ValueId sequences = node.inputs[1];
  const Output x = translation(node.inputs[0]);
  const Shape& shape = translation.shape(node.inputs[0]);
  const std::size_t rank = shape.size() + 1;
  const auto rectangle = [&](float otherwise) {
    return only_filled(translation, to_rectangle(translation, x, shape, sequences), rank, sequences, number(otherwise));
  };
  const Output axis = whole_numbers({1});
  switch (node.as<PoolOptions>().function) {
    case Pooling::first:
      return gather(x, translation.feed(FeedKind::first_rows, sequences));
    case Pooling::last:
      return gather(x, translation.feed(FeedKind::last_rows, sequences));
    case Pooling::maximum:
      return std::make_shared<ops::ReduceMax>(rectangle(-std::numeric_limits<float>::infinity()), axis, false);
    case Pooling::sum:
      return std::make_shared<ops::ReduceSum>(rectangle(0), axis, false);
    case Pooling::mean: {
      if (translation.layout() == Layout::equal) return std::make_shared<ops::ReduceMean>(rectangle(0), axis, false);
      const Output sum = std::make_shared<ops::ReduceSum>(rectangle(0), axis, false);
      return std::make_shared<ops::Divide>(sum, stretched(translation.feed(FeedKind::lengths, sequences), 1, shape.size()));
    }
  }
  throw Error(ErrorKind::internal, "openvino: [sequence_pool] a function has no translation");
}

}  // namespace accelerate::openvino
