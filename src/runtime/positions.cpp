#include "runtime/positions.h"

#include <algorithm>
#include <initializer_list>
#include <limits>

namespace accelerate {
namespace {

constexpr std::int64_t no_limit = std::numeric_limits<std::int32_t>::max();

bool reads(const Graph& graph, std::string_view name) {
  const auto input = std::ranges::find(graph.inputs(), name, &NamedValue::name);
  return input != graph.inputs().end() && graph.use_counts()[static_cast<std::size_t>(input->value)] > 0;
}

/// The first of the fields that config.json has; no limit where it has none, as BLOOM's, to which any length is as good.
std::int64_t first_of(const Config& config, std::initializer_list<std::string_view> fields) {
  const auto* found = std::ranges::find_if(fields, [&](std::string_view field) { return config.has(field); });
  return found == fields.end() ? no_limit : config.integer(*found);
}

}  // namespace

std::int64_t most_tokens(const Config& config, const Graph& graph) {
  const std::int64_t rows = first_of(config, {"n_positions", "max_encoder_position_embeddings", "max_position_embeddings"});
  if (reads(graph, "positions") || rows == no_limit) return rows;
  // A model that is not told the positions may count them from the padding id, as RoBERTa does: rows up to it are padding's.
  const bool counts = std::ranges::any_of(graph.nodes(), [](const Node& node) { return node.op == Op::sequence_cumsum; });
  return counts ? rows - config.integer_or("pad_token_id", 1, {.minimum = 0}) - 1 : no_limit;
}

std::int64_t most_decoder_tokens(const Config& config, const Graph& graph) {
  return reads(graph, "decoder_positions") ? first_of(config, {"max_decoder_position_embeddings", "max_position_embeddings"}) : no_limit;
}

}  // namespace accelerate
