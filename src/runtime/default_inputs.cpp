#include "runtime/default_inputs.h"

#include <algorithm>

namespace accelerate {
namespace {

/// The ids [tokens] one place before or after each token in its sequence.
Tensor neighbours(const Tensor& ids, std::span<const std::int64_t> begins, std::int64_t step) {
  const std::span<const std::int64_t> own = ids.values<std::int64_t>();
  Tensor beside = Tensor::zeros(DType::int64, {ids.dim(0)});
  const std::span<std::int64_t> values = beside.mutable_values<std::int64_t>();
  std::ranges::fill(values, -1);
  for (std::size_t i = 0; i + 1 < begins.size(); ++i)
    for (std::int64_t token = begins[i]; token < std::min(begins[i + 1], ids.dim(0)); ++token)
      if (token + step >= begins[i] && token + step < std::min(begins[i + 1], ids.dim(0)))
        values[static_cast<std::size_t>(token)] = own[static_cast<std::size_t>(token + step)];
  return beside;
}

}  // namespace

bool reads(const Graph& graph, std::string_view input) {
  return std::ranges::find(graph.inputs(), input, &NamedValue::name) != graph.inputs().end();
}

bool rows_a_token(const ValueType& type) { return !type.shape.empty() && type.shape.front() == Dim::named("tokens"); }

void add_default_inputs(const Graph& graph, TensorMap& inputs) {
  const auto ids = inputs.find("input_ids");
  const auto sequences = inputs.find("sequences");
  if (ids == inputs.end() || sequences == inputs.end() || ids->second.rank() != 1) return;
  const Tensor own = ids->second;
  const Tensor begins = sequences->second;
  for (const NamedValue& input : graph.inputs()) {
    const ValueType& type = graph.type(input.value);
    if (inputs.contains(input.name) || type.dtype != DType::int64 || !rows_a_token(type) || input.name == "positions") continue;
    if (input.name == "previous_ids" || input.name == "next_ids")
      inputs.emplace(input.name, neighbours(own, begins.values<std::int64_t>(), input.name == "next_ids" ? 1 : -1));
    else
      inputs.emplace(input.name, Tensor::zeros(DType::int64, evaluate(type.shape, {{"tokens", own.dim(0)}})));
  }
}

}  // namespace accelerate
