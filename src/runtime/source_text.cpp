#include "runtime/source_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "ipfs_accelerate/error.h"
#include "runtime/default_inputs.h"

namespace accelerate {

bool SourceText::operator==(const SourceText& other) const {
  return std::ranges::equal(inputs, other.inputs, [](const auto& a, const auto& b) {
    return a.first == b.first && std::ranges::equal(a.second.shape(), b.second.shape()) &&
           std::ranges::equal(a.second.bytes(), b.second.bytes());
  });
}

bool reads_source(const Graph& graph) { return reads(graph, "decoder_input_ids") && reads(graph, "input_ids"); }

SourceText source_text(const Graph& graph, TensorMap inputs) {
  const auto ids = inputs.find("input_ids");
  if (ids == inputs.end() || ids->second.rank() != 1 || ids->second.size() == 0)
    throw Error(ErrorKind::invalid_argument, "the text to read has no tokens, expected at least one");
  const std::int64_t tokens = ids->second.dim(0);
  std::vector<std::int64_t> places(static_cast<std::size_t>(tokens));
  std::iota(places.begin(), places.end(), 0);
  inputs.emplace("positions", Tensor::from<std::int64_t>(places, {tokens}));
  TensorMap complete = inputs;
  complete.emplace("sequences", Tensor::from<std::int64_t>(std::vector<std::int64_t>{0, tokens}, {2}));
  add_default_inputs(graph, complete);

  SourceText source{.inputs = {}, .tokens = tokens};
  for (const NamedValue& input : graph.inputs()) {
    const ValueType& type = graph.type(input.value);
    if (!rows_a_token(type)) continue;
    const auto found = complete.find(input.name);
    if (found == complete.end()) throw Error(ErrorKind::invalid_argument, fmt::format("input '{}' is missing", input.name));
    const std::vector<std::int64_t> shape = evaluate(type.shape, {{"tokens", tokens}});
    if (found->second.dtype() != type.dtype || !std::ranges::equal(found->second.shape(), shape))
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("input '{}' is {} {}, expected {} {}", input.name, name_of(found->second.dtype()),
                              shape_text(found->second.shape()), name_of(type.dtype), shape_text(shape)));
    source.inputs.emplace(input.name, found->second);
  }
  for (const auto& [name, tensor] : inputs)
    if (name != "positions" && !source.inputs.contains(name))
      throw Error(ErrorKind::invalid_argument, fmt::format("input '{}': the model reads no such input", name));
  return source;
}

TensorMap joined_sources(const Graph& graph, std::span<const SourceText* const> sources) {
  std::vector<std::int64_t> begins{0};
  for (const SourceText* source : sources) begins.push_back(begins.back() + (source == nullptr ? 0 : source->tokens));
  TensorMap joined{{"sequences", Tensor::from<std::int64_t>(begins, {static_cast<std::int64_t>(begins.size())})}};
  for (const NamedValue& input : graph.inputs()) {
    const ValueType& type = graph.type(input.value);
    if (!rows_a_token(type)) continue;
    Tensor all = Tensor::zeros(type.dtype, evaluate(type.shape, {{"tokens", begins.back()}}));
    std::size_t at = 0;
    for (const SourceText* source : sources) {
      if (source == nullptr) continue;
      const std::span<const std::byte> own = source->inputs.at(input.name).bytes();
      std::memcpy(all.mutable_bytes().data() + at, own.data(), own.size());
      at += own.size();
    }
    joined.emplace(input.name, std::move(all));
  }
  add_default_inputs(graph, joined);
  return joined;
}

}  // namespace accelerate
