// attention: our own kernel on strided views, after a cast only where an operand is in other elements.
#include <array>

#include "backends/cuda/steps.h"

namespace accelerate::cuda {
namespace {

/// The kernel's view of query, key or value.
struct Operand {
  const std::byte* data = nullptr;
  std::int64_t stride = 0;  ///< elements from token to token
};

class Attention final : public Step {
 public:
  Attention(StepContext& context, const Node& node)
      : node_(node),
        graph_(context.graph),
        options_(node.as<AttentionOptions>()),
        element_(half_of(options_.precision)),
        plans_{context.plan(node.inputs[0]), context.plan(node.inputs[1]), context.plan(node.inputs[2])} {
    for (ValueId input : node.inputs)
      if (input != no_value) reads.push_back(context.plan(input).root);
    writes.push_back(node.outputs.front());
  }

  std::size_t scratch_bytes(const SizeMap& sizes) const override {
    return operand_bytes(0, sizes) + operand_bytes(1, sizes) + operand_bytes(2, sizes);
  }

  void enqueue(const Call& call) const override {
    const std::int64_t sequences = call.count(node_.inputs[3]) - 1;
    if (sequences == 0 || tokens(0, call.sizes) == 0) return;
    std::byte* scratch = call.scratch;
    std::array<Operand, 3> operands;
    for (std::size_t i = 0; i < 3; ++i) {
      operands[i] = operand(call, i, scratch);
      scratch += operand_bytes(i, call.sizes);
    }
    call.check(attention({.query = operands[0].data,
                          .key = operands[1].data,
                          .value = operands[2].data,
                          .element = element_,
                          .y = call.output(node_.outputs.front()),
                          .query_stride = operands[0].stride,
                          .key_stride = operands[1].stride,
                          .value_stride = operands[2].stride,
                          .y_stride = heads(0) * head_size(2),
                          .heads = heads(0),
                          .key_heads = heads(1),
                          .size = head_size(0),
                          .value_size = head_size(2),
                          .query_begins = call.whole_numbers(node_.inputs[3]),
                          .key_begins = call.whole_numbers(node_.inputs[4]),
                          .sequences = sequences,
                          .query_tokens = tokens(0, call.sizes),
                          .scale = options_.scale,
                          .causal = options_.causal,
                          .window_left = options_.window_left,
                          .window_right = options_.window_right,
                          .head_bias = call.floats(optional(5)),
                          .query_bias = call.floats(optional(6)),
                          .key_bias = call.floats(optional(7)),
                          .distance_columns = call.whole_numbers(optional(8)),
                          .bias_columns = bias_columns(call),
                          .distance_radius = optional(8) == no_value ? 0 : call.count(optional(8)) / 2,
                          .stream = call.stream}),
               "[attention]");
  }

 private:
  /// One of the biases by distance, or the columns of the distances.
  ValueId optional(std::size_t input) const { return input < node_.inputs.size() ? node_.inputs[input] : no_value; }

  std::int64_t bias_columns(const Call& call) const {
    for (std::size_t input : {5U, 6U, 7U})
      if (optional(input) != no_value) return call.columns(optional(input));
    return 0;
  }

  std::int64_t axis(std::size_t input, std::size_t index) const { return graph_.type(node_.inputs[input]).shape[index].value(); }
  std::int64_t tokens(std::size_t input, const SizeMap& sizes) const { return graph_.type(node_.inputs[input]).shape[0].evaluate(sizes); }
  std::int64_t heads(std::size_t input) const { return axis(input, 1); }
  std::int64_t head_size(std::size_t input) const { return axis(input, 2); }
  std::int64_t columns(std::size_t input) const { return heads(input) * head_size(input); }

  bool is_cast(std::size_t input) const { return plans_[input].element != element_; }
  /// Whether the operand is first copied out of a view with gaps, because a cast works on elements in a row.
  bool is_gathered(std::size_t input) const { return is_cast(input) && plans_[input].row_stride != 0; }

  std::size_t dense_bytes(std::size_t input, const SizeMap& sizes, Element element) const {
    return aligned(static_cast<std::size_t>(tokens(input, sizes) * columns(input)) * size_of(element));
  }
  std::size_t gathered_bytes(std::size_t input, const SizeMap& sizes) const {
    return is_gathered(input) ? dense_bytes(input, sizes, plans_[input].element) : 0;
  }
  std::size_t operand_bytes(std::size_t input, const SizeMap& sizes) const {
    return gathered_bytes(input, sizes) + (is_cast(input) ? dense_bytes(input, sizes, element_) : 0);
  }

  /// The operand in the kernel's elements, made in `scratch` where it is not so already.
  Operand operand(const Call& call, std::size_t input, std::byte* scratch) const {
    const PlannedValue& plan = plans_[input];
    Operand result{.data = call.at(node_.inputs[input]), .stride = plan.row_stride != 0 ? plan.row_stride : columns(input)};
    if (!is_cast(input)) return result;
    if (is_gathered(input)) {
      call.check(copy({.source = result.data,
                       .target = scratch,
                       .element = plan.element,
                       .extents = {2, {tokens(input, call.sizes), columns(input)}},
                       .source_strides = {result.stride, 1},
                       .target_strides = {columns(input), 1},
                       .stream = call.stream}),
                 "[attention] copying an operand");
      result.data = scratch;
      scratch += gathered_bytes(input, call.sizes);
    }
    call.check(cast({.x = {result.data, plan.element},
                     .y = {scratch, element_},
                     .count = tokens(input, call.sizes) * columns(input),
                     .stream = call.stream}),
               "[attention] rounding an operand");
    return {.data = scratch, .stride = columns(input)};
  }

  Node node_;
  const Graph& graph_;
  AttentionOptions options_;
  Element element_;
  std::array<PlannedValue, 3> plans_;
};

}  // namespace

std::unique_ptr<Step> make_attention(StepContext& context, const Node& node) { return std::make_unique<Attention>(context, node); }

}  // namespace accelerate::cuda
