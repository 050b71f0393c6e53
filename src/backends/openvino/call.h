// One call of an executable, before the runtime is asked: what is known of it, and what can be wrong with it.
#pragma once

#include <span>
#include <vector>

#include "backends/openvino/state.h"
#include "graph/graph.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate::openvino {

/// How the sequences of a call lie in a rectangle: `equal` ones fill it, `ragged` ones leave the ends of rows empty.
enum class Layout : std::uint8_t { equal, ragged };

struct Call {
  const Graph& graph;
  SizeMap sizes;
  std::vector<Tensor> values;  ///< by id, those that the host knows
  Layout layout = Layout::equal;
  const OpenvinoState* state = nullptr;         ///< what earlier calls brought, of a graph that remembers
  std::span<const SequenceId> remembered = {};  ///< its sequence for each of the call's

  const Tensor& value(ValueId id) const { return values[static_cast<std::size_t>(id)]; }
  std::span<const std::int64_t> whole_numbers(ValueId id) const { return value(id).values<std::int64_t>(); }
};

/// The values that stand for sequences in the graph's attentions, pools and sums, each once; not those that count remembered rows.
std::vector<ValueId> sequence_values(const Graph& graph);

/// Throws invalid_argument, with the op's name, for what the runtime would not notice or not explain: an index outside its
/// table, sequences in disorder, a reduction or pool of nothing. Values that only the runtime computes are not looked at.
void check_call(const Call& call);

/// The least length that the rows of a rectangle of these sequences have. Attention that the runtime (2026.4.1) first runs with
/// a single key is laid out for it, and writes past its scratch memory when more come; new rows have remembered ones before them.
std::int64_t least_longest(const Graph& graph, ValueId sequences);

/// How the sequences of this call lie: equal when each of `sequences` has sequences of one length, at least least_longest().
Layout layout_of(const Call& call, std::span<const ValueId> sequences);

}  // namespace accelerate::openvino
