#include "runtime/positions.h"

#include <algorithm>
#include <limits>

namespace accelerate {
namespace {

bool reads(const Graph& graph, std::string_view name) {
  const auto input = std::ranges::find(graph.inputs(), name, &NamedValue::name);
  return input != graph.inputs().end() && graph.use_counts()[static_cast<std::size_t>(input->value)] > 0;
}

}  // namespace

std::int64_t most_tokens(const Config& config, const Graph& graph) {
  const std::string_view field = config.has("n_positions") ? "n_positions" : "max_position_embeddings";
  if (!config.has(field)) return std::numeric_limits<std::int32_t>::max();  // BLOOM, to which any length is as good
  const std::int64_t rows = config.integer(field);
  if (reads(graph, "positions")) return rows;
  // A model that is not told the positions counts them from the padding id, as RoBERTa does: rows up to it are padding's.
  return rows - config.integer_or("pad_token_id", 1, {.minimum = 0}) - 1;
}

}  // namespace accelerate
