#include "endpoints/forward_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "ipfs_accelerate/error.h"
#include "processing/text_batch.h"
#include "runtime/default_inputs.h"

namespace accelerate {
namespace {

void expect_known(const TensorMap& inputs) {
  constexpr std::array<std::string_view, 3> known{"input_ids", "attention_mask", "token_type_ids"};
  for (const auto& [name, tensor] : inputs)
    if (std::ranges::find(known, name) == known.end())
      throw Error(ErrorKind::invalid_argument, fmt::format("input '{}' is not one of input_ids, attention_mask, token_type_ids", name));
}

/// Throws unless each row's tokens stand before its padding: only then are they what they are alone.
void expect_padding_behind(const PaddedLayout& layout) {
  for (std::size_t row = 0; row + 1 < layout.begins.size(); ++row) {
    const std::int64_t tokens = layout.begins[row + 1] - layout.begins[row];
    if (layout.positions[static_cast<std::size_t>(layout.begins[row + 1]) - 1] != tokens - 1)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("attention_mask: row {} has zeros before ones, expected padding at the end", row));
  }
}

void expect_short_enough(const PaddedLayout& layout, std::int64_t most_tokens) {
  for (std::size_t row = 0; row + 1 < layout.begins.size(); ++row)
    if (const std::int64_t tokens = layout.begins[row + 1] - layout.begins[row]; tokens > most_tokens)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("input_ids: row {} has {} tokens, more than the model's {}", row, tokens, most_tokens));
}

Encodings encodings_of(const TensorMap& inputs, const PaddedLayout& layout) {
  const TensorMap ragged = ragged_inputs(inputs, layout);
  const std::span<const std::int64_t> ids = ragged.at("input_ids").values<std::int64_t>();
  Encodings encodings;
  encodings.ids.assign(ids.begin(), ids.end());
  encodings.type_ids.resize(ids.size());
  if (const auto types = ragged.find("token_type_ids"); types != ragged.end())
    std::ranges::copy(types->second.values<std::int64_t>(), encodings.type_ids.begin());
  encodings.special.resize(ids.size());
  encodings.texts.resize(ids.size());
  encodings.offsets.resize(ids.size());
  encodings.begins = layout.begins;
  encodings.truncated.resize(static_cast<std::size_t>(layout.rows));
  return encodings;
}

/// What came of the rows so far.
struct Work {
  PaddedLayout layout;
  ForwardResult result;

  /// The place in the result for one row of an output of the batch, whose rows are tokens or sequences.
  Tensor& output(const std::string& name, const Tensor& of_batch, bool by_token) {
    const auto found = result.outputs.find(name);
    if (found != result.outputs.end()) return found->second;
    std::vector<std::int64_t> shape{layout.rows};
    if (by_token) shape.push_back(layout.columns);
    shape.insert(shape.end(), of_batch.shape().begin() + 1, of_batch.shape().end());
    return result.outputs.emplace(name, Tensor::zeros(of_batch.dtype(), shape)).first->second;
  }
};

}  // namespace

PreparedCall<ForwardResult> forward_call(const Session& session, const TensorMap& inputs) {
  expect_known(inputs);
  const auto work = std::make_shared<Work>();
  work->layout = padded_layout(inputs);
  expect_padding_behind(work->layout);
  expect_short_enough(work->layout, session.most_tokens());
  const auto take = [&session, work](const BatchResult& batch) {
    const Graph& graph = session.report().graph;
    for (const NamedValue& named : graph.outputs()) {
      const Tensor& all = batch.outputs.at(named.name);
      const bool by_token = rows_a_token(graph.type(named.value));
      Tensor& output = work->output(named.name, all, by_token);
      const std::size_t row_bytes = all.byte_size() / static_cast<std::size_t>(std::max<std::int64_t>(1, all.dim(0)));
      for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
        const std::size_t sequence = batch.sequences[i];
        const auto first = static_cast<std::size_t>(by_token ? batch.begins[sequence] : static_cast<std::int64_t>(sequence));
        const auto rows = static_cast<std::size_t>(by_token ? batch.begins[sequence + 1] - batch.begins[sequence] : 1);
        const std::size_t place = batch.inputs[i] * (by_token ? static_cast<std::size_t>(work->layout.columns) : 1);
        std::memcpy(output.mutable_bytes().data() + place * row_bytes, all.bytes().data() + first * row_bytes, rows * row_bytes);
      }
    }
    add_notes(work->result.notes, batch.notes);
  };
  return {.call = {.encodings = encodings_of(inputs, work->layout), .receive = take}, .answer = [work] { return std::move(work->result); }};
}

}  // namespace accelerate
