// What the ops of general.h share: the arguments of a call, its elements by type, and loops that spread over the pool.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "backends/cpu/general.h"
#include "base/arithmetic.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cpu {

/// The arguments of run_general().
struct GeneralCall {
  const Graph& graph;
  const Node& node;
  std::span<const DenseView> inputs;
  const DenseView& output;
  const SizeMap& sizes;
  ThreadPool& threads;

  /// An error of the caller's making, whose message begins with the op's name.
  Error invalid(const std::string& message) const;
};

void run_unary(const GeneralCall& call);
void run_binary(const GeneralCall& call);
void run_where(const GeneralCall& call);
void run_cast(const GeneralCall& call);

void run_reshape(const GeneralCall& call);
void run_transpose(const GeneralCall& call);
void run_slice(const GeneralCall& call);
void run_concat(const GeneralCall& call);
void run_gather(const GeneralCall& call);
void run_dequantize(const GeneralCall& call);

void run_reduce(const GeneralCall& call);
void run_sequence_pool(const GeneralCall& call);
void run_sequence_cumsum(const GeneralCall& call);
void run_sequence_shift(const GeneralCall& call);
void run_scatter(const GeneralCall& call);

void run_rope(const GeneralCall& call);
void run_softmax(const GeneralCall& call);
void run_layer_norm(const GeneralCall& call);
void run_rms_norm(const GeneralCall& call);

void run_matmul(const GeneralCall& call);

/// Number of elements of a tensor of that shape.
std::int64_t count_of(std::span<const std::int64_t> shape);

/// The elements that the step from each axis's index to the next skips in a dense row-major tensor.
std::vector<std::int64_t> strides_of(std::span<const std::int64_t> shape);

/// strides_of(shape) under a tensor of `rank` axes that `shape` is stretched to: 0 on the axes that are stretched.
std::vector<std::int64_t> stretched_strides(std::span<const std::int64_t> shape, std::size_t rank);

/// The elements of a view. Booleans are read as std::uint8_t, since a byte from outside need not be 0 or 1.
template <typename T>
T* elements(const DenseView& view) {
  return reinterpret_cast<T*>(view.data);
}

/// Calls function(T{}) for the type T of the elements that a value of this dtype has.
template <typename Function>
void with_element_type(DType dtype, const Function& function) {
  switch (dtype) {
    case DType::float32:
      return function(float{});
    case DType::int64:
      return function(std::int64_t{});
    case DType::boolean:
      return function(std::uint8_t{});
    default:
      throw Error(ErrorKind::internal, "values are float32, int64 or bool, got " + std::string(name_of(dtype)));
  }
}

/// Elements that are worth waking another thread for.
inline constexpr std::int64_t elements_per_chunk = 32 * 1024;

/// Calls body(begin, end) for ranges of at most `chunk` that make up [0, count), on several threads when there are several.
template <typename Body>
void for_chunks(ThreadPool& threads, std::int64_t count, std::int64_t chunk, const Body& body) {
  if (count <= chunk) {
    if (count > 0) body(std::int64_t{0}, count);
    return;
  }
  threads.parallel_for(divide_up(count, chunk),
                       [&](std::int64_t index, int) { body(index * chunk, std::min(count, (index + 1) * chunk)); });
}

/// How many items of that many elements make one chunk.
inline std::int64_t items_per_chunk(std::int64_t elements_per_item) {
  return std::max<std::int64_t>(1, elements_per_chunk / std::max<std::int64_t>(1, elements_per_item));
}

/// A walk over the elements of a dense output, row-major, and over those of `operands` tensors that lie under it with
/// strides of their own.
template <std::size_t operands>
class StridedLoop {
 public:
  using Strides = std::array<std::int64_t, operands>;

  /// Part of the innermost axis: output elements [first, first + count), and where the operands' elements lie.
  struct Run {
    std::int64_t first;
    std::int64_t count;
    Strides offsets;
    Strides strides;
  };

  /// Adds an axis inside those that are there. Axes that lie like one in every operand become one: runs get longer.
  void add_axis(std::int64_t size, const Strides& strides) {
    count_ *= size;
    if (size == 1) return;
    if (!axes_.empty()) {
      Axis& outer = axes_.back();
      bool like_one = true;
      for (std::size_t i = 0; i < operands; ++i) like_one = like_one && outer.strides[i] == strides[i] * size;
      if (like_one) {
        outer = {outer.size * size, strides};
        return;
      }
    }
    axes_.push_back({size, strides});
  }

  /// Calls body(run) for runs that make up the output, on several threads when it is long.
  template <typename Body>
  void for_each_run(ThreadPool& threads, const Body& body) const {
    const Axis innermost = axes_.empty() ? Axis{1, {}} : axes_.back();
    for_chunks(threads, count_, elements_per_chunk, [&](std::int64_t begin, std::int64_t end) {
      while (begin < end) {
        Run run{begin, std::min(end - begin, innermost.size - begin % innermost.size), {}, innermost.strides};
        std::int64_t rest = begin;
        for (auto axis = axes_.rbegin(); axis != axes_.rend(); ++axis) {
          const std::int64_t index = rest % axis->size;
          rest /= axis->size;
          for (std::size_t i = 0; i < operands; ++i) run.offsets[i] += index * axis->strides[i];
        }
        body(run);
        begin += run.count;
      }
    });
  }

 private:
  struct Axis {
    std::int64_t size;
    Strides strides;
  };

  std::int64_t count_ = 1;
  std::vector<Axis> axes_;
};

}  // namespace accelerate::cpu
