// linear: the vendor's product, with the tail in it where the library's is the same function, and our own tail otherwise.
#include <fmt/format.h>

#include "backends/cuda/steps.h"
#include "backends/stored_constants.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {
namespace {

Number number_of(Element element) {
  switch (element) {
    case Element::float16:
      return Number::float16;
    case Element::bfloat16:
      return Number::bfloat16;
    default:
      return Number::float32;
  }
}

Encoding encoding_of(Element element) {
  switch (element) {
    case Element::float16:
      return Encoding::float16;
    case Element::bfloat16:
      return Encoding::bfloat16;
    default:
      return Encoding::float32;
  }
}

/// What linears of every precision have: their values, and the tail.
class Linear : public Step {
 public:
  Linear(StepContext& context, const Node& node) : node_(node), graph_(context.graph) {
    const ConstantParts bias_parts = constant_parts(context.graph, bias());
    if (!bias_parts.empty()) bias_ = context.device->weights().get(context.device, bias_parts, Encoding::float32, context.threads);
    reads.push_back(context.plan(x()).root);
    if (bias() != no_value && bias_ == nullptr) reads.push_back(context.plan(bias()).root);
    if (residual() != no_value) reads.push_back(context.plan(residual()).root);
    writes.push_back(y());
    inputs_ = graph_.type(node.inputs[1]).shape[1].value();
    outputs_ = graph_.type(node.inputs[1]).shape[0].value();
  }

 protected:
  using ConstantParts = std::vector<const Tensor*>;

  ValueId x() const { return node_.inputs[0]; }
  ValueId bias() const { return node_.inputs.size() > 2 ? node_.inputs[2] : no_value; }
  ValueId residual() const { return node_.inputs.size() > 3 ? node_.inputs[3] : no_value; }
  ValueId y() const { return node_.outputs.front(); }
  std::optional<UnaryFunction> activation() const { return node_.as<LinearOptions>().activation; }
  bool bias_is_constant() const { return bias_ != nullptr; }
  const float* float_bias(const Call& call) const {
    return bias_ != nullptr ? reinterpret_cast<const float*>(bias_->data()) : call.floats(bias());
  }
  std::int64_t rows(const SizeMap& sizes) const { return graph_.type(x()).shape[0].evaluate(sizes); }
  std::int64_t inputs() const { return inputs_; }
  std::int64_t outputs() const { return outputs_; }

 private:
  Node node_;
  const Graph& graph_;
  std::shared_ptr<const DeviceWeight> bias_;  ///< float32, where it is constant
  std::int64_t inputs_;
  std::int64_t outputs_;
};

/// fp32, fp16 and bf16.
class FloatLinear final : public Linear {
 public:
  FloatLinear(StepContext& context, const Node& node)
      : Linear(context, node), operand_(operand_of(node.as<LinearOptions>().precision)), x_(context.plan(x())), y_(context.plan(y())) {
    WeightStore& store = context.device->weights();
    weight_ = store.get(context.device, constant_parts(context.graph, node.inputs[1]), encoding_of(operand_), context.threads);
    // The library gives a float32 or a half-precision result of half-precision operands, and float32 alone of float32 ones.
    result_ = operand_ != Element::float32 && y_.stored ? y_.element : operand_;
    in_place_ = y_.stored && y_.element == result_;

    const bool gelu = activation() == UnaryFunction::gelu_tanh && result_ != Element::float32 && residual() == no_value;
    const bool library_adds = residual() == no_value || (!activation() && context.plan(residual()).element == result_);
    whole_ = in_place_ && !y_.quantised && (!activation() || gelu) && library_adds && (bias() == no_value || bias_is_constant());
    if (whole_ && bias() != no_value)
      library_bias_ = store.get(context.device, constant_parts(context.graph, bias()), encoding_of(result_), context.threads);
  }

  std::size_t scratch_bytes(const SizeMap& sizes) const override { return operand_bytes(sizes) + result_bytes(sizes); }

  void enqueue(const Call& call) const override {
    if (rows(call.sizes) == 0) return;
    Product product{.x = operand(call),
                    .weight = weight_->data(),
                    .y = in_place_ ? call.at(y()) : call.scratch + operand_bytes(call.sizes),
                    .operands = number_of(operand_),
                    .result = number_of(result_),
                    .rows = rows(call.sizes),
                    .inputs = inputs(),
                    .outputs = outputs(),
                    .workspace = call.workspace,
                    .workspace_bytes = call.workspace_bytes,
                    .stream = call.stream};
    if (whole_) {
      Product with_tail = product;
      with_tail.bias = library_bias_ == nullptr ? nullptr : library_bias_->data();
      with_tail.residual = call.at(residual());
      with_tail.gelu_tanh = activation().has_value();
      if (call.device.products().can(with_tail)) return call.check(call.device.products().multiply(with_tail), "[linear] with its tail");
    }
    if (call.device.products().can(product))
      call.check(call.device.products().multiply(product), "[linear]");
    else
      multiply_without_library(call, product);
    finish(call, product.y);
  }

 private:
  bool is_cast() const { return x_.element != operand_; }
  std::size_t operand_bytes(const SizeMap& sizes) const {
    return is_cast() ? aligned(static_cast<std::size_t>(rows(sizes) * inputs()) * size_of(operand_)) : 0;
  }
  std::size_t result_bytes(const SizeMap& sizes) const {
    return in_place_ ? 0 : aligned(static_cast<std::size_t>(rows(sizes) * outputs()) * size_of(result_));
  }

