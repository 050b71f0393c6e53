// grouped_linear: the vendor's product of all groups at once; where it has none, our own on groups that lie one after another.
#include "backends/cuda/steps.h"
#include "backends/stored_constants.h"

namespace accelerate::cuda {
namespace {

Number number_of(Element element) {
  if (element == Element::float16) return Number::float16;
  return element == Element::bfloat16 ? Number::bfloat16 : Number::float32;
}

Encoding encoding_of(Element element) {
  if (element == Element::float16) return Encoding::float16;
  return element == Element::bfloat16 ? Encoding::bfloat16 : Encoding::float32;
}

/// At int8 the operands are rounded to bfloat16 instead, which is nearer to what they are.
class GroupedLinear final : public Step {
 public:
  GroupedLinear(StepContext& context, const Node& node)
      : node_(node),
        graph_(context.graph),
        operand_(half_of(node.as<LinearOptions>().precision)),
        y_(context.plan(node.outputs.front())),
        result_(operand_ == Element::float32 ? operand_ : y_.element) {
    weight_ = constant(context, weight(), encoding_of(operand_));
    bias_ = constant(context, bias(), Encoding::float32);
    reads.push_back(context.plan(x()).root);
    if (weight_ == nullptr) reads.push_back(context.plan(weight()).root);
    if (bias() != no_value && bias_ == nullptr) reads.push_back(context.plan(bias()).root);
    writes.push_back(y());
  }

  std::size_t scratch_bytes(const SizeMap& sizes) const override { return layout_for(sizes).bytes; }

  void enqueue(const Call& call) const override {
    const Sizes sizes = sizes_for(call.sizes);
    if (sizes.rows * sizes.groups * sizes.outputs == 0) return;
    const Scratch scratch = layout_for(call.sizes);
    const Product product{.x = operand(call, x(), call.scratch + scratch.x),
                          .weight = weight_ != nullptr ? weight_->data() : operand(call, weight(), call.scratch + scratch.weight),
                          .y = in_place() ? call.at(y()) : call.scratch + scratch.result,
                          .operands = number_of(operand_),
                          .result = number_of(result_),
                          .rows = sizes.rows,
                          .inputs = sizes.inputs,
                          .outputs = sizes.outputs,
                          .groups = sizes.groups,
                          .workspace = call.workspace,
                          .workspace_bytes = call.workspace_bytes,
                          .stream = call.stream};
    if (call.device.products().can(product))
      call.check(call.device.products().multiply(product), "[grouped_linear]");
    else
      multiply_without_library(call, product, scratch);
    if (in_place() && bias() == no_value) return;
    call.check(tail({.x = {product.y, result_},
                     .bias = bias_ != nullptr ? reinterpret_cast<const float*>(bias_->data()) : call.floats(bias()),
                     .y = call.output(y()),
                     .rows = sizes.rows,
                     .columns = sizes.groups * sizes.outputs,
                     .stream = call.stream}),
               "[grouped_linear] its tail");
  }

 private:
  struct Sizes {
    std::int64_t rows;
    std::int64_t groups;
    std::int64_t inputs;
    std::int64_t outputs;
  };

  /// Where what the step needs lies in scratch memory.
  struct Scratch {
    std::size_t x = 0;
    std::size_t weight = 0;
    std::size_t result = 0;
    std::size_t x_by_group = 0;
    std::size_t y_by_group = 0;
    std::size_t bytes = 0;
  };

  ValueId x() const { return node_.inputs[0]; }
  ValueId weight() const { return node_.inputs[1]; }
  ValueId bias() const { return node_.inputs.size() > 2 ? node_.inputs[2] : no_value; }
  ValueId y() const { return node_.outputs.front(); }
  bool in_place() const { return y_.element == result_; }

