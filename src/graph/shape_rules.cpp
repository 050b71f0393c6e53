#include "graph/shape_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

/// The checks that shape rules are made of; messages begin with the op's name.
class Rule {
 public:
  Rule(const Graph& graph, const Node& node) : graph_(graph), node_(node) {}

  bool has(std::size_t index) const { return index < node_.inputs.size() && node_.inputs[index] != no_value; }

  const ValueType& input(std::size_t index) const {
    if (!has(index)) fail(fmt::format("input {} is absent", index));
    return graph_.type(node_.inputs[index]);
  }

  const Shape& shape(std::size_t index) const { return input(index).shape; }

  void expect_dtype(std::size_t index, DType dtype) const {
    if (has(index) && input(index).dtype != dtype)
      fail(fmt::format("input {}{} is {}, expected {}", index, weight_name(index), text_of(input(index)), name_of(dtype)));
  }

  void expect_shape(std::size_t index, const Shape& expected) const {
    if (has(index) && shape(index) != expected)
      fail(fmt::format("input {}{} is {}, expected {}", index, weight_name(index), text_of(shape(index)), text_of(expected)));
  }

  void expect_rank(std::size_t index, std::size_t least) const {
    if (shape(index).size() < least) fail(fmt::format("input {} is {}, expected at least {} axes", index, text_of(shape(index)), least));
  }

  void expect_sequences(std::size_t index) const {
    expect_dtype(index, DType::int64);
    if (shape(index).size() != 1) fail(fmt::format("input {} is {}, expected [sequences + 1]", index, text_of(shape(index))));
  }

  std::size_t axis(int axis, std::size_t rank) const {
    if (axis < 0 || static_cast<std::size_t>(axis) >= rank) fail(fmt::format("axis {} of {} axes", axis, rank));
    return static_cast<std::size_t>(axis);
  }

  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ErrorKind::internal, fmt::format("[{}] {}", traits_of(node_.op).name, message));
  }

 private:
  std::string weight_name(std::size_t index) const {
    const ConstantOptions* constant = graph_.constant_of(node_.inputs[index]);
    return constant == nullptr || constant->name.empty() ? "" : fmt::format(" ('{}')", constant->name);
  }

  const Graph& graph_;
  const Node& node_;
};

bool is_comparison(BinaryFunction function) {
  return function == BinaryFunction::equal || function == BinaryFunction::not_equal || function == BinaryFunction::less ||
         function == BinaryFunction::less_equal;
}

DType logical_dtype(DType stored) {
  switch (stored) {
    case DType::boolean:
      return DType::boolean;
    case DType::float32:
    case DType::float16:
    case DType::bfloat16:
    case DType::float64:
      return DType::float32;
    default:
      return DType::int64;
  }
}

ValueType reshape_rule(const Rule& rule, const ReshapeOptions& options) {
  if (!(element_count(rule.shape(0)) == element_count(options.shape)))
    rule.fail(fmt::format("{} cannot become {}", text_of(rule.shape(0)), text_of(options.shape)));
  return {rule.input(0).dtype, options.shape};
}

ValueType transpose_rule(const Rule& rule, const TransposeOptions& options) {
  const Shape& shape = rule.shape(0);
  std::vector<int> sorted = options.permutation;
  std::ranges::sort(sorted);
  Shape result;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (sorted.size() != shape.size() || sorted[i] != static_cast<int>(i)) rule.fail("the permutation does not name each axis once");
    result.push_back(shape[static_cast<std::size_t>(options.permutation[i])]);
  }
  return {rule.input(0).dtype, result};
}

ValueType slice_rule(const Rule& rule, const SliceOptions& options) {
  Shape shape = rule.shape(0);
  Dim& size = shape[rule.axis(options.axis, shape.size())];
  if (options.step < 1) rule.fail(fmt::format("step {} is not positive", options.step));
  if (options.start.is_static() && options.stop.is_static() && size.is_static() &&
      (options.start.value() < 0 || options.stop.value() < options.start.value() || options.stop.value() > size.value()))
    rule.fail(fmt::format("[{}, {}) of an axis of {}", options.start.text(), options.stop.text(), size.text()));
  size = (options.stop - options.start + Dim(options.step - 1)) / Dim(options.step);
  return {rule.input(0).dtype, shape};
}

ValueType concat_rule(const Rule& rule, const Node& node, const AxisOptions& options) {
  Shape result = rule.shape(0);
  const std::size_t axis = rule.axis(options.axis, result.size());
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    rule.expect_dtype(i, rule.input(0).dtype);
    Shape expected = rule.shape(0);
    if (rule.shape(i).size() == expected.size()) expected[axis] = rule.shape(i)[axis];
    rule.expect_shape(i, expected);
    result[axis] = result[axis] + rule.shape(i)[axis];
  }
  return {rule.input(0).dtype, result};
}

