// What attention adds to its scores by the distance between query and key, laid out for the kernels.
#pragma once

#include "backends/cpu/steps.h"

namespace accelerate::cpu {

/// Some queries of one sequence.
struct AttentionBlock {
  std::size_t sequence;
  std::int64_t first_query;  ///< row of the query tensor
  std::int64_t queries;
  std::int64_t first_key;  ///< row of the key tensor
  std::int64_t keys;
  std::int64_t place;  ///< of the first query among the keys
};

/// The bias inputs of an attention node (graph/ops.h: PositionBias).
class PositionBiasRows {
 public:
  PositionBiasRows(const Graph& graph, const Node& node);

  /// Throws invalid_argument when a distance's column is none of the tables'.
  void check(const Call& call) const;

  /// Writes what is added to the scores of one head: `bias` [block.queries, block.keys].
  void fill(const Call& call, const AttentionBlock& block, std::int64_t head, float* bias) const;

 private:
  ValueId of_heads_;
  ValueId of_queries_;
  ValueId of_keys_;
  ValueId columns_;
  std::int64_t reach_;
  std::int64_t least_columns_;  ///< of the tables that there are
};

}  // namespace accelerate::cpu