  static std::shared_ptr<const DeviceWeight> constant(StepContext& context, ValueId value, Encoding encoding) {
    const auto parts = constant_parts(context.graph, value);
    return parts.empty() ? nullptr : context.device->weights().get(context.device, parts, encoding, context.threads);
  }

  Sizes sizes_for(const SizeMap& sizes) const {
    const std::vector<std::int64_t> shape = evaluate(graph_.type(weight()).shape, sizes);
    const std::int64_t numbers = element_count(graph_.type(y()).shape).evaluate(sizes);
    const std::int64_t of_row = shape[0] * shape[1];
    return {.rows = of_row == 0 ? 0 : numbers / of_row, .groups = shape[0], .inputs = shape[2], .outputs = shape[1]};
  }

  Scratch layout_for(const SizeMap& all_sizes) const {
    const Sizes sizes = sizes_for(all_sizes);
    Scratch scratch;
    const auto place = [&](std::int64_t numbers, Element element) {
      const std::size_t begin = scratch.bytes;
      scratch.bytes += aligned(static_cast<std::size_t>(numbers) * size_of(element));
      return begin;
    };
    const std::int64_t x_numbers = sizes.rows * sizes.groups * sizes.inputs;
    const std::int64_t y_numbers = sizes.rows * sizes.groups * sizes.outputs;
    scratch.x = place(x_numbers, operand_);
    scratch.weight = place(weight_ != nullptr ? 0 : sizes.groups * sizes.inputs * sizes.outputs, operand_);
    scratch.result = place(in_place() ? 0 : y_numbers, result_);
    scratch.x_by_group = place(x_numbers, operand_);
    scratch.y_by_group = place(y_numbers, result_);
    return scratch;
  }

  /// The value in the product's elements, made in `target` where it is not so already.
  const void* operand(const Call& call, ValueId value, std::byte* target) const {
    if (call.plan(value).element == operand_) return call.at(value);
    call.check(cast({.x = call.input(value), .y = {target, operand_}, .count = call.count(value), .stream = call.stream}),
               "[grouped_linear] rounding an operand");
    return target;
  }

  void multiply_without_library(const Call& call, const Product& product, const Scratch& scratch) const {
    swap_axes(call, {.source = product.x, .target = call.scratch + scratch.x_by_group, .element = operand_},
              {product.rows, product.groups, product.inputs});
    call.check(matmul({.a = {call.scratch + scratch.x_by_group, operand_, {3, {product.groups, product.rows, product.inputs}}},
                       .b = {product.weight, operand_, {3, {product.groups, product.outputs, product.inputs}}},
                       .transpose_b = true,
                       .y = {call.scratch + scratch.y_by_group, result_},
                       .extents = {3, {product.groups, product.rows, product.outputs}},
                       .stream = call.stream}),
               "[grouped_linear] without the library");
    swap_axes(call, {.source = call.scratch + scratch.y_by_group, .target = product.y, .element = result_},
              {product.groups, product.rows, product.outputs});
  }

  /// Copies an array of that shape with its first two axes exchanged.
  static void swap_axes(const Call& call, CopyArguments arguments, const std::array<std::int64_t, 3>& shape) {
    arguments.extents = {3, {shape[0], shape[1], shape[2]}};
    arguments.source_strides = {shape[1] * shape[2], shape[2], 1};
    arguments.target_strides = {shape[2], shape[0] * shape[2], 1};
    arguments.stream = call.stream;
    call.check(copy(arguments), "[grouped_linear] by groups");
  }

  Node node_;
  const Graph& graph_;
  Element operand_;
  PlannedValue y_;
  Element result_;                              ///< of the product, before the bias
  std::shared_ptr<const DeviceWeight> weight_;  ///< where it is constant
  std::shared_ptr<const DeviceWeight> bias_;    ///< where it is constant
};

}  // namespace

std::unique_ptr<Step> make_grouped_linear(StepContext& context, const Node& node) { return std::make_unique<GroupedLinear>(context, node); }

}  // namespace accelerate::cuda