ValueType gather_type(const Rule& rule, std::size_t table, std::size_t indices) {
  rule.expect_rank(table, 1);
  rule.expect_dtype(indices, DType::int64);
  Shape result = rule.shape(indices);
  result.insert(result.end(), rule.shape(table).begin() + 1, rule.shape(table).end());
  return {rule.input(table).dtype, result};
}

ValueType matmul_rule(const Rule& rule, const MatmulOptions& options) {
  for (std::size_t i : {0U, 1U}) {
    rule.expect_rank(i, 2);
    rule.expect_dtype(i, DType::float32);
  }
  const Shape& a = rule.shape(0);
  const Shape& b = rule.shape(1);
  const Dim& rows = a[a.size() - (options.transpose_a ? 1 : 2)];
  const Dim& a_inner = a[a.size() - (options.transpose_a ? 2 : 1)];
  const Dim& b_inner = b[b.size() - (options.transpose_b ? 1 : 2)];
  const Dim& columns = b[b.size() - (options.transpose_b ? 2 : 1)];
  if (!(a_inner == b_inner)) rule.fail(fmt::format("{} and {} share no inner size", text_of(a), text_of(b)));
  Shape result = broadcast(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
  result.push_back(rows);
  result.push_back(columns);
  return {DType::float32, result};
}

ValueType linear_rule(const Rule& rule) {
  rule.expect_rank(0, 1);
  rule.expect_dtype(0, DType::float32);
  rule.expect_dtype(1, DType::float32);
  if (rule.shape(1).size() != 2) rule.fail(fmt::format("weight is {}, expected [out, in]", text_of(rule.shape(1))));
  const Dim outputs = rule.shape(1)[0];
  rule.expect_shape(1, {outputs, rule.shape(0).back()});
  rule.expect_shape(2, {outputs});
  Shape result = rule.shape(0);
  result.back() = outputs;
  rule.expect_shape(3, result);
  return {DType::float32, result};
}

ValueType grouped_linear_rule(const Rule& rule) {
  rule.expect_rank(0, 2);
  rule.expect_dtype(0, DType::float32);
  rule.expect_dtype(1, DType::float32);
  if (rule.shape(1).size() != 3) rule.fail(fmt::format("weight is {}, expected [groups, out, in]", text_of(rule.shape(1))));
  Shape result = rule.shape(0);
  const Dim groups = result[result.size() - 2];
  const Dim outputs = rule.shape(1)[1];
  rule.expect_shape(1, {groups, outputs, result.back()});
  rule.expect_shape(2, {groups, outputs});
  result.back() = outputs;
  return {DType::float32, result};
}

/// The constant that input `index` must be.
const Tensor& expect_constant(const Rule& rule, const Graph& graph, const Node& node, std::size_t index) {
  const ConstantOptions* constant = graph.constant_of(node.inputs[index]);
  if (constant == nullptr) rule.fail(fmt::format("input {} is not a constant", index));
  return constant->tensor;
}

ValueType dequantize_rule(const Rule& rule, const Graph& graph, const Node& node, const DequantizeOptions& options) {
  const Tensor& codes = expect_constant(rule, graph, node, 0);
  if (options.bits != 4 && options.bits != 8) rule.fail(fmt::format("codes of {} bits, expected 4 or 8", options.bits));
  if (options.columns < 0 || options.group_size < 1)
    rule.fail(fmt::format("{} columns in groups of {}", options.columns, options.group_size));
  const bool is_byte = codes.dtype() == DType::uint8 || (codes.dtype() == DType::int8 && options.bits == 8);
  if (!is_byte) rule.fail(fmt::format("codes of {} bits are stored as {}", options.bits, name_of(codes.dtype())));
  const std::int64_t stored_columns = options.bits == 4 ? (options.columns + 1) / 2 : options.columns;
  if (codes.rank() != 2 || codes.dim(1) != stored_columns)
    rule.fail(fmt::format("codes are {}, expected [rows, {}]", shape_text(codes.shape()), stored_columns));
  const std::int64_t groups = (options.columns + options.group_size - 1) / options.group_size;
  for (std::size_t i : {1U, 2U}) {
    if (!rule.has(i)) continue;
    expect_constant(rule, graph, node, i);
    rule.expect_dtype(i, DType::float32);
    rule.expect_shape(i, {codes.dim(0), groups});
  }
  if (rule.has(3)) {
    const Tensor& group_of = expect_constant(rule, graph, node, 3);
    rule.expect_shape(3, {options.columns});
    if (group_of.dtype() != DType::int32) rule.fail(fmt::format("groups of columns are {}, expected int32", name_of(group_of.dtype())));
    for (const std::int32_t group : group_of.values<std::int32_t>())
      if (group < 0 || group >= groups) rule.fail(fmt::format("a column of group {}, where there are {}", group, groups));
  }
  return {DType::float32, {codes.dim(0), options.columns}};
}

ValueType norm_rule(const Rule& rule, std::size_t first_weight) {
  rule.expect_rank(0, 1);
  rule.expect_dtype(0, DType::float32);
  rule.expect_shape(first_weight, {rule.shape(0).back()});
  rule.expect_shape(first_weight + 1, {rule.shape(0).back()});
  return rule.input(0);
}

/// The inputs after the five that every attention has.
void expect_position_bias(const Rule& rule) {
  const bool biased = rule.has(5) || rule.has(6) || rule.has(7);
  if (biased != rule.has(8)) rule.fail("a bias by distance goes with the columns of the distances, and these with it");
  if (!biased) return;
  rule.expect_dtype(8, DType::int64);
  const Shape& distances = rule.shape(8);
  if (distances.size() != 1 || !distances[0].is_static() || distances[0].value() % 2 != 1)
    rule.fail(fmt::format("input 8 is {}, expected [2 * reach + 1]", text_of(distances)));
  const Dim heads = rule.shape(0)[1];
  for (std::size_t i : {5U, 6U, 7U}) {
    if (!rule.has(i)) continue;
    rule.expect_dtype(i, DType::float32);
    const Shape& shape = rule.shape(i);
    if (shape.empty()) rule.fail(fmt::format("input {} is {}, expected [..., heads, columns]", i, text_of(shape)));
    if (i == 5) rule.expect_shape(i, {heads, shape.back()});
    if (i > 5) rule.expect_shape(i, {rule.shape(i - 6)[0], heads, shape.back()});
  }
}

ValueType attention_rule(const Rule& rule) {
  for (std::size_t i : {0U, 1U, 2U}) {
    rule.expect_dtype(i, DType::float32);
    if (rule.shape(i).size() != 3) rule.fail(fmt::format("input {} is {}, expected [tokens, heads, head size]", i, text_of(rule.shape(i))));
  }
  rule.expect_sequences(3);
  rule.expect_sequences(4);
  const Shape& query = rule.shape(0);
  const Shape& key = rule.shape(1);
  rule.expect_shape(1, {key[0], key[1], query[2]});
  rule.expect_shape(2, {key[0], key[1], rule.shape(2)[2]});
  if (query[1].is_static() && key[1].is_static() && query[1].value() % key[1].value() != 0)
    rule.fail(fmt::format("{} heads of queries do not divide among {} of keys", query[1].text(), key[1].text()));
  expect_position_bias(rule);
  rule.expect_dtype(9, DType::boolean);
  rule.expect_shape(9, {key[0]});
  rule.expect_dtype(10, DType::float32);
  rule.expect_shape(10, {query[1]});
  if (rule.has(9) && (rule.has(8) || rule.has(10))) rule.fail("global keys and a bias by distance exclude each other");
  return {DType::float32, {query[0], query[1], rule.shape(2)[2]}};
}

ValueType rope_rule(const Rule& rule) {
  for (std::size_t i : {0U, 1U, 2U}) rule.expect_dtype(i, DType::float32);
  const Shape& x = rule.shape(0);
  const Shape& cosines = rule.shape(1);
  if (x.size() != 3) rule.fail(fmt::format("input 0 is {}, expected [tokens, heads, head size]", text_of(x)));
  if (cosines.size() != 2 || !(cosines[0] == x[0]))
    rule.fail(fmt::format("input 1 is {}, expected [{}, pairs]", text_of(cosines), x[0].text()));
  rule.expect_shape(2, cosines);
  if (!cosines[1].is_static() || !x[2].is_static() || 2 * cosines[1].value() > x[2].value())
    rule.fail(fmt::format("{} pairs of a head of {} numbers", cosines[1].text(), x[2].text()));
  return rule.input(0);
}

ValueType append_rule(const Rule& rule, const AppendOptions& options) {
  rule.expect_rank(0, 1);
  rule.expect_dtype(0, DType::float32);
  rule.expect_sequences(1);
  rule.expect_sequences(2);
  Shape result = rule.shape(0);
  result[0] = options.rows;
  return {DType::float32, result};
}

ValueType pool_rule(const Rule& rule) {
  rule.expect_rank(0, 1);
  rule.expect_dtype(0, DType::float32);
  rule.expect_sequences(1);
  Shape result = rule.shape(0);
  result[0] = rule.shape(1)[0] - Dim(1);
  return {DType::float32, result};
}

ValueType scatter_rule(const Rule& rule) {
  rule.expect_rank(0, 1);
  rule.expect_dtype(1, DType::int64);
  if (rule.shape(1).size() != 1) rule.fail(fmt::format("indices are {}, expected [n]", text_of(rule.shape(1))));
  Shape updates = rule.shape(0);
  updates[0] = rule.shape(1)[0];
  rule.expect_shape(2, updates);
  rule.expect_dtype(2, rule.input(0).dtype);
  return rule.input(0);
}

ValueType shift_rule(const Rule& rule) {
  rule.expect_rank(0, 1);
  rule.expect_dtype(0, DType::float32);
  rule.expect_sequences(1);
  return rule.input(0);
}

ValueType embedding_norm_rule(const Rule& rule, const Node& node) {
  const ValueType result = gather_type(rule, 2, 3);
  for (std::size_t i = 4; i < node.inputs.size(); i += 2) {
    const ValueType other = gather_type(rule, i, i + 1);
    if (other.shape != result.shape) rule.fail(fmt::format("gathers of {} and {} cannot be added", text_of(result), text_of(other)));
  }
  rule.expect_shape(0, {result.shape.back()});
  rule.expect_shape(1, {result.shape.back()});
  return result;
}

}  // namespace

