#include "runtime/rectangle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ipfs_accelerate/error.h"
#include "processing/text_batch.h"

namespace accelerate {
namespace {

void expect_known(const TensorMap& inputs) {
  static constexpr std::array<std::string_view, 4> known{"input_ids", "attention_mask", "token_type_ids", "position_ids"};
  for (const auto& [name, tensor] : inputs)
    if (std::ranges::find(known, name) == known.end())
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("input '{}' is not one of input_ids, attention_mask, token_type_ids, position_ids", name));
}

bool reads_positions(const Session& session) {
  return std::ranges::find(session.report().graph.inputs(), "positions", &NamedValue::name) != session.report().graph.inputs().end();
}

/// Takes position_ids out of the inputs; nothing where they are not given.
std::optional<Tensor> take_positions(TensorMap& inputs, const PaddedLayout& layout, const Session& session) {
  const auto found = inputs.find("position_ids");
  if (found == inputs.end()) return std::nullopt;
  if (!reads_positions(session))
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

}  // namespace

RunResult run_rectangle(const Session& session, TensorMap inputs) {
  expect_known(inputs);
  const PaddedLayout layout = padded_layout(inputs);
  std::optional<Tensor> positions = take_positions(inputs, layout, session);
  TensorMap ragged = ragged_inputs(inputs, layout);
  if (positions) ragged.insert_or_assign("positions", std::move(*positions));
  ragged.try_emplace("token_type_ids", Tensor::zeros(DType::int64, {layout.tokens()}));

  RunResult result = session.run(ragged);
  const Graph& graph = session.report().graph;
  for (const NamedValue& output : graph.outputs()) {
    const Shape& shape = graph.type(output.value).shape;
    if (shape.empty() || !(shape.front() == Dim::named("tokens"))) continue;
    Tensor& tensor = result.outputs.at(output.name);
    tensor = scatter_tokens(tensor, layout);
  }
  return result;
}

}  // namespace accelerate
