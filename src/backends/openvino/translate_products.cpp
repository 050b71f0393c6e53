// matmul, linear, grouped_linear.
#include <algorithm>
#include <cmath>
#include <optional>

#include "backends/four_bits.h"
#include "backends/openvino/translation.h"
#include "backends/reference/evaluate.h"
#include "base/arithmetic.h"
#include "base/half.h"

namespace accelerate::openvino {
namespace {

/// The value's numbers, when they come from constants alone: decoded, and put together or transposed as the graph has them.
std::optional<Tensor> decoded(const Graph& graph, ValueId value) {
  const Node& node = graph.producer(value);
  if (node.op == Op::constant) return evaluate_node(graph, node, {}, {}).front();
  if (node.op != Op::concat && node.op != Op::transpose) return std::nullopt;
  std::vector<Tensor> parts;
  for (ValueId input : node.inputs) {
    std::optional<Tensor> part = decoded(graph, input);
    if (!part) return std::nullopt;
    parts.push_back(std::move(*part));
  }
  return evaluate_node(graph, node, parts, {}).front();
}

/// The numbers that the codes stand for, float32 [rows, columns].
Tensor decoded(const StoredCodes& codes) {
  Tensor numbers = Tensor::zeros(DType::float32, {codes.rows(), codes.options.columns});
  decode_rows(codes, 0, codes.rows(), numbers.mutable_values<float>().data());
  return numbers;
}

/// Steps of one row of weights, around zero; returns the size of a step.
float round_row(std::span<const float> row, std::span<std::int8_t> steps) {
  float largest = 0;
  for (const float weight : row) largest = std::max(largest, std::abs(weight));
  if (largest == 0) return 1;
  const float scale = largest / 127;
  for (std::size_t i = 0; i < row.size(); ++i) steps[i] = static_cast<std::int8_t>(std::lrint(row[i] / scale));
  return scale;
}

/// weight [..., out, in] as the runtime's compressed weights: steps of eight bits times a scale for each row.
Output compressed(Translation& translation, const Tensor& weight) {
  std::vector<std::int64_t> shape(weight.shape().begin(), weight.shape().end());
  const auto columns = static_cast<std::size_t>(shape.back());
  Tensor steps = Tensor::zeros(DType::int8, shape);
  shape.back() = 1;
  Tensor scales = Tensor::zeros(DType::float32, shape);
  const auto weights = weight.values<float>();
  const auto all_steps = steps.mutable_values<std::int8_t>();
  const auto all_scales = scales.mutable_values<float>();
  const ThreadPool::Place place(translation.threads());
  translation.threads().parallel_for(scales.size(), [&](std::int64_t row, int) {
    const std::size_t first = static_cast<std::size_t>(row) * columns;
    all_scales[static_cast<std::size_t>(row)] = round_row(weights.subspan(first, columns), all_steps.subspan(first, columns));
  });
  const Output widened = std::make_shared<ops::Convert>(stored(steps), ov::element::f32);
  return std::make_shared<ops::Multiply>(widened, stored(scales));
}

/// weight [out, in] as the runtime's compressed weights: steps of four bits times a scale for each group of inputs.
Output four_bit_compressed(Translation& translation, const Tensor& weight) {
  const std::int64_t rows = weight.dim(0);
  const std::int64_t columns = weight.dim(1);
  const std::int64_t groups = divide_up(columns, four_bit_group);
  const std::int64_t row_bytes = divide_up(columns, 2);
  Tensor codes = Tensor::zeros(DType::uint8, {rows, row_bytes});
  Tensor scales = Tensor::zeros(DType::float32, {rows, groups});
  const auto weights = weight.values<float>();
  const ThreadPool::Place place(translation.threads());
  const auto all_codes = codes.mutable_values<std::uint8_t>();
  const auto all_scales = scales.mutable_values<float>();
  translation.threads().parallel_for(rows, [&](std::int64_t row, int) {
    const auto numbers = weights.subspan(static_cast<std::size_t>(row * columns), static_cast<std::size_t>(columns));
    std::vector<std::uint8_t> steps(static_cast<std::size_t>(2 * row_bytes));
    const auto own_scales = all_scales.subspan(static_cast<std::size_t>(row * groups), static_cast<std::size_t>(groups));
    for (std::int64_t group = 0; group < groups; ++group) {
      const auto first = static_cast<std::size_t>(group * four_bit_group);
      const std::size_t count = std::min(static_cast<std::size_t>(four_bit_group), numbers.size() - first);
      own_scales[static_cast<std::size_t>(group)] = quantise_four_bits(numbers.subspan(first, count), steps.data() + first);
    }
    std::vector<std::uint16_t> halves(own_scales.size());
    const float factor = halve_scales(own_scales, halves.data());
    for (std::size_t group = 0; group < halves.size(); ++group) own_scales[group] = factor * from_float16(halves[group]);
    const auto bytes = all_codes.subspan(static_cast<std::size_t>(row * row_bytes), static_cast<std::size_t>(row_bytes));
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(steps[2 * i] | steps[2 * i + 1] << 4U);
  });
  const DequantizeOptions options{.bits = 4, .columns = columns, .group_size = four_bit_group, .zero = four_bit_zero};
  return numbers_of(translation, {.codes = &codes, .scales = &scales, .offsets = nullptr, .group_of = nullptr, .options = options});
}

Output weight_of(Translation& translation, const Node& linear) {
  if (linear.as<LinearOptions>().precision == Precision::int4)
    if (const std::optional<Tensor> weight = decoded(translation.from(), linear.inputs[1]))
      return four_bit_compressed(translation, *weight);
  if (linear.as<LinearOptions>().precision == Precision::int8)
    if (const std::optional<Tensor> weight = decoded(translation.from(), linear.inputs[1])) return compressed(translation, *weight);
  // The runtime keeps one packed copy for each stored tensor, however it is read: one that is read transposed gets its own. So do
  // codes, whose pattern it does not take transposed.
  const Node& arranged = translation.from().producer(linear.inputs[1]);
  if (arranged.op == Op::transpose) {
    if (const Node& source = translation.from().producer(arranged.inputs[0]); source.op == Op::dequantize) {
      const std::vector<Tensor> numbers{decoded(stored_codes(translation.from(), source))};
      return stored(evaluate_node(translation.from(), arranged, numbers, {}).front());
    }
    if (const std::optional<Tensor> weight = decoded(translation.from(), linear.inputs[1])) return stored(*weight);
  }
  return translation(linear.inputs[1]);
}

}  // namespace

Output translate_matmul(Translation& translation, const Node& node) {
  const auto& options = node.as<MatmulOptions>();
  return std::make_shared<ops::MatMul>(translation(node.inputs[0]), translation(node.inputs[1]), options.transpose_a, options.transpose_b);
}

Output translate_linear(Translation& translation, const Node& node) {
  const auto& options = node.as<LinearOptions>();
  Output result = std::make_shared<ops::MatMul>(translation(node.inputs[0]), weight_of(translation, node), false, true);
  if (translation.has(node, 2)) result = std::make_shared<ops::Add>(result, translation(node.inputs[2]));
  if (options.activation) result = apply_unary(*options.activation, result);
  if (translation.has(node, 3)) result = std::make_shared<ops::Add>(result, translation(node.inputs[3]));
  return result;
}

// One product over all groups at once, which the runtime takes with the groups first.
Output translate_grouped_linear(Translation& translation, const Node& node) {
  const Shape& weight = translation.shape(node.inputs[1]);
  const Output groups_first = whole_numbers({1, 0, 2});
  const Output rows = reshaped(translation(node.inputs[0]), whole_numbers({-1, weight[0].value(), weight[2].value()}));
  const Output x = std::make_shared<ops::Transpose>(rows, groups_first);  // [groups, rows, in]
  Output result = std::make_shared<ops::MatMul>(x, weight_of(translation, node), false, true);
  if (translation.has(node, 2))
    result = std::make_shared<ops::Add>(result, std::make_shared<ops::Unsqueeze>(translation(node.inputs[2]), whole_numbers({1})));
  if (const auto& activation = node.as<LinearOptions>().activation) result = apply_unary(*activation, result);
  const Output rows_first = std::make_shared<ops::Transpose>(result, groups_first);
  return reshaped(rows_first, target_shape(translation, node.outputs[0]));
}

}  // namespace accelerate::openvino
