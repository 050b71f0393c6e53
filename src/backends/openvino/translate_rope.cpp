// rope.
#include "backends/openvino/translation.h"

namespace accelerate::openvino {
namespace {

constexpr std::int64_t head_axis = 2;

/// Numbers start, start + step, … before stop of each head of x [tokens, heads, size].
Output numbers_of(const Output& x, std::int64_t start, std::int64_t stop, std::int64_t step) {
  return std::make_shared<ops::Slice>(x, whole_numbers({start}), whole_numbers({stop}), whole_numbers({step}), whole_numbers({head_axis}));
}

Output product(const Output& a, const Output& b) { return std::make_shared<ops::Multiply>(a, b); }

/// The first and the second number of each pair as neighbours: [tokens, heads, 2 · pairs].
Output interleave(const Output& first, const Output& second, std::int64_t pairs) {
  const auto column = [](const Output& x) { return std::make_shared<ops::Unsqueeze>(x, whole_numbers({head_axis + 1})); };
  const Output both = std::make_shared<ops::Concat>(ov::OutputVector{column(first), column(second)}, head_axis + 1);
  return std::make_shared<ops::Reshape>(both, whole_numbers({0, 0, 2 * pairs}), true);
}

}  // namespace

Output translate_rope(Translation& translation, const Node& node) {
  const bool interleaved = node.as<RopeOptions>().interleaved;
  const std::int64_t pairs = translation.shape(node.inputs[1])[1].value();
  const std::int64_t size = translation.shape(node.inputs[0])[2].value();
  const Output x = translation(node.inputs[0]);
  if (pairs == 0) return x;
  const auto for_each_head = [&](std::size_t input) -> Output {
    return std::make_shared<ops::Unsqueeze>(translation(node.inputs[input]), whole_numbers({1}));
  };
  const Output cosines = for_each_head(1);
  const Output sines = for_each_head(2);
  const Output a = interleaved ? numbers_of(x, 0, 2 * pairs, 2) : numbers_of(x, 0, pairs, 1);
  const Output b = interleaved ? numbers_of(x, 1, 2 * pairs, 2) : numbers_of(x, pairs, 2 * pairs, 1);
  const Output first = std::make_shared<ops::Subtract>(product(a, cosines), product(b, sines));
  const Output second = std::make_shared<ops::Add>(product(b, cosines), product(a, sines));
  ov::OutputVector parts;
  if (interleaved)
    parts = {interleave(first, second, pairs)};
  else
    parts = {first, second};
  if (2 * pairs < size) parts.push_back(numbers_of(x, 2 * pairs, size, 1));
  return std::make_shared<ops::Concat>(parts, head_axis);
}

}  // namespace accelerate::openvino
