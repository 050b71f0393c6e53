#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "backends/cpu/coded_linear_weights.h"
#include "backends/cpu/kernels/kernel_table.h"
#include "backends/cpu/memory.h"
#include "backends/stored_constants.h"
#include "base/thread_pool.h"

namespace accelerate::cpu {

/// The weights of one linear, packed for the kernels.
class LinearWeights {
 public:
  /// Packs the rows of `parts`, each [rows, inputs], one after another.
  LinearWeights(const KernelTable& kernels, Precision precision, std::span<const StoredMatrix> parts, ThreadPool& threads);

  const PackedWeights& packed() const { return packed_; }
  std::size_t byte_size() const { return memory_.size(); }

 private:
  PackedWeights packed_;
  Buffer memory_;
};

/// The packed weights of a graph: linears of the same weights and precision have one copy, as in ALBERT, whose layers share
/// theirs.
class SharedWeights {
 public:
  /// The packed rows of `parts` (see LinearWeights), which are packed unless they were before.
  std::shared_ptr<const LinearWeights> get(const KernelTable& kernels, Precision precision, std::span<const StoredMatrix> parts,
                                           ThreadPool& threads);

  /// The same, packed as codes of that format.
  std::shared_ptr<const CodedLinearWeights> get(const KernelTable& kernels, const CodedFormat& format, std::span<const StoredMatrix> parts,
                                                ThreadPool& threads);

  /// Bytes that the weights so far take, each as often as it was asked for.
  std::size_t bytes_read() const { return bytes_read_; }

 private:
  using Key =
      std::pair<Precision, std::vector<std::tuple<const std::byte*, std::int64_t, bool>>>;  // a part's bytes, rows, and whether transposed

  static Key key_of(Precision precision, std::span<const StoredMatrix> parts);

  std::map<Key, std::shared_ptr<const LinearWeights>> packed_;
  std::map<Key, std::shared_ptr<const CodedLinearWeights>> coded_;
  std::size_t bytes_read_ = 0;
};

}  // namespace accelerate::cpu