  /// The input in the product's elements.
  const void* operand(const Call& call) const {
    if (!is_cast()) return call.at(x());
    call.check(cast({.x = call.input(x()), .y = {call.scratch, operand_}, .count = rows(call.sizes) * inputs(), .stream = call.stream}),
               "[linear] rounding its input");
    return call.scratch;
  }

  void multiply_without_library(const Call& call, const Product& product) const {
    call.check(matmul({.a = {product.x, operand_, {2, {product.rows, product.inputs}}},
                       .b = {product.weight, operand_, {2, {product.outputs, product.inputs}}},
                       .transpose_b = true,
                       .y = {product.y, result_},
                       .extents = {2, {product.rows, product.outputs}},
                       .stream = call.stream}),
               "[linear] without the library");
  }

  /// What follows the product, where there is anything.
  void finish(const Call& call, void* result) const {
    if (in_place_ && !y_.quantised && bias() == no_value && !activation() && residual() == no_value) return;
    call.check(tail({.x = {result, result_},
                     .bias = float_bias(call),
                     .activation = activation(),
                     .residual = call.input(residual()),
                     .y = call.output(y()),
                     .quantised = call.int8_rows(y()),
                     .rows = rows(call.sizes),
                     .columns = outputs(),
                     .stream = call.stream}),
               "[linear] its tail");
  }

  Element operand_;
  PlannedValue x_;
  PlannedValue y_;
  Element result_ = Element::float32;  ///< of the product, before the tail
  bool in_place_ = false;              ///< the product is made where y lies
  bool whole_ = false;                 ///< the library computes the tail too
  std::shared_ptr<const DeviceWeight> weight_;
  std::shared_ptr<const DeviceWeight> library_bias_;  ///< in the result's elements, as the library wants it
};

class Int8Linear final : public Linear {
 public:
  Int8Linear(StepContext& context, const Node& node)
      : Linear(context, node),
        weight_(
            context.device->weights().get(context.device, constant_parts(context.graph, node.inputs[1]), Encoding::int8, context.threads)),
        quantised_before_(context.plan(x()).root == x() && context.plan(x()).quantised) {}

  std::size_t scratch_bytes(const SizeMap& sizes) const override {
    const Int8Block rows_block = int8_block(rows(sizes), inputs());
    return (quantised_before_ ? 0 : rows_block.bytes) + sums_bytes(sizes);
  }

  void enqueue(const Call& call) const override {
    if (rows(call.sizes) == 0) return;
    const QuantisedRows x_rows = operand(call);
    std::byte* const sums = call.scratch + scratch_bytes(call.sizes) - sums_bytes(call.sizes);
    const Product product{.x = x_rows.codes,
                          .weight = weight_->data(),
                          .y = sums,
                          .operands = Number::int8,
                          .result = Number::int32,
                          .rows = rows(call.sizes),
                          .inputs = weight_->padded_columns,
                          .outputs = weight_->padded_rows,
                          .workspace = call.workspace,
                          .workspace_bytes = call.workspace_bytes,
                          .stream = call.stream};
    if (!call.device.products().can(product))
      throw Error(ErrorKind::unsupported, fmt::format("[linear] the CUDA library has no int8 product of {} rows, {} inputs and {} outputs",
                                                      product.rows, product.inputs, product.outputs));
    call.check(call.device.products().multiply(product), "[linear] int8");
    call.check(int8_tail({.sums = reinterpret_cast<const std::int32_t*>(sums),
                          .sums_stride = weight_->padded_rows,
                          .row_scales = x_rows.scales,
                          .row_offsets = x_rows.offsets,
                          .weight_scales = weight_->scales,
                          .weight_sums = weight_->sums,
                          .bias = float_bias(call),
                          .activation = activation(),
                          .residual = call.input(residual()),
                          .y = call.output(y()),
                          .quantised = call.int8_rows(y()),
                          .rows = rows(call.sizes),
                          .columns = outputs(),
                          .stream = call.stream}),
               "[linear] int8 tail");
  }

 private:
  std::size_t sums_bytes(const SizeMap& sizes) const {
    return aligned(static_cast<std::size_t>(rows(sizes) * weight_->padded_rows) * sizeof(std::int32_t));
  }

  QuantisedRows operand(const Call& call) const {
    if (quantised_before_) return call.int8_rows(x());
    const QuantisedRows result = int8_block(rows(call.sizes), inputs()).at(call.scratch);
    call.check(
        quantise_rows({.x = call.input(x()), .quantised = result, .rows = rows(call.sizes), .columns = inputs(), .stream = call.stream}),
        "[linear] quantising its input");
    return result;
  }

  std::shared_ptr<const DeviceWeight> weight_;
  bool quantised_before_;  ///< what made the input gave it as int8 rows too
};

}  // namespace

std::unique_ptr<Step> make_linear(StepContext& context, const Node& node) {
  if (node.as<LinearOptions>().precision == Precision::int8) return std::make_unique<Int8Linear>(context, node);
  return std::make_unique<FloatLinear>(context, node);
}

}  // namespace accelerate::cuda
