// Nodes whose row i of every output depends on row i of their inputs alone. They run on any block of rows, so that a
// chain of them can keep a block in cache from its first to its last op (docs/adr/0004-cpu-regions.md).
#pragma once

#include <memory>
#include <optional>

#include "backends/cpu/kernels/kernel_table.h"
#include "backends/cpu/linear_weights.h"
#include "backends/cpu/placement.h"

namespace accelerate::cpu {

/// A block of rows of one value.
template <typename T>
struct Rows {
  T* data = nullptr;
  std::int64_t stride = 0;  ///< elements from row to row
};

/// Where a block's rows are.
class RowFrame {
 public:
  RowFrame() = default;
  RowFrame(const RowFrame&) = delete;
  RowFrame& operator=(const RowFrame&) = delete;
  virtual ~RowFrame() = default;

  /// The block's rows of a float32 value.
  virtual Rows<float> rows(ValueId value) const = 0;

  /// The block as what linears at bf16 prepare of their input, where the value is kept as that; nullptr: it is float32 rows.
  virtual std::byte* prepared_rows(ValueId value) const = 0;

  /// The block's rows of an int64 value [rows].
  virtual Rows<const std::int64_t> indices(ValueId value) const = 0;

  std::int64_t count = 0;         ///< rows in the block
  std::byte* prepared = nullptr;  ///< room for what a linear makes of its input
};

/// One node, ready to run on blocks of rows.
class RowKernel {
 public:
  RowKernel() = default;
  RowKernel(const RowKernel&) = delete;
  RowKernel& operator=(const RowKernel&) = delete;
  virtual ~RowKernel() = default;

  virtual void run(const RowFrame& frame) const = 0;

  /// Bytes of `prepared` that a block of that many rows needs, unless its input is prepared.
  virtual std::int64_t prepared_bytes(std::int64_t rows) const {
    (void)rows;
    return 0;
  }

  /// Parts that a block can be cut into by columns, for batches too small to cut by rows; 1: it cannot.
  virtual std::int64_t column_parts() const { return 1; }

  /// What has to happen before the parts run, for rows [first, last) of the block; returns what is there of all rows.
  virtual const void* prepare(const RowFrame& frame, std::int64_t first, std::int64_t last) const {
    (void)frame, (void)first, (void)last;
    return nullptr;
  }

  /// Whether rows may be prepared apart, by several threads.
  virtual bool prepares_rows_apart() const { return false; }

  /// Whether the kernel takes `value`, where it is its input, as what a linear at bf16 prepares.
  virtual bool reads_prepared(ValueId value) const {
    (void)value;
    return false;
  }

  /// Whether the kernel can write its output as what the next linear at bf16 would prepare.
  virtual bool writes_prepared() const { return false; }

  /// Rows that one inner loop covers.
  virtual std::int64_t tile_rows() const { return 1; }

  /// Runs parts [first, last) on the whole block; `prepared` is what prepare() gave.
  virtual void run_parts(const RowFrame& frame, const void* prepared, std::int64_t first, std::int64_t last) const {
    (void)prepared, (void)first, (void)last;
    run(frame);
  }
};

/// What row kernels are made from.
struct RowKernelContext {
  const Graph& graph;
  const Placements& placements;
  const KernelTable& kernels;
  ThreadPool& threads;
  SharedWeights& weights;  ///< those that kernels made before have packed
};

/// Whether the node can run row by row.
bool is_row_local(const Graph& graph, const Node& node);

/// The kernel of a grouped_linear, which must be row-local.
std::unique_ptr<RowKernel> make_grouped_linear_kernel(const RowKernelContext& context, const Node& node);

/// The kernel of a linear, which must be row-local, by weights that are codes; nullptr where its products are not of codes.
std::unique_ptr<RowKernel> make_coded_linear_kernel(const RowKernelContext& context, const Node& node);

/// The node's kernel; weights are packed here. The node must be row-local.
std::unique_ptr<RowKernel> make_row_kernel(const RowKernelContext& context, const Node& node);

}  // namespace accelerate::cpu
