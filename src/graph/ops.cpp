#include "graph/ops.h"

#include <fmt/format.h>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

int from_the_front(Value x, int axis) { return axis < 0 ? axis + x.rank() : axis; }

}  // namespace

Value reshape(Value x, Shape shape) { return x.graph().add(Op::reshape, {x.id()}, ReshapeOptions{std::move(shape)}); }

Value transpose(Value x, std::vector<int> permutation) {
  // Twice the same swap is none: a source may store transposed what a model transposes.
  const std::vector<int> swap{1, 0};
  const Node& producer = x.graph().producer(x.id());
  if (permutation == swap && producer.op == Op::transpose && producer.as<TransposeOptions>().permutation == swap)
    return {x.graph(), producer.inputs[0]};
  return x.graph().add(Op::transpose, {x.id()}, TransposeOptions{std::move(permutation)});
}

Value slice(Value x, SliceOptions options) {
  options.axis = from_the_front(x, options.axis);
  return x.graph().add(Op::slice, {x.id()}, std::move(options));
}

Value concat(std::span<const Value> values, AxisOptions options) {
  if (values.empty()) throw Error(ErrorKind::internal, "[concat] takes at least one input");
  options.axis = from_the_front(values.front(), options.axis);
  std::vector<ValueId> ids;
  ids.reserve(values.size());
  for (Value value : values) ids.push_back(value.id());
  return values.front().graph().add(Op::concat, std::move(ids), options);
}

Value gather(Value table, Value indices) { return table.graph().add(Op::gather, {table.id(), indices.id()}); }

Value scatter(Value x, Value indices, Value updates) { return x.graph().add(Op::scatter, {x.id(), indices.id(), updates.id()}); }

Value unary(UnaryFunction function, Value x) { return x.graph().add(Op::unary, {x.id()}, UnaryOptions{function}); }

Value binary(BinaryFunction function, Value a, Value b) { return a.graph().add(Op::binary, {a.id(), b.id()}, BinaryOptions{function}); }

Value operator*(Value a, float b) { return a * a.graph().number(b); }

Value operator+(Value a, std::int64_t b) { return a + a.graph().whole_number(b); }

Value not_equal(Value a, std::int64_t b) { return binary(BinaryFunction::not_equal, a, a.graph().whole_number(b)); }

Value where(Value condition, Value a, Value b) { return a.graph().add(Op::where, {condition.id(), a.id(), b.id()}); }

Value cast(Value x, DType dtype) { return x.dtype() == dtype ? x : x.graph().add(Op::cast, {x.id()}, CastOptions{dtype}); }

Value reduce(Value x, ReduceOptions options) {
  options.axis = from_the_front(x, options.axis);
  return x.graph().add(Op::reduce, {x.id()}, options);
}

Value softmax(Value x, SoftmaxOptions options) { return x.graph().add(Op::softmax, {x.id()}, options); }

Value matmul(Value a, Value b, MatmulOptions options) { return a.graph().add(Op::matmul, {a.id(), b.id()}, options); }

Value linear(Value x, Value weight, Value bias, LinearOptions options) {
  std::vector<ValueId> inputs{x.id(), weight.id()};
  if (bias) inputs.push_back(bias.id());
  return x.graph().add(Op::linear, std::move(inputs), options);
}

Value grouped_linear(Value x, Value weight, Value bias, LinearOptions options) {
  std::vector<ValueId> inputs{x.id(), weight.id()};
  if (bias) inputs.push_back(bias.id());
  return x.graph().add(Op::grouped_linear, std::move(inputs), options);
}

Value dequantize(Value codes, Value scales, Value offsets, DequantizeOptions options, Value group_of) {
  std::vector<ValueId> inputs{codes.id(), scales.id(), offsets.id(), group_of.id()};
  while (inputs.back() == no_value) inputs.pop_back();
  return codes.graph().add(Op::dequantize, std::move(inputs), options);
}

Value linear(Value x, const Weights& weights, std::int64_t outputs) {
  const Value weight = weights.get("weight", {outputs, x.dim(-1).value()});
  const Value bias = weights.contains("bias") ? weights.get("bias", {outputs}) : Value{};
  return linear(x, weight, bias);
}

Value embedding(Value indices, const Weights& weights, std::int64_t rows, std::int64_t columns) {
  return gather(weights.get("weight", {rows, columns}), indices);
}

Value layer_norm(Value x, Value scale, Value bias, NormOptions options) {
  return x.graph().add(Op::layer_norm, {x.id(), scale.id(), bias.id()}, options);
}

Value layer_norm(Value x, const Weights& weights, NormOptions options) {
  const std::int64_t size = x.dim(-1).value();
  const bool old_names = weights.contains("gamma");
  return layer_norm(x, weights.get(old_names ? "gamma" : "weight", {size}), weights.get(old_names ? "beta" : "bias", {size}), options);
}

Value rms_norm(Value x, Value scale, NormOptions options) { return x.graph().add(Op::rms_norm, {x.id(), scale.id()}, options); }

Value attention(Value query, Value key, Value value, Value query_sequences, Value key_sequences, AttentionOptions options,
                const PositionBias& bias, Value global_keys) {
  std::vector<ValueId> inputs{query.id(),         key.id(),           value.id(),           query_sequences.id(),
                              key_sequences.id(), bias.of_heads.id(), bias.of_queries.id(), bias.of_keys.id(),
                              bias.columns.id(),  global_keys.id(),   bias.slopes.id()};
  while (inputs.back() == no_value) inputs.pop_back();
  return query.graph().add(Op::attention, std::move(inputs), options);
}

Value append(Value x, Value sequences, Value context, AppendOptions options) {
  return x.graph().add(Op::append, {x.id(), sequences.id(), context.id()}, std::move(options));
}

Value rope(Value x, Value cosines, Value sines, RopeOptions options) {
  return x.graph().add(Op::rope, {x.id(), cosines.id(), sines.id()}, options);
}

Value sequence_cumsum(Value x, Value sequences) { return x.graph().add(Op::sequence_cumsum, {x.id(), sequences.id()}); }

Value sequence_shift(Value x, Value sequences, ShiftOptions options) {
  return x.graph().add(Op::sequence_shift, {x.id(), sequences.id()}, options);
}

Value sequence_pool(Value x, Value sequences, PoolOptions options) {
  return x.graph().add(Op::sequence_pool, {x.id(), sequences.id()}, options);
}

Value split_heads(Value x, std::int64_t heads) {
  Shape shape = x.shape();
  shape.back() = heads;
  shape.push_back(x.dim(-1) / heads);
  return reshape(x, std::move(shape));
}

Value merge_heads(Value x) {
  Shape shape(x.shape().begin(), x.shape().end() - 1);
  shape.back() = x.dim(-2) * x.dim(-1);
  return reshape(x, std::move(shape));
}

}  // namespace accelerate
