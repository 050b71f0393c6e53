// What an executable runs, one step after another.
#pragma once

#include <memory>
#include <vector>

#include "backends/cpu/placement.h"
#include "backends/cpu/row_kernels.h"
#include "backends/cpu/state.h"
#include "base/thread_pool.h"

namespace accelerate::cpu {

/// One call of an executable: the sizes it has, and where its values are.
struct Call {
  const SizeMap& sizes;
  const Graph& graph;
  const Placements& placements;
  std::vector<std::byte*> memory;  ///< of each root value that is not inside a region; by value
  std::byte* scratch = nullptr;    ///< worker w's begins at w · scratch_bytes
  std::size_t scratch_bytes = 0;   ///< of one worker, the most that any step asked for
  ThreadPool& threads;
  const StateCall* state = nullptr;  ///< of a call that goes on from earlier ones: a CpuState

  /// The first element of the value's first row.
  float* floats(ValueId value) const {
    const Placement& placement = placements[value];
    return reinterpret_cast<float*>(memory[static_cast<std::size_t>(placement.root)]) + placement.offset;
  }
  const std::int64_t* integers(ValueId value) const {
    return reinterpret_cast<const std::int64_t*>(memory[static_cast<std::size_t>(placements[value].root)]) + placements[value].offset;
  }
  std::int64_t rows(ValueId value) const { return rows_of(graph.type(value)).evaluate(sizes); }
  bool has_memory(ValueId value) const { return memory[static_cast<std::size_t>(placements[value].root)] != nullptr; }
  std::byte* scratch_of(int worker) const { return scratch + static_cast<std::size_t>(worker) * scratch_bytes; }
};

class Step {
 public:
  Step() = default;
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;
  virtual ~Step() = default;

  /// Values that must be there before, and that are there after.
  std::vector<ValueId> reads;
  std::vector<ValueId> writes;

  /// Bytes of scratch memory that each worker needs in this call, whose inputs have their memory and nothing else does.
  virtual std::size_t scratch_bytes(const Call& call) const = 0;
  virtual void run(const Call& call) const = 0;
};

/// A step that runs a chain of row-local nodes on one block of rows after another. `exported` values are read outside.
std::unique_ptr<Step> make_region(const RowKernelContext& context, std::vector<const Node*> nodes, const std::vector<bool>& exported);

/// A step that attends, spread over sequences, heads and blocks of queries.
std::unique_ptr<Step> make_attention(const RowKernelContext& context, const Node& node);

/// Whether the node is an attention whose keys and values are appended to those of earlier calls.
bool is_remembered(const Graph& graph, const Node& node);

/// What such an attention remembers.
RememberedAttention remembered_attention(const Graph& graph, const Node& node);

/// A step for such an attention, the index'th of the graph, and for the appending.
std::unique_ptr<Step> make_remembered_attention(const RowKernelContext& context, const Node& node, std::size_t index);

/// Whether the node gathers rows of numbers that are stored as codes.
bool is_coded_gather(const Graph& graph, const Node& node);

/// A step for such a gather, which decodes the rows that it needs.
std::unique_ptr<Step> make_coded_gather(const RowKernelContext& context, const Node& node);

/// A step that runs any other op on dense tensors.
std::unique_ptr<Step> make_general(const RowKernelContext& context, const Node& node);

}  // namespace accelerate::cpu
