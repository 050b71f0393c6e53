#include "backends/cuda/value_plan.h"

#include <algorithm>

#include "backends/stored_constants.h"

namespace accelerate::cuda {
namespace {

/// One reading of a value: by which node, as which input.
struct Use {
  const Node* node;
  std::size_t input;
};

Dim rows_of(const ValueType& type) { return type.shape.empty() ? Dim(1) : type.shape.front(); }

/// Elements of one row, or nothing when that is known only when the graph runs.
std::optional<std::int64_t> columns_of(const ValueType& type) {
  std::int64_t columns = 1;
  for (std::size_t axis = 1; axis < type.shape.size(); ++axis) {
    if (!type.shape[axis].is_static()) return std::nullopt;
    columns *= type.shape[axis].value();
  }
  return columns;
}

bool is_attention_operand(const Use& use) { return use.node->op == Op::attention && use.input < 3; }

/// Whether the reader takes rows with gaps between them.
bool takes_gaps(const Use& use) {
  return is_attention_operand(use) || ((use.node->op == Op::rope || use.node->op == Op::append) && use.input == 0);
}

class Planner {
 public:
  Planner(const Graph& graph, Precision precision)
      : graph_(graph),
        half_(half_of(precision)),
        uses_(static_cast<std::size_t>(graph.value_count())),
        is_output_(static_cast<std::size_t>(graph.value_count()), false),
        values_(static_cast<std::size_t>(graph.value_count())) {
    for (const Node& node : graph.nodes())
      for (std::size_t i = 0; i < node.inputs.size(); ++i)
        if (node.inputs[i] != no_value) uses_[static_cast<std::size_t>(node.inputs[i])].push_back({&node, i});
    for (const NamedValue& output : graph.outputs()) is_output_[static_cast<std::size_t>(output.value)] = true;
  }

  std::vector<PlannedValue> plan() {
    for (const Node& node : graph_.nodes()) {
      for (ValueId output : node.outputs) place(node, output);
    }
    for (const Node& node : graph_.nodes())
      for (ValueId output : node.outputs)
        if (value(output).root == output) choose_forms(node, output);
    for (PlannedValue& planned : values_)
      if (planned.root != no_value) planned.element = value(planned.root).element;
    return std::move(values_);
  }

 private:
  PlannedValue& value(ValueId id) { return values_[static_cast<std::size_t>(id)]; }
  const std::vector<Use>& uses(ValueId id) const { return uses_[static_cast<std::size_t>(id)]; }
  bool is_output(ValueId id) const { return is_output_[static_cast<std::size_t>(id)]; }

  /// Whether all that read the value take rows with gaps, as they are or by other axes within the rows.
  bool may_have_gaps(ValueId id) const {
    return !is_output(id) && std::ranges::all_of(uses(id), [&](const Use& use) {
      if (takes_gaps(use)) return true;
      if (use.node->op != Op::reshape) return false;
      const ValueId output = use.node->outputs.front();
      return rows_of(graph_.type(id)) == rows_of(graph_.type(output)) && columns_of(graph_.type(output)) && may_have_gaps(output);
    });
  }

  void place(const Node& node, ValueId output) {
    value(output).root = output;
    if (node.op == Op::reshape) {
      value(output) = value(node.inputs.front());
    } else if (node.op == Op::slice) {
      const auto& slice = node.as<SliceOptions>();
      const ValueType& input = graph_.type(node.inputs.front());
      const bool columns =
          slice.axis == 1 && input.shape.size() == 2 && slice.step == 1 && slice.start.is_static() && slice.stop.is_static();
      if (!columns || !columns_of(input) || !may_have_gaps(output)) return;
      PlannedValue view = value(node.inputs.front());
      if (view.row_stride == 0) view.row_stride = *columns_of(input);
      view.offset += slice.start.value();
      value(output) = view;
    }
  }

  /// Whether `test` holds for all that read the value, views of it followed; false for what the caller of the graph reads.
  template <typename Test>
  bool all_readers(ValueId id, Test test) const {
    return !is_output(id) && std::ranges::all_of(uses(id), [&](const Use& use) {
      const ValueId output = use.node->outputs.front();
      const bool is_view = values_[static_cast<std::size_t>(output)].root != output;
      return is_view ? all_readers(output, test) : test(use);
    });
  }

  /// Whether the reader would round the value to half precision before it computes.
  bool rounds(const Use& use) const {
    if (use.node->op == Op::linear) return use.input == 0 && operand_of(use.node->as<LinearOptions>().precision) == half_;
    if (use.node->op == Op::grouped_linear) return use.input == 0 && half_of(use.node->as<LinearOptions>().precision) == half_;
    if (use.node->op == Op::append && use.input == 0)  // what is appended is read by attention alone
      return all_readers(use.node->outputs.front(), [&](const Use& reader) { return rounds(reader); });
    return is_attention_operand(use) && half_of(use.node->as<AttentionOptions>().precision) == half_;
  }

