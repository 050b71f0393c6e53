#include "backends/openvino/translation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ipfs_accelerate/error.h"

namespace accelerate::openvino {
namespace {

struct Row {
  Op op;
  Translator translator;
};

constexpr std::array table{
    Row{Op::reshape, translate_reshape},
    Row{Op::transpose, translate_transpose},
    Row{Op::slice, translate_slice},
    Row{Op::concat, translate_concat},
    Row{Op::gather, translate_gather},
    Row{Op::scatter, translate_scatter},
    Row{Op::unary, translate_unary},
    Row{Op::binary, translate_binary},
    Row{Op::where, translate_where},
    Row{Op::cast, translate_cast},
    Row{Op::reduce, translate_reduce},
    Row{Op::softmax, translate_softmax},
    Row{Op::matmul, translate_matmul},
    Row{Op::linear, translate_linear},
    Row{Op::grouped_linear, translate_grouped_linear},
    Row{Op::dequantize, translate_dequantize},
    Row{Op::layer_norm, translate_layer_norm},
    Row{Op::rms_norm, translate_rms_norm},
    Row{Op::attention, translate_attention},
    Row{Op::rope, translate_rope},
    Row{Op::append, translate_append},
    Row{Op::sequence_cumsum, translate_sequence_cumsum},
    Row{Op::sequence_shift, translate_sequence_shift},
    Row{Op::sequence_pool, translate_sequence_pool},
};

ov::PartialShape partial_shape_of(const Shape& shape) {
  std::vector<ov::Dimension> sizes;
  for (const Dim& size : shape) sizes.push_back(size.is_static() ? ov::Dimension(size.value()) : ov::Dimension::dynamic());
  return sizes;
}

}  // namespace

Translator translator_of(Op op) {
  const auto* const found = std::ranges::find(table, op, &Row::op);
  return found == table.end() ? nullptr : found->translator;
}

std::string refusal_of(const Graph& graph, const Node& node) {
  if (node.op == Op::input || node.op == Op::constant) return {};
  const std::string_view name = traits_of(node.op).name;
  if (translator_of(node.op) == nullptr) return fmt::format("[{}] is not a base op", name);
  const auto must_be_known = [&](std::size_t input) {
    return is_host_value(graph, node.inputs[input])
               ? std::string()
               : fmt::format("[{}] input {} is computed from floats, and could not be checked before the run", name, input);
  };
  const auto first_of = [&](std::initializer_list<std::size_t> inputs) {
    for (const std::size_t input : inputs)
      if (input < node.inputs.size() && node.inputs[input] != no_value)
        if (std::string refusal = must_be_known(input); !refusal.empty()) return refusal;
    return std::string();
  };
  switch (node.op) {
    case Op::gather:
    case Op::scatter:
    case Op::sequence_cumsum:
    case Op::sequence_shift:
    case Op::sequence_pool:
      return first_of({1});
    case Op::attention:
      return first_of({3, 4, 8, 9});
    case Op::append: {
      std::string refusal = first_of({1, 2});
      return refusal.empty() ? refusal_of_append(graph, node) : refusal;
    }
    default:
      return {};
  }
}

Output Translation::operator()(ValueId value) {
  Output& known = values_[static_cast<std::size_t>(value)];
  if (known.get_node() != nullptr) return known;
  if (const Tensor* fixed = host_.fixed(value))
    known = stored(*fixed);
  else if (host_.knows(value))
    known = feed(FeedKind::value, value);
  else if (const ConstantOptions* constant = from_.constant_of(value)) {
    known = stored(constant->tensor);
    if (known.get_element_type() != ov::element::f32) known = std::make_shared<ops::Convert>(known, ov::element::f32);
  } else {
    throw Error(ErrorKind::internal, fmt::format("openvino: value %{} is read before it is made", value));
  }
  return known;
}

Output Translation::feed(FeedKind kind, ValueId value) {
  const Feed wanted{kind, value};
  const auto found = std::ranges::find(feeds_, wanted);
  if (found != feeds_.end()) return parameters_[static_cast<std::size_t>(found - feeds_.begin())];
  if (options_.only != nullptr && follows_from_sizes(kind)) return fixed_feed(wanted);
  const FeedType type = type_of(from_, wanted, options_.layout);
  ov::PartialShape shape = partial_shape_of(type.shape);
  if (options_.only != nullptr) {
    const Tensor tensor = tensor_of(*options_.only, wanted);
    shape = ov::Shape(tensor.shape().begin(), tensor.shape().end());
  }
  feeds_.push_back(wanted);
  parameters_.push_back(std::make_shared<ops::Parameter>(element_of(type.dtype), shape));
  return parameters_.back();
}

Output Translation::fixed_feed(const Feed& wanted) {
  for (const auto& [feed, output] : fixed_feeds_)
    if (feed == wanted) return output;
  return fixed_feeds_.emplace_back(wanted, stored(tensor_of(*options_.only, wanted))).second;
}

Output Translation::indices(ValueId value) { return host_.fixed(value) == nullptr ? feed(FeedKind::indices, value) : (*this)(value); }

void Translation::run() {
  for (const Node& node : from_.nodes()) {
    if (node.op == Op::input || node.op == Op::constant || host_.knows(node.outputs.front())) continue;
    values_[static_cast<std::size_t>(node.outputs.front())] = translator_of(node.op)(*this, node);
  }
}

std::shared_ptr<ov::Model> Translation::finish() const {
  ov::ResultVector results;
  for (const NamedValue& output : from_.outputs())
    if (!host_.knows(output.value)) results.push_back(std::make_shared<ops::Result>(values_[static_cast<std::size_t>(output.value)]));
  for (const Node& node : from_.nodes())
    if (node.op == Op::append) results.push_back(std::make_shared<ops::Result>(values_[static_cast<std::size_t>(node.inputs.front())]));
  return std::make_shared<ov::Model>(results, parameters_, "graph");
}

std::shared_ptr<ov::Node> stored(const Tensor& tensor) {
  const ov::Shape shape(tensor.shape().begin(), tensor.shape().end());
  // The constant owns a share of the tensor, and with it of the mapped file.
  const auto owner = std::make_shared<Tensor>(tensor);
  return std::make_shared<ops::Constant>(element_of(tensor.dtype()), shape, tensor.bytes().data(), owner);
}

ov::element::Type element_of(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return ov::element::f32;
    case DType::float16:
      return ov::element::f16;
    case DType::bfloat16:
      return ov::element::bf16;
    case DType::float64:
      return ov::element::f64;
    case DType::int64:
      return ov::element::i64;
    case DType::int32:
      return ov::element::i32;
    case DType::int16:
      return ov::element::i16;
    case DType::int8:
      return ov::element::i8;
    case DType::uint8:
      return ov::element::u8;
    case DType::boolean:
      return ov::element::boolean;
  }
  return ov::element::dynamic;
}

Output whole_numbers(const std::vector<std::int64_t>& values, ov::element::Type type) {
  return ops::Constant::create(type, {values.size()}, values);
}

Output number(float value) { return ops::Constant::create(ov::element::f32, {}, {value}); }

}  // namespace accelerate::openvino
