#include "backends/sequence_pieces.h"

#include <algorithm>
#include <cstring>

namespace accelerate {
namespace {

Dim tokens() { return Dim::named("tokens"); }
Dim sequences() { return Dim::named("sequences"); }

/// The first axis, or 1.
Dim rows_of(const ValueType& type) { return type.shape.empty() ? Dim(1) : type.shape.front(); }

/// What is_separable() knows of a value.
enum class Kind : std::uint8_t {
  fixed,   ///< the same for every sequence
  begins,  ///< the input `sequences`
  rows,    ///< one row a token, or one a sequence
};

class Separability {
 public:
  explicit Separability(const Graph& graph) : graph_(graph), kinds_(static_cast<std::size_t>(graph.value_count()), Kind::fixed) {}

  bool holds() {
    for (const Node& node : graph_.nodes()) {
      const bool varies = node.op == Op::input || std::ranges::any_of(node.inputs, [&](ValueId input) { return !is_fixed(input); });
      if (!varies) continue;
      if (!keeps_sequences_apart(node)) return false;
      for (ValueId output : node.outputs) kinds_[static_cast<std::size_t>(output)] = is_begins(node) ? Kind::begins : Kind::rows;
    }
    return std::ranges::all_of(graph_.outputs(), [&](const NamedValue& output) { return has_rows(output.value); });
  }

 private:
  bool is_fixed(ValueId value) const { return value == no_value || kinds_[static_cast<std::size_t>(value)] == Kind::fixed; }
  bool is_begins(ValueId value) const { return kinds_[static_cast<std::size_t>(value)] == Kind::begins; }
  bool is_begins(const Node& node) const { return node.op == Op::input && rows_of(graph_.type(node.outputs[0])) == sequences() + 1; }
  bool has_rows(ValueId value) const { return kinds_[static_cast<std::size_t>(value)] == Kind::rows; }
  const Shape& shape(ValueId value) const { return graph_.type(value).shape; }

  /// Whether the value reaches each row of the output as it is, or is that output's own row.
  bool aligned(ValueId value, ValueId output) const {
    if (value == no_value) return true;
    if (has_rows(value)) return shape(value).size() == shape(output).size() && shape(value)[0] == shape(output)[0];
    return is_fixed(value) && (shape(value).size() < shape(output).size() || shape(value)[0] == Dim(1));
  }

  /// An attention's inputs after the five: tables for all sequences, or with rows of their own tokens.
  bool has_apart_extras(const Node& node) const {
    if (node.inputs.size() < 6) return true;
    const auto of_tokens = [&](ValueId value, ValueId tokens_of) {
      return value == no_value || (has_rows(value) && shape(value)[0] == shape(tokens_of)[0]);
    };
    return is_fixed(node.inputs[5]) && of_tokens(node.inputs[6], node.inputs[0]) && of_tokens(node.inputs[7], node.inputs[1]) &&
           is_fixed(node.inputs[8]) && (node.inputs.size() < 10 || of_tokens(node.inputs[9], node.inputs[1])) &&
           (node.inputs.size() < 11 || is_fixed(node.inputs[10]));
  }

  bool keeps_sequences_apart(const Node& node) const {
    const ValueId output = node.outputs.front();
    const Shape& result = shape(output);
    if (result.empty()) return false;
    const auto rest_fixed = [&](std::size_t first) {
      return std::all_of(node.inputs.begin() + static_cast<std::ptrdiff_t>(first), node.inputs.end(),
                         [&](ValueId v) { return is_fixed(v); });
    };
    switch (node.op) {
      case Op::input:
        return is_begins(node) || result[0] == tokens();
      case Op::gather:
        return is_fixed(node.inputs[0]) && has_rows(node.inputs[1]);
      case Op::linear:
        return has_rows(node.inputs[0]) && result.size() > 1 && is_fixed(node.inputs[1]) &&
               (node.inputs.size() < 4 || aligned(node.inputs[3], output));
      case Op::grouped_linear:
        return has_rows(node.inputs[0]) && result.size() > 2 && rest_fixed(1);
      case Op::layer_norm:
      case Op::rms_norm:
        return has_rows(node.inputs[0]) && result.size() > 1 && rest_fixed(1);
      case Op::add_norm:
        return result.size() > 1 && has_rows(node.inputs[0]) && has_rows(node.inputs[1]) && aligned(node.inputs[0], output) &&
               aligned(node.inputs[1], output) && rest_fixed(2);
      case Op::embedding_norm:
        for (std::size_t i = 2; i < node.inputs.size(); i += 2)
          if (!is_fixed(node.inputs[i]) || !has_rows(node.inputs[i + 1])) return false;
        return true;
      case Op::unary:
      case Op::cast:
        return has_rows(node.inputs[0]);
      case Op::binary:
      case Op::where:
        return std::ranges::all_of(node.inputs, [&](ValueId input) { return aligned(input, output); });
      case Op::softmax:
        return has_rows(node.inputs[0]) && result.size() > 1;
      case Op::reshape:
        return has_rows(node.inputs[0]) && shape(node.inputs[0])[0] == result[0];
      case Op::slice:
        return has_rows(node.inputs[0]) && node.as<SliceOptions>().axis != 0;
      case Op::concat:
        return node.as<AxisOptions>().axis != 0 &&
               std::ranges::all_of(node.inputs, [&](ValueId input) { return has_rows(input) && aligned(input, output); });
      case Op::rope:
        return std::ranges::all_of(node.inputs, [&](ValueId input) { return has_rows(input) && shape(input)[0] == result[0]; });
      case Op::reduce:
        return has_rows(node.inputs[0]) && node.as<ReduceOptions>().axis != 0;
      case Op::transpose:
        return has_rows(node.inputs[0]) && node.as<TransposeOptions>().permutation[0] == 0;
      case Op::attention:
        return has_rows(node.inputs[0]) && has_rows(node.inputs[1]) && has_rows(node.inputs[2]) && is_begins(node.inputs[3]) &&
               is_begins(node.inputs[4]) && has_apart_extras(node);
      case Op::sequence_cumsum:
      case Op::sequence_shift:
      case Op::sequence_pool:
        return has_rows(node.inputs[0]) && is_begins(node.inputs[1]);
      default:
        return false;
    }
  }

