// rope.
#include "backends/openvino/translation.h"

namespace accelerate::openvino {
namespace {

/// Every step-th number of each head of x [tokens, heads, size] from `start` to `stop`.
Output numbers_of(const Output& x, std::int64_t start, std::int64_t stop, std::int64_t step) {
  return std::make_shared<ops::Slice>(x, whole_numbers({start}), whole_numbers({stop}), whole_numbers({step}), whole_numbers({2}));
}

Output product(const Output& a, const Output& b) { return std::make_shared<ops::Multiply>(a, b); }

Output with_last_axis(const Output& x) { return std::make_shared<ops::Unsqueeze>(x, whole_numbers({3})); }

}  // namespace

Output translate_rope(Translation& translation, const Node& node) {
  const bool interleaved = node.as<RopeOptions>().interleaved;
  const Output x = translation(node.inputs[0]);
  const std::int64_t heads_axis = 1;
  const Output cosines = std::make_shared<ops::Unsqueeze>(translation(node.inputs[1]), whole_numbers({heads_axis}));
  const Output sines = std::make_shared<ops::Unsqueeze>(translation(node.inputs[2]), whole_numbers({heads_axis}));
  const std::int64_t size = translation.shape(node.inputs[0])[2].value();
  const std::int64_t pairs = translation.shape(node.inputs[1])[1].value();
  const std::int64_t step = interleaved ? 2 : 1;
  const Output a = interleaved ? numbers_of(x, 0, 2 * pairs, step) : numbers_of(x, 0, pairs, step);
  const Output b = interleaved ? numbers_of(x, 1, 2 * pairs, step) : numbers_of(x, pairs, 2 * pairs, step);

  const Output first = std::make_shared<ops::Subtract>(product(a, cosines), product(b, sines));
  const Output second = std::make_shared<ops::Add>(product(b, cosines), product(a, sines));
  ov::OutputVector parts{first, second};
  if (interleaved) {
    const Output stacked = std::make_shared<ops::Concat>(ov::OutputVector{with_last_axis(first), with_last_axis(second)}, 3);
    parts = {std::make_shared<ops::Reshape>(stacked, whole_numbers({0, 0, 2 * pairs}), true)};  // 0: as it is
  }
  if (2 * pairs < size) parts.push_back(numbers_of(x, 2 * pairs, size, 1));
  return parts.size() == 1 ? parts.front() : std::make_shared<ops::Concat>(parts, 2);
}

}  // namespace accelerate::openvino
