#include "backends/cpu/position_bias.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "ipfs_accelerate/error.h"

namespace accelerate::cpu {

PositionBiasRows::PositionBiasRows(const Graph& graph, const Node& node)
    : of_heads_(node.inputs[5]),
      of_queries_(node.inputs[6]),
      of_keys_(node.inputs[7]),
      columns_(node.inputs[8]),
      reach_(graph.type(columns_).shape[0].value() / 2),
      least_columns_(std::numeric_limits<std::int64_t>::max()) {
  for (ValueId table : {of_heads_, of_queries_, of_keys_})
    if (table != no_value) least_columns_ = std::min(least_columns_, graph.type(table).shape.back().value());
}

void PositionBiasRows::check(const Call& call) const {
  const std::int64_t* columns = call.integers(columns_);
  for (std::int64_t i = 0; i <= 2 * reach_; ++i)
    if (columns[i] < 0 || columns[i] >= least_columns_)
      throw Error(ErrorKind::invalid_argument, fmt::format("[attention] column {} of a bias that has {}", columns[i], least_columns_));
}

void PositionBiasRows::fill(const Call& call, const AttentionBlock& block, std::int64_t head, float* bias) const {
  const std::int64_t* columns = call.integers(columns_) + reach_;  // from here a distance leads to its column
  // The head's numbers of a token, or of all.
  const auto table_row = [&](ValueId table, std::int64_t token) {
    const Placement& placement = call.placements[table];
    const std::int64_t size = call.graph.type(table).shape.back().value();
    return call.floats(table) + token * placement.row_stride + head * (table == of_heads_ ? placement.row_stride : size);
  };

  for (std::int64_t query = 0; query < block.queries; ++query) {
    float* row = bias + query * block.keys;
    const std::int64_t place = block.place + query;
    // Keys [near, far) lie within reach; the others share the columns of the farthest distances.
    const std::int64_t near = std::clamp<std::int64_t>(place - reach_, 0, block.keys);
    const std::int64_t far = std::clamp<std::int64_t>(place + reach_ + 1, near, block.keys);
    const auto add = [&](const auto& number) {
      for (std::int64_t key = 0; key < near; ++key) row[key] += number(key, columns[-reach_]);
      for (std::int64_t key = near; key < far; ++key) row[key] += number(key, columns[key - place]);
      for (std::int64_t key = far; key < block.keys; ++key) row[key] += number(key, columns[reach_]);
    };
    std::fill(row, row + block.keys, 0.0F);
    if (of_heads_ != no_value) {
      const float* table = table_row(of_heads_, 0);
      add([&](std::int64_t, std::int64_t column) { return table[column]; });
    }
    if (of_queries_ != no_value) {
      const float* table = table_row(of_queries_, block.first_query + query);
      add([&](std::int64_t, std::int64_t column) { return table[column]; });
    }
    if (of_keys_ != no_value) {
      const float* table = table_row(of_keys_, block.first_key);
      const std::int64_t stride = call.placements[of_keys_].row_stride;
      add([&](std::int64_t key, std::int64_t column) { return table[key * stride + column]; });
    }
  }
}

}  // namespace accelerate::cpu
