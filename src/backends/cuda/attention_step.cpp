// attention: our own kernel on strided views, after a cast only where an operand is in other elements; append: the keys and
// values of earlier calls, which it reads in their pages.
#include <algorithm>
#include <array>

#include "backends/cuda/steps.h"

namespace accelerate::cuda {
namespace {

/// The kernel's view of query, key or value.
struct Operand {
  const std::byte* data = nullptr;
  std::int64_t stride = 0;  ///< elements from token to token
};

/// What an append node gives has no memory of its own: the step puts the new rows where attention finds them.
class Append final : public Step {
 public:
  Append(StepContext& context, const Node& node) : node_(node) {
    for (ValueId input : node.inputs) reads.push_back(context.plan(input).root);
  }

  void enqueue(const Call& call) const override {
    const CudaState& state = call.remembered->state;
    const CudaState::Place& place = state.place(node_.outputs.front());
    const std::vector<std::int64_t> shape = call.shape(node_.inputs[0]);
    Input rows = call.input(node_.inputs[0]);
    rows.stride = call.plan(node_.inputs[0]).row_stride;
    call.check(append({.x = rows,
                       .begins = call.whole_numbers(node_.inputs[1]),
                       .context = call.whole_numbers(node_.inputs[2]),
                       .pages = call.remembered->table(place.group),
                       .offset = place.offset,
                       .element = state.element(),
                       .tokens = shape[0],
                       .columns = shape[1] * shape[2],
                       .sequences = call.count(node_.inputs[1]) - 1,
                       .stream = call.stream}),
               "[append]");
  }

 private:
  Node node_;
};

class Attention final : public Step {
 public:
  Attention(StepContext& context, const Node& node)
      : node_(node),
        graph_(context.graph),
        options_(node.as<AttentionOptions>()),
        element_(half_of(options_.precision)),
        is_remembered_(graph_.producer(node.inputs[1]).op == Op::append),
        plans_{context.plan(node.inputs[0]), context.plan(node.inputs[1]), context.plan(node.inputs[2])} {
    for (ValueId input : node.inputs)
      if (input != no_value) reads.push_back(context.plan(input).root);
    writes.push_back(node.outputs.front());
  }

  std::size_t scratch_bytes(const SizeMap& sizes) const override {
    // Remembered rows stay where they are, and their element, which the query takes on, is known to the state alone.
    if (is_remembered_) return std::max(operand_bytes(0, sizes, Element::float32), operand_bytes(0, sizes, Element::float16));
    return operand_bytes(0, sizes, element_) + operand_bytes(1, sizes, element_) + operand_bytes(2, sizes, element_);
  }

  void enqueue(const Call& call) const override {
    const std::int64_t sequences = call.count(node_.inputs[3]) - 1;
    if (sequences == 0 || tokens(0, call.sizes) == 0) return;
    const Element element = is_remembered_ ? call.remembered->state.element() : element_;
    std::byte* scratch = call.scratch;
    std::array<Operand, 3> operands;
    for (std::size_t i = 0; i < 3; ++i) {
      if (is_remembered_ && i > 0) {
        operands[i].stride = columns(i);
        continue;
      }
      operands[i] = operand(call, i, element, scratch);
      scratch += operand_bytes(i, call.sizes, element);
    }
    Pages pages;
    if (is_remembered_) pages = pages_of(*call.remembered);
    call.check(attention({.query = operands[0].data,
                          .key = operands[1].data,
                          .value = operands[2].data,
                          .element = element,
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
                          .softcap = options_.softcap,
                          .causal = options_.causal,
                          .window_left = options_.window_left,
                          .window_right = options_.window_right,
                          .global_keys = reinterpret_cast<const std::uint8_t*>(call.at(optional(9))),
                          .slopes = call.floats(optional(10)),
                          .head_bias = call.floats(optional(5)),
                          .query_bias = call.floats(optional(6)),
                          .key_bias = call.floats(optional(7)),
                          .distance_columns = call.whole_numbers(optional(8)),
                          .bias_columns = bias_columns(call),
                          .distance_radius = optional(8) == no_value ? 0 : call.count(optional(8)) / 2,
                          .pages = pages.table,
                          .key_offset = pages.keys,
                          .value_offset = pages.values,
                          .stream = call.stream}),
               "[attention]");
  }

 private:
  /// Where remembered keys and values lie.
  struct Pages {
    PageTable table = {};
    std::int64_t keys = 0;
    std::int64_t values = 0;
  };

  Pages pages_of(const Remembered& remembered) const {
    const CudaState::Place& keys = remembered.state.place(node_.inputs[1]);
    return {.table = remembered.table(keys.group), .keys = keys.offset, .values = remembered.state.place(node_.inputs[2]).offset};
  }

  /// One of the biases by distance, the columns of the distances, the global keys or the slopes.
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

  bool is_cast(std::size_t input, Element element) const { return plans_[input].element != element; }
  /// Whether the operand is first copied out of a view with gaps, because a cast works on elements in a row.
  bool is_gathered(std::size_t input, Element element) const { return is_cast(input, element) && plans_[input].row_stride != 0; }

  std::size_t dense_bytes(std::size_t input, const SizeMap& sizes, Element element) const {
    return aligned(static_cast<std::size_t>(tokens(input, sizes) * columns(input)) * size_of(element));
  }
  std::size_t gathered_bytes(std::size_t input, const SizeMap& sizes, Element element) const {
    return is_gathered(input, element) ? dense_bytes(input, sizes, plans_[input].element) : 0;
  }
  std::size_t operand_bytes(std::size_t input, const SizeMap& sizes, Element element) const {
    return gathered_bytes(input, sizes, element) + (is_cast(input, element) ? dense_bytes(input, sizes, element) : 0);
  }

  /// The operand in the kernel's elements, made in `scratch` where it is not so already.
  Operand operand(const Call& call, std::size_t input, Element element, std::byte* scratch) const {
    const PlannedValue& plan = plans_[input];
    Operand result{.data = call.at(node_.inputs[input]), .stride = plan.row_stride != 0 ? plan.row_stride : columns(input)};
    if (!is_cast(input, element)) return result;
    if (is_gathered(input, element)) {
      call.check(copy({.source = result.data,
                       .target = scratch,
                       .element = plan.element,
                       .extents = {2, {tokens(input, call.sizes), columns(input)}},
                       .source_strides = {result.stride, 1},
                       .target_strides = {columns(input), 1},
                       .stream = call.stream}),
                 "[attention] copying an operand");
      result.data = scratch;
      scratch += gathered_bytes(input, call.sizes, element);
    }
    call.check(cast({.x = {result.data, plan.element},
                     .y = {scratch, element},
                     .count = tokens(input, call.sizes) * columns(input),
                     .stream = call.stream}),
               "[attention] rounding an operand");
    return {.data = scratch, .stride = columns(input)};
  }

  Node node_;
  const Graph& graph_;
  AttentionOptions options_;
  Element element_;
  bool is_remembered_;
  std::array<PlannedValue, 3> plans_;
};

}  // namespace

std::unique_ptr<Step> make_append(StepContext& context, const Node& node) { return std::make_unique<Append>(context, node); }

std::unique_ptr<Step> make_attention(StepContext& context, const Node& node) { return std::make_unique<Attention>(context, node); }

}  // namespace accelerate::cuda