Shape broadcast(const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const Dim left = i < a.size() ? a[a.size() - 1 - i] : Dim(1);
    const Dim right = i < b.size() ? b[b.size() - 1 - i] : Dim(1);
    Dim& size = result[result.size() - 1 - i];
    if (left == right || right == Dim(1))
      size = left;
    else if (left == Dim(1))
      size = right;
    else
      throw Error(ErrorKind::internal, fmt::format("{} and {} cannot be stretched to one shape", text_of(a), text_of(b)));
  }
  return result;
}

std::vector<ValueType> infer_types(const Graph& graph, const Node& node) {
  const Rule rule(graph, node);
  switch (node.op) {
    case Op::input:
      return {graph.type(node.outputs.at(0))};
    case Op::constant: {
      const Tensor& tensor = node.as<ConstantOptions>().tensor;
      return {{logical_dtype(tensor.dtype()), Shape(tensor.shape().begin(), tensor.shape().end())}};
    }
    case Op::reshape:
      return {reshape_rule(rule, node.as<ReshapeOptions>())};
    case Op::transpose:
      return {transpose_rule(rule, node.as<TransposeOptions>())};
    case Op::slice:
      return {slice_rule(rule, node.as<SliceOptions>())};
    case Op::concat:
      return {concat_rule(rule, node, node.as<AxisOptions>())};
    case Op::gather:
      return {gather_type(rule, 0, 1)};
    case Op::unary:
      rule.expect_dtype(0, DType::float32);
      return {rule.input(0)};
    case Op::binary:
      rule.expect_dtype(1, rule.input(0).dtype);
      return {{is_comparison(node.as<BinaryOptions>().function) ? DType::boolean : rule.input(0).dtype,
               broadcast(rule.shape(0), rule.shape(1))}};
    case Op::where:
      rule.expect_dtype(0, DType::boolean);
      rule.expect_dtype(2, rule.input(1).dtype);
      return {{rule.input(1).dtype, broadcast(rule.shape(0), broadcast(rule.shape(1), rule.shape(2)))}};
    case Op::cast:
      return {{node.as<CastOptions>().dtype, rule.shape(0)}};
    case Op::reduce: {
      rule.expect_dtype(0, DType::float32);
      Shape shape = rule.shape(0);
      shape[rule.axis(node.as<ReduceOptions>().axis, shape.size())] = 1;
      return {{DType::float32, shape}};
    }
    case Op::softmax:
      rule.expect_rank(0, 1);
      rule.expect_dtype(0, DType::float32);
      return {rule.input(0)};
    case Op::matmul:
      return {matmul_rule(rule, node.as<MatmulOptions>())};
    case Op::linear:
      return {linear_rule(rule)};
    case Op::grouped_linear:
      return {grouped_linear_rule(rule)};
    case Op::dequantize:
      return {dequantize_rule(rule, graph, node, node.as<DequantizeOptions>())};
    case Op::layer_norm:
    case Op::rms_norm:
      return {norm_rule(rule, 1)};
    case Op::attention:
      return {attention_rule(rule)};
    case Op::scatter:
      return {scatter_rule(rule)};
    case Op::sequence_shift:
      return {shift_rule(rule)};
    case Op::append:
      return {append_rule(rule, node.as<AppendOptions>())};
    case Op::rope:
      return {rope_rule(rule)};
    case Op::sequence_cumsum:
      rule.expect_dtype(0, DType::int64);
      rule.expect_sequences(1);
      return {rule.input(0)};
    case Op::sequence_pool:
      return {pool_rule(rule)};
    case Op::add_norm: {
      rule.expect_shape(1, rule.shape(0));
      const ValueType type = norm_rule(rule, 2);
      return {type, type};
    }
    case Op::embedding_norm:
      return {embedding_norm_rule(rule, node)};
  }
  rule.fail("has no shape rule");
}

}  // namespace accelerate
