// What an executable puts on a stream, one step after another.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/cuda/kernels/kernels.h"
#include "backends/cuda/open_device.h"
#include "backends/cuda/state.h"
#include "backends/cuda/value_plan.h"
#include "backends/cuda/weight_store.h"

namespace accelerate::cuda {

/// Blocks of memory begin at multiples of this many bytes.
inline constexpr std::size_t memory_alignment = 256;

constexpr std::size_t aligned(std::size_t bytes) { return (bytes + memory_alignment - 1) / memory_alignment * memory_alignment; }

/// How int8 rows lie in one block of memory: the codes, each row as long as the vendor's products want it, then scales and
/// offsets.
struct Int8Block {
  std::int64_t stride = 0;
  std::size_t scales = 0;
  std::size_t offsets = 0;
  std::size_t bytes = 0;  ///< of the whole, a multiple of memory_alignment

  /// The rows in memory that begins there.
  QuantisedRows at(std::byte* memory) const;
};

Int8Block int8_block(std::int64_t rows, std::int64_t columns);

/// What a call goes on from.
struct Remembered {
  const CudaState& state;
  const std::byte* tables = nullptr;  ///< the state's tables of the call's sequences, on the device
  std::size_t sequences = 0;

  PageTable table(std::size_t group) const { return CudaState::table_at(tables, state.groups(), sequences, group); }
};

/// One call of an executable: the sizes it has, and where its values are.
struct Call {
  const Graph& graph;
  const std::vector<PlannedValue>& values;
  const SizeMap& sizes;
  OpenDevice& device;
  Stream stream = nullptr;
  std::vector<std::byte*> memory;        ///< of each root value, where it is stored
  std::vector<QuantisedRows> quantised;  ///< of each value that is given as int8 rows
  Fault* fault = nullptr;                ///< the first that a kernel finds, with its step's place
  std::byte* scratch = nullptr;          ///< as much as any step asked for
  std::byte* workspace = nullptr;
  std::size_t workspace_bytes = 0;
  std::optional<Remembered> remembered = {};  ///< where the graph has append nodes

  const PlannedValue& plan(ValueId value) const { return values[static_cast<std::size_t>(value)]; }

  /// The first element of the value; null when it is absent or not stored.
  std::byte* at(ValueId value) const;
  Input input(ValueId value) const { return {at(value), value == no_value ? Element::float32 : plan(value).element}; }
  Output output(ValueId value) const { return {at(value), plan(value).element}; }
  ShapedInput shaped(ValueId value) const { return {at(value), plan(value).element, extents(value)}; }
  const float* floats(ValueId value) const { return reinterpret_cast<const float*>(at(value)); }
  const std::int64_t* whole_numbers(ValueId value) const { return reinterpret_cast<const std::int64_t*>(at(value)); }
  QuantisedRows int8_rows(ValueId value) const { return quantised[static_cast<std::size_t>(value)]; }

  std::vector<std::int64_t> shape(ValueId value) const { return evaluate(graph.type(value).shape, sizes); }
  Extents extents(ValueId value) const;
  std::int64_t count(ValueId value) const { return element_count(graph.type(value).shape).evaluate(sizes); }
  /// Size of the last axis, and the number of rows of that size.
  std::int64_t columns(ValueId value) const { return graph.type(value).shape.back().evaluate(sizes); }
  std::int64_t rows(ValueId value) const;

  /// Throws when a kernel was not launched.
  void check(Status status, std::string_view doing) const { device.check(static_cast<cudaError_t>(status), doing); }
};

class Step {
 public:
  Step() = default;
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;
  virtual ~Step() = default;

  /// Values whose memory must be there before, and those that have their own after.
  std::vector<ValueId> reads;
  std::vector<ValueId> writes;

  /// Bytes of scratch memory that the step needs in a call of these sizes.
  virtual std::size_t scratch_bytes(const SizeMap&) const { return 0; }

  /// Puts the step's work on the call's stream. Throws invalid_argument when the call's sizes do not fit the op.
  virtual void enqueue(const Call& call) const = 0;

  /// What a fault that the step's kernels found says about the caller's input; unused by steps without one.
  virtual std::string message(const Fault&) const { return "a kernel found a fault that its op does not have"; }
};

/// What steps are made from.
struct StepContext {
  const Graph& graph;
  const std::vector<PlannedValue>& values;
  const std::shared_ptr<OpenDevice>& device;
  ThreadPool& threads;
  std::vector<const Step*> faulting = {};  ///< the steps that can fail on the device; Fault::node is a place here

  const PlannedValue& plan(ValueId value) const { return values[static_cast<std::size_t>(value)]; }
  std::int32_t add_fault(const Step& step) {
    faulting.push_back(&step);
    return static_cast<std::int32_t>(faulting.size()) - 1;
  }
};

/// The step that runs the node. Throws internal for an op that has none.
std::unique_ptr<Step> make_step(StepContext& context, const Node& node);

// One function a group of ops, each in a file of its own.
std::unique_ptr<Step> make_linear(StepContext& context, const Node& node);
std::unique_ptr<Step> make_grouped_linear(StepContext& context, const Node& node);
std::unique_ptr<Step> make_append(StepContext& context, const Node& node);
std::unique_ptr<Step> make_attention(StepContext& context, const Node& node);
std::unique_ptr<Step> make_row_step(StepContext& context, const Node& node);
std::unique_ptr<Step> make_element_step(StepContext& context, const Node& node);
std::unique_ptr<Step> make_copy_step(StepContext& context, const Node& node);
std::unique_ptr<Step> make_sequence_step(StepContext& context, const Node& node);

}  // namespace accelerate::cuda
