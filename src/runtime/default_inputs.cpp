#include "runtime/default_inputs.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace accelerate {
namespace {

using Begins = std::span<const std::int64_t>;

/// Sequence i of a batch of that many tokens: its first token, and the one after its last.
std::pair<std::int64_t, std::int64_t> sequence(Begins begins, std::size_t i, std::int64_t tokens) {
  return {std::clamp<std::int64_t>(begins[i], 0, tokens), std::clamp<std::int64_t>(begins[i + 1], 0, tokens)};
}

/// The ids [tokens] one place before or after each token in its sequence.
Tensor neighbours(const Tensor& ids, Begins begins, std::int64_t step) {
  const std::span<const std::int64_t> own = ids.values<std::int64_t>();
  Tensor beside = Tensor::zeros(DType::int64, {ids.dim(0)});
  const std::span<std::int64_t> values = beside.mutable_values<std::int64_t>();
  std::ranges::fill(values, -1);
  for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
    const auto [begin, end] = sequence(begins, i, ids.dim(0));
    for (std::int64_t token = begin; token < end; ++token)
      if (token + step >= begin && token + step < end)
        values[static_cast<std::size_t>(token)] = own[static_cast<std::size_t>(token + step)];
  }
  return beside;
}

/// Ones at the marked tokens of a batch with these ids, zeros elsewhere: [tokens].
Tensor mask_of(const MarkedTokens& marked, const Tensor& ids, Begins begins) {
  const std::span<const std::int64_t> own = ids.values<std::int64_t>();
  Tensor mask = Tensor::zeros(DType::int64, {ids.dim(0)});
  const std::span<std::int64_t> values = mask.mutable_values<std::int64_t>();
  for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
    const auto [begin, end] = sequence(begins, i, ids.dim(0));
    if (begin >= end) continue;
    std::int64_t stop = begin + 1;
    if (marked.which == MarkedTokens::Which::before) {
      const auto found = std::find(own.begin() + begin, own.begin() + end, marked.id);
      stop = found == own.begin() + end ? begin : found - own.begin();
    }
    std::fill(values.begin() + begin, values.begin() + stop, 1);
  }
  return mask;
}

/// Rows of some tokens of a batch, and where those of each sequence begin.
struct Places {
  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> begins{0};

  void add(std::int64_t row) { rows.push_back(row); }
  void end_sequence() { begins.push_back(static_cast<std::int64_t>(rows.size())); }
};

Tensor tensor_of(const std::vector<std::int64_t>& numbers) {
  return Tensor::from<std::int64_t>(numbers, {static_cast<std::int64_t>(numbers.size())});
}

/// Adds what follows from `mask` [tokens].
void add_places(std::span<const std::int64_t> mask, Begins begins, TensorMap& inputs) {
  Places global;
  Places seen;
  for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
    const auto [begin, end] = sequence(begins, i, static_cast<std::int64_t>(mask.size()));
    const std::size_t before = global.rows.size();
    for (std::int64_t token = begin; token < end; ++token)
      if (mask[static_cast<std::size_t>(token)] != 0) global.add(token);
    for (std::int64_t token = begin; token < end && global.rows.size() > before; ++token) seen.add(token);
    global.end_sequence();
    seen.end_sequence();
  }
  inputs.insert_or_assign("global_tokens", tensor_of(global.rows));
  inputs.insert_or_assign("global_sequences", tensor_of(global.begins));
  inputs.insert_or_assign("seen_tokens", tensor_of(seen.rows));
  inputs.insert_or_assign("seen_sequences", tensor_of(seen.begins));
}

}  // namespace

bool reads(const Graph& graph, std::string_view input) {
  return std::ranges::find(graph.inputs(), input, &NamedValue::name) != graph.inputs().end();
}

bool rows_a_token(const ValueType& type) { return !type.shape.empty() && type.shape.front() == Dim::named("tokens"); }

bool rows_a_decoder_token(const ValueType& type) { return !type.shape.empty() && type.shape.front() == Dim::named("decoder_tokens"); }

void add_default_inputs(const Graph& graph, TensorMap& inputs) {
  const auto ids = inputs.find("input_ids");
  const auto sequences = inputs.find("sequences");
  if (ids == inputs.end() || sequences == inputs.end() || ids->second.rank() != 1) return;
  const Tensor own = ids->second;
  const Tensor own_begins = sequences->second;
  const Begins begins = own_begins.values<std::int64_t>();
  for (const NamedValue& input : graph.inputs()) {
    const ValueType& type = graph.type(input.value);
    if (inputs.contains(input.name) || type.dtype != DType::int64 || !rows_a_token(type) || input.name == "positions") continue;
    const MarkedTokens& marked = graph.producer(input.value).as<InputOptions>().marked;
    if (input.name == "previous_ids" || input.name == "next_ids")
      inputs.emplace(input.name, neighbours(own, begins, input.name == "next_ids" ? 1 : -1));
    else if (marked.which != MarkedTokens::Which::none)
      inputs.emplace(input.name, mask_of(marked, own, begins));
    else
      inputs.emplace(input.name, Tensor::zeros(DType::int64, evaluate(type.shape, {{"tokens", own.dim(0)}})));
  }
  const auto mask = inputs.find("global_attention_mask");
  if (reads(graph, "global_tokens") && mask != inputs.end() && mask->second.rank() == 1) {
    const Tensor marks = mask->second;
    add_places(marks.values<std::int64_t>(), begins, inputs);
  }
}

}  // namespace accelerate