  /// Whether the reader takes half precision as it takes float32.
  static bool takes_half(const Use& use) {
    switch (use.node->op) {
      case Op::linear:
        return use.input == 3 || (use.input == 0 && use.node->as<LinearOptions>().precision != Precision::fp32);
      case Op::grouped_linear:
        return use.input == 0 && use.node->as<LinearOptions>().precision != Precision::fp32;
      case Op::attention:
        return use.input < 3 && use.node->as<AttentionOptions>().precision != Precision::fp32;
      case Op::layer_norm:
      case Op::rms_norm:
      case Op::sequence_pool:
      case Op::rope:
      case Op::append:
      case Op::unary:
        return use.input == 0;
      case Op::add_norm:
        return use.input < 2;
      case Op::binary:
        return true;
      default:
        return false;
    }
  }

  /// Whether what the node makes is fit to be kept in half precision whoever reads it.
  static bool makes_activations(const Node& node, ValueId output) {
    switch (node.op) {
      case Op::linear:
        return node.inputs.size() < 4 && node.as<LinearOptions>().precision != Precision::fp32;
      case Op::grouped_linear:
        return node.as<LinearOptions>().precision != Precision::fp32;
      case Op::attention:
        return node.as<AttentionOptions>().precision != Precision::fp32;
      case Op::layer_norm:
      case Op::rms_norm:
      case Op::embedding_norm:
        return true;
      case Op::add_norm:
        return output == node.outputs.front();
      default:
        return false;
    }
  }

  /// Whether the kernel of the node writes floats of any size.
  static bool writes_half(const Node& node) {
    switch (node.op) {
      case Op::linear:
      case Op::grouped_linear:
      case Op::attention:
      case Op::rope:
      case Op::layer_norm:
      case Op::rms_norm:
      case Op::embedding_norm:
      case Op::add_norm:
      case Op::unary:
      case Op::binary:
      case Op::softmax:
      case Op::sequence_pool:
      case Op::gather:
        return true;
      default:
        return false;
    }
  }

  static bool gives_quantised(const Node& node, ValueId output) {
    switch (node.op) {
      case Op::linear:
      case Op::layer_norm:
      case Op::rms_norm:
      case Op::embedding_norm:
      case Op::add_norm:
        return output == node.outputs.front();
      default:
        return false;
    }
  }

  void choose_forms(const Node& node, ValueId id) {
    PlannedValue& planned = value(id);
    planned.element = element_of(node, id);
    if (node.op == Op::input || node.op == Op::constant) return;
    const auto takes_int8 = [](const Use& use) {
      return use.node->op == Op::linear && use.input == 0 && use.node->as<LinearOptions>().precision == Precision::int8;
    };
    planned.quantised = gives_quantised(node, id) && std::ranges::any_of(uses(id), takes_int8);
    planned.stored =
        node.op != Op::append &&
        (is_output(id) || std::ranges::any_of(uses(id), [&](const Use& use) { return !planned.quantised || !takes_int8(use); }));
  }

  Element element_of(const Node& node, ValueId id) const {
    const DType dtype = graph_.type(id).dtype;
    if (dtype == DType::int64) return Element::int64;
    if (dtype == DType::boolean) return Element::boolean;
    if (node.op == Op::constant) return constant_element(node, id);
    if (half_ == Element::float32 || node.op == Op::input || !writes_half(node) || uses(id).empty()) return Element::float32;
    if (makes_activations(node, id) && all_readers(id, takes_half)) return half_;
    return all_readers(id, [&](const Use& use) { return rounds(use); }) ? half_ : Element::float32;
  }

  /// Tables that rows are looked up in keep their encoding; everything else becomes float32.
  Element constant_element(const Node& node, ValueId id) const {
    const bool is_table = !is_output(id) && std::ranges::all_of(uses(id), [](const Use& use) {
      if (use.node->op == Op::linear) return use.input == 1 || use.input == 2;
      return (use.node->op == Op::gather && use.input == 0) || (use.node->op == Op::embedding_norm && use.input >= 2 && use.input % 2 == 0);
    });
    const DType stored = node.as<ConstantOptions>().tensor.dtype();
    if (is_table && stored == DType::float16) return Element::float16;
    if (is_table && stored == DType::bfloat16) return Element::bfloat16;
    return Element::float32;
  }

  const Graph& graph_;
  Element half_;
  std::vector<std::vector<Use>> uses_;
  std::vector<bool> is_output_;
  std::vector<PlannedValue> values_;
};

}  // namespace

Element half_of(Precision precision) {
  switch (precision) {
    case Precision::fp32:
      return Element::float32;
    case Precision::fp16:
      return Element::float16;
    case Precision::bf16:
    case Precision::int8:
    case Precision::int4:  // not among the backend's precisions
      return Element::bfloat16;
  }
  return Element::float32;
}

Element operand_of(Precision precision) { return precision == Precision::int8 ? Element::float32 : half_of(precision); }

bool is_stacked_weight(const Graph& graph, ValueId value) {
  const Node& producer = graph.producer(value);
  if (producer.op != Op::concat || constant_parts(graph, value).empty()) return false;
  for (const Node& node : graph.nodes())
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      if (node.inputs[i] == value && (node.op != Op::linear || (i != 1 && i != 2))) return false;
  return std::ranges::none_of(graph.outputs(), [&](const NamedValue& output) { return output.value == value; });
}

std::vector<PlannedValue> plan_values(const Graph& graph, Precision precision) { return Planner(graph, precision).plan(); }

}  // namespace accelerate::cuda
