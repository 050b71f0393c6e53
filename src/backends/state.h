// What an executable keeps of sequences between calls, so that a call brings only what is new: the rows that the graph's
// `append` nodes gave, such as the keys and values of attention.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/precision.h"
#include "graph/graph.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate {

struct StateOptions {
  std::int64_t most_bytes = 0;            ///< that rows may take
  Precision precision = Precision::fp32;  ///< that rows are kept in: fp32 or bf16
};

/// A sequence that a state remembers.
using SequenceId = std::int64_t;

/// What a state's rows take.
struct StateUse {
  std::int64_t bytes = 0;
  std::int64_t most_bytes = 0;
  std::int64_t sequences = 0;
};

/// The remembered sequences of one executable. Rows come from runs alone; a run that throws leaves none. Calls of one state
/// must not overlap, runs included.
class State {
 public:
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  virtual ~State() = default;

  /// A new sequence without rows.
  virtual SequenceId create() = 0;

  /// A new sequence with the first `rows` rows of `from` under the size named `size`, and with all rows under other sizes;
  /// memory is shared until one of the two grows into it.
  virtual SequenceId fork(SequenceId from, std::string_view size, std::int64_t rows) = 0;

  /// Whether fork() can make such a sequence: not where rows that it would read were given back, because nothing that `from`
  /// goes on with reads them.
  virtual bool can_fork(SequenceId from, std::string_view size, std::int64_t rows) const {
    return rows >= 0 && rows <= this->rows(from, size);
  }

  /// Forgets the sequence; rows that no other shares give their memory back.
  virtual void remove(SequenceId sequence) = 0;

  /// The sequence's rows under the size of that name (AppendOptions::rows).
  virtual std::int64_t rows(SequenceId sequence, std::string_view size) const = 0;

  virtual StateUse use() const = 0;

  /// Bytes that a sequence alone takes with that many rows under the size of that name.
  virtual std::int64_t bytes_for(std::string_view size, std::int64_t rows) const = 0;
};

/// A run's state: which remembered sequence each sequence of the call goes on with.
struct StateCall {
  State& state;
  std::span<const SequenceId> sequences;
};

/// A size under which a graph appends rows, "context", and the inputs that say which.
struct AppendedSize {
  std::string name;
  ValueId sequences;  ///< the input with the begins of the new rows
  ValueId context;    ///< the input with the begins of all rows: what a run with state makes itself
};

/// The sizes that the graph's append nodes name, in order. Throws internal where one does not come from inputs.
std::vector<AppendedSize> appended_sizes(const Graph& graph);

/// The inputs with those that the state knows: the begins of all rows of each sequence. Throws invalid_argument where the
/// call's sequences are not as many as the inputs', or a sequence occurs twice.
TensorMap with_context(const Graph& graph, const TensorMap& inputs, const StateCall& call);

/// Adds the appended sizes of a call to those that shapes tell.
void bind_context(const Graph& graph, const TensorMap& inputs, SizeMap& sizes);

}  // namespace accelerate
