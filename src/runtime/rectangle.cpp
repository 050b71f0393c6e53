#include "runtime/rectangle.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "ipfs_accelerate/error.h"
#include "processing/text_batch.h"
#include "runtime/default_inputs.h"

namespace accelerate {
namespace {

/// Throws for an input that is neither common to all texts nor one that the model reads. Token types are common: tokenizers make
/// them whether or not the model has any.
void expect_known(const TensorMap& inputs, const Graph& graph) {
  std::vector<std::string_view> known{"input_ids", "attention_mask", "token_type_ids", "position_ids"};
  for (const NamedValue& input : graph.inputs()) {
    if (input.name == "decoder_input_ids") known.insert(known.end(), {"decoder_input_ids", "decoder_attention_mask"});
    if (rows_a_token(graph.type(input.value)) && input.name != "positions" && std::ranges::find(known, input.name) == known.end())
      known.push_back(input.name);
  }
  for (const auto& [name, tensor] : inputs)
    if (std::ranges::find(known, name) == known.end())
      throw Error(ErrorKind::invalid_argument, fmt::format("input '{}' is not one of {}", name, fmt::join(known, ", ")));
}

/// The place of each token in its sequence [tokens], padding not counted.
Tensor places(const PaddedLayout& layout) {
  Tensor result = Tensor::zeros(DType::int64, {layout.tokens()});
  const std::span<std::int64_t> values = result.mutable_values<std::int64_t>();
  for (std::size_t i = 0; i + 1 < layout.begins.size(); ++i)
    for (std::int64_t token = layout.begins[i]; token < layout.begins[i + 1]; ++token)
      values[static_cast<std::size_t>(token)] = token - layout.begins[i];
  return result;
}

/// Takes position_ids out of the inputs; nothing where they are not given and columns stand for them.
std::optional<Tensor> take_positions(TensorMap& inputs, const PaddedLayout& layout, const Session& session) {
  const auto found = inputs.find("position_ids");
  if (found == inputs.end()) {
    const bool skips_padding = architecture_of(session.folder().config).positions == Counted::tokens;
    return skips_padding ? std::optional(places(layout)) : std::nullopt;
  }
  if (!reads(session.report().graph, "positions"))
    throw Error(ErrorKind::invalid_argument,
                fmt::format("input 'position_ids': a model of type {} counts its positions itself", session.folder().config.model_type()));
  const Tensor positions = found->second;
  inputs.erase(found);
  const std::array expected{layout.rows, layout.columns};
  if (positions.dtype() != DType::int64 || !std::ranges::equal(positions.shape(), expected))
    throw Error(ErrorKind::invalid_argument, fmt::format("input 'position_ids' is {} {}, expected int64 {}", name_of(positions.dtype()),
                                                         shape_text(positions.shape()), shape_text(expected)));
  return gather_tokens(positions, layout);
}

/// The ids `step` columns on in each row of the rectangle, padding's too, for transformers' models that look at a token's
/// neighbours see those; -1 beyond the row's ends.
Tensor neighbours(const Tensor& ids, std::int64_t step) {
  const std::int64_t columns = ids.dim(1);
  const std::span<const std::int64_t> own = ids.values<std::int64_t>();
  Tensor beside = Tensor::zeros(DType::int64, {ids.dim(0), columns});
  const std::span<std::int64_t> values = beside.mutable_values<std::int64_t>();
  for (std::int64_t i = 0; i < ids.size(); ++i) {
    const std::int64_t column = i % columns + step;
    values[static_cast<std::size_t>(i)] = column < 0 || column >= columns ? -1 : own[static_cast<std::size_t>(i + step)];
  }
  return beside;
}

/// Takes what the decoder writes out of the inputs, under the names of a text's own; nothing where the model has no such decoder.
std::optional<TensorMap> take_written(TensorMap& inputs, const Graph& graph) {
  if (!reads(graph, "decoder_input_ids")) return std::nullopt;
  TensorMap written;
  for (const auto& [name, own] : {std::pair("decoder_input_ids", "input_ids"), std::pair("decoder_attention_mask", "attention_mask")}) {
    const auto found = inputs.find(name);
    if (found == inputs.end()) continue;
    written.emplace(own, found->second);
    inputs.erase(found);
  }
  if (!written.contains("input_ids")) throw Error(ErrorKind::invalid_argument, "input 'decoder_input_ids' is missing");
  return written;
}

}  // namespace

RunResult run_rectangle(const Session& session, TensorMap inputs) {
  const Graph& graph = session.report().graph;
  expect_known(inputs, graph);
  const std::optional<TensorMap> written = take_written(inputs, graph);
  const PaddedLayout layout = padded_layout(inputs);
  const PaddedLayout written_layout = written ? padded_layout(*written) : PaddedLayout{};
  std::optional<Tensor> positions = take_positions(inputs, layout, session);
  for (const auto& [name, step] : {std::pair("previous_ids", -1), std::pair("next_ids", 1)})
    if (reads(graph, name)) inputs.try_emplace(name, neighbours(whole_numbers(inputs.at("input_ids"), "input_ids"), step));
  TensorMap ragged = ragged_inputs(inputs, layout);
  if (positions) ragged.insert_or_assign("positions", std::move(*positions));
  if (written)
    for (const auto& [name, tensor] : ragged_inputs(*written, written_layout)) ragged.emplace("decoder_" + name, tensor);

  RunResult result = session.run(ragged);
  for (const NamedValue& output : graph.outputs()) {
    Tensor& tensor = result.outputs.at(output.name);
    if (rows_a_token(graph.type(output.value))) tensor = scatter_tokens(tensor, layout);
    if (rows_a_decoder_token(graph.type(output.value))) tensor = scatter_tokens(tensor, written_layout);
  }
  return result;
}

}  // namespace accelerate
