#pragma once

#include <optional>
#include <span>
#include <vector>

#include "backends/cpu/kernels/kernel_table.h"
#include "backends/cpu/memory.h"
#include "backends/stored_constants.h"
#include "base/thread_pool.h"

namespace accelerate::cpu {

/// How codes are packed: as a checkpoint stores them, or as backends/four_bits.h makes them.
struct CodedFormat {
  int bits;
  std::int64_t group_size;
  std::int32_t zero;
  bool has_offsets;
  const Tensor* group_of;  ///< of columns that are not in the order of their groups; nullptr: they are
  bool stored;             ///< the codes are the checkpoint's
};

/// The format of a linear's weights where products at `precision` are of codes: at int8 and int4 what is stored as codes, and at
/// int4 what is not. Nothing where they are not, or where the kernels do not take the stored groups as they are.
std::optional<CodedFormat> coded_format_of(std::span<const StoredMatrix> parts, Precision precision);

/// The weights of one linear, packed as codes.
class CodedLinearWeights {
 public:
  /// Packs the rows of `parts` one after another.
  CodedLinearWeights(const KernelTable& kernels, const CodedFormat& format, std::span<const StoredMatrix> parts, ThreadPool& threads);

  const CodedWeights& packed() const { return packed_; }
  std::int64_t panels() const { return panels_; }
  std::size_t byte_size() const { return memory_.size(); }

 private:
  CodedWeights packed_;
  std::int64_t panels_;
  std::vector<std::int32_t> order_;
  Buffer memory_;
};

}  // namespace accelerate::cpu