  const Graph& graph_;
  std::vector<Kind> kinds_;
};

/// Rows [first, first + count) of the tensor.
Tensor rows_of(const Tensor& tensor, std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> shape(tensor.shape().begin(), tensor.shape().end());
  const std::size_t row = tensor.byte_size() / static_cast<std::size_t>(std::max<std::int64_t>(shape[0], 1));
  shape[0] = count;
  Tensor result = Tensor::zeros(tensor.dtype(), std::move(shape));
  if (result.size() > 0)
    std::memcpy(result.mutable_bytes().data(), tensor.bytes().data() + static_cast<std::size_t>(first) * row, result.byte_size());
  return result;
}

}  // namespace

bool is_separable(const Graph& graph) { return Separability(graph).holds(); }

std::optional<Piece> whole_batch(std::span<const std::int64_t> begins, std::int64_t tokens) {
  if (begins.empty() || begins.front() != 0 || begins.back() != tokens || !std::ranges::is_sorted(begins)) return std::nullopt;
  return Piece{.first_sequence = 0, .sequences = static_cast<std::int64_t>(begins.size()) - 1, .first_token = 0, .tokens = tokens};
}

std::optional<std::pair<Piece, Piece>> halves_of(const Piece& piece, std::span<const std::int64_t> begins) {
  if (piece.sequences < 2) return std::nullopt;
  const std::span<const std::int64_t> cuts =
      begins.subspan(static_cast<std::size_t>(piece.first_sequence) + 1, static_cast<std::size_t>(piece.sequences) - 1);
  const auto unevenness = [&](std::int64_t cut) { return std::abs(2 * (cut - piece.first_token) - piece.tokens); };
  const auto cut = std::ranges::min_element(cuts, {}, unevenness);
  const std::int64_t sequences = cut - cuts.begin() + 1;
  const std::int64_t tokens = *cut - piece.first_token;
  return std::pair{Piece{piece.first_sequence, sequences, piece.first_token, tokens},
                   Piece{piece.first_sequence + sequences, piece.sequences - sequences, *cut, piece.tokens - tokens}};
}

TensorMap inputs_of(const Piece& piece, const Graph& graph, const TensorMap& inputs) {
  TensorMap result;
  for (const NamedValue& input : graph.inputs()) {
    const Tensor& whole = inputs.find(input.name)->second;
    if (rows_of(graph.type(input.value)) == tokens()) {
      result.emplace(input.name, rows_of(whole, piece.first_token, piece.tokens));
      continue;
    }
    Tensor begins = rows_of(whole, piece.first_sequence, piece.sequences + 1);
    for (std::int64_t& begin : begins.mutable_values<std::int64_t>()) begin -= piece.first_token;
    result.emplace(input.name, std::move(begins));
  }
  return result;
}

TensorMap empty_outputs(const Graph& graph, const SizeMap& sizes) {
  TensorMap outputs;
  for (const NamedValue& output : graph.outputs()) {
    const ValueType& type = graph.type(output.value);
    outputs.emplace(output.name, Tensor::zeros(type.dtype, evaluate(type.shape, sizes)));
  }
  return outputs;
}

void put_outputs(const Piece& piece, const Graph& graph, const TensorMap& from, TensorMap& to) {
  for (const NamedValue& output : graph.outputs()) {
    const Tensor& part = from.find(output.name)->second;
    if (part.size() == 0) continue;
    const std::int64_t first = rows_of(graph.type(output.value)) == tokens() ? piece.first_token : piece.first_sequence;
    const std::size_t row = part.byte_size() / static_cast<std::size_t>(part.dim(0));
    std::memcpy(to.find(output.name)->second.mutable_bytes().data() + static_cast<std::size_t>(first) * row, part.bytes().data(),
                part.byte_size());
  }
}

}  // namespace accelerate
