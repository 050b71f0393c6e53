// A chain of row-local nodes, run block by block: between its first and its last op a block of rows stays in the core's
// second-level cache, and only what is read outside the chain is stored to memory. docs/adr/0004-cpu-regions.md tells why.
#include <unistd.h>

#include <algorithm>

#include "backends/cpu/memory.h"
#include "backends/cpu/steps.h"
#include "backends/memory_plan.h"
#include "base/arithmetic.h"

namespace accelerate::cpu {
namespace {

/// Below this many rows a worker, products are cut by columns instead: fewer rows would not fill a register tile.
constexpr std::int64_t least_rows_per_worker = 24;

/// The same where tiles hold many rows, which want them for each byte of weights that they read from memory.
constexpr std::int64_t least_rows_per_tile_worker = 128;

/// From here on a tile holds many rows.
constexpr std::int64_t many_rows = 32;

/// Rows of a kernel without columns that are worth another worker.
constexpr std::int64_t least_rows_per_share = 16;

/// Panels that are worth another share: the first of each is read from memory without having been asked for.
constexpr std::int64_t least_panels_per_share = 12;

/// Blocks are whole multiples of this, which every level's register tiles divide or are.
constexpr std::int64_t register_rows = 8;

/// A block's values against the second-level cache, measured on MiniLM: 0.6 and 1.6 are both 2 % slower. A little over
/// the whole is best, because not all values of a block are in use at once.
constexpr double cache_share = 1.1;

std::int64_t cache_bytes() {
  const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
  return bytes > 0 ? bytes : 512 * 1024;
}

/// How a batch of rows is cut.
struct Division {
  std::int64_t block_rows;
  std::int64_t blocks;
  bool by_columns;  ///< one block, and each op is cut by columns
};

class Region final : public Step {
 public:
  Region(const RowKernelContext& context, std::vector<const Node*> nodes, const std::vector<bool>& exported)
      : rows_value_(nodes.front()->outputs.front()) {
    tile_offsets_.assign(context.placements.of_value.size(), -1);
    kept_prepared_.assign(context.placements.of_value.size(), false);
    for (const Node* node : nodes) {
      kernels_.push_back(make_row_kernel(context, *node));
      if (kernels_.back()->tile_rows() >= many_rows) least_rows_ = least_rows_per_tile_worker;
    }
    find_values(context, nodes, exported);
    find_prepared(context, nodes, exported);
    plan_tile(context, nodes, exported);

    const std::int64_t row_bytes = std::max<std::int64_t>(tile_row_bytes_ + prepared_bytes(64) / 64, 1);
    const auto fitting = static_cast<std::int64_t>(static_cast<double>(cache_bytes()) * cache_share) / row_bytes;
    most_block_rows_ = std::clamp<std::int64_t>(fitting / register_rows, 2, 16) * register_rows;
  }

  std::size_t scratch_bytes(const Call& call) const override {
    const Division division = divide(call.rows(rows_value_), call.threads.threads());
    return static_cast<std::size_t>(tile_row_bytes_ * division.block_rows + prepared_bytes(division.block_rows));
  }

  void run(const Call& call) const override {
    const std::int64_t rows = call.rows(rows_value_);
    if (rows == 0) return;
    const Division division = divide(rows, call.threads.threads());
    if (division.by_columns) return run_by_columns(call, rows);
    call.threads.parallel_for(division.blocks, [&](std::int64_t block, int worker) {
      const std::int64_t first = block * division.block_rows;
      const Frame frame(*this, call, first, std::min(division.block_rows, rows - first), division.block_rows, worker);
      for (const auto& kernel : kernels_) kernel->run(frame);
    });
  }

 private:
  class Frame final : public RowFrame {
   public:
    /// Rows [first, first + rows) of the call's, which begin at row `tile_row` of the worker's tile.
    Frame(const Region& region, const Call& call, std::int64_t first, std::int64_t rows, std::int64_t capacity, int worker,
          std::int64_t tile_row = 0)
        : region_(region), call_(call), first_(first), capacity_(capacity), tile_row_(tile_row), tile_(call.scratch_of(worker)) {
      count = rows;
      prepared = tile_ + region.tile_row_bytes_ * capacity;
    }

    Rows<float> rows(ValueId value) const override {
      const Placement& placement = call_.placements[value];
      const std::int64_t tile_offset = region_.tile_offsets_[static_cast<std::size_t>(placement.root)];
      if (tile_offset < 0) return {call_.floats(value) + first_ * placement.row_stride, placement.row_stride};
      return {reinterpret_cast<float*>(tile_ + tile_offset * capacity_) + tile_row_ * placement.row_stride + placement.offset,
              placement.row_stride};
    }

    std::byte* prepared_rows(ValueId value) const override {
      if (!region_.kept_prepared_[static_cast<std::size_t>(value)]) return nullptr;
      return tile_ + region_.tile_offsets_[static_cast<std::size_t>(value)] * capacity_;
    }

    Rows<const std::int64_t> indices(ValueId value) const override {
      const std::int64_t stride = call_.placements[value].row_stride;
      return {call_.integers(value) + first_ * stride, stride};
    }

   private:
    const Region& region_;
    const Call& call_;
    std::int64_t first_;
    std::int64_t capacity_;
    std::int64_t tile_row_;
    std::byte* tile_;
  };

  void run_by_columns(const Call& call, std::int64_t rows) const {
    const Frame frame(*this, call, 0, rows, rows, 0);
    for (std::size_t i = 0; i < kernels_.size(); ++i) {
      const RowKernel* const kernel = kernels_[i].get();
      const std::int64_t parts = kernel->column_parts();
      const bool prepares = !input_is_prepared_[i] && kernel->prepared_bytes(rows) > 0;
      if (parts == 1 && (prepares || input_is_prepared_[i])) {
        kernel->run(frame);
        continue;
      }
      if (parts == 1) {
        by_rows(call, rows, [&](std::int64_t first, std::int64_t last) {
          const Frame some(*this, call, first, last - first, rows, 0, first);
          kernel->run(some);
        });
        continue;
      }
      if (prepares && kernel->prepares_rows_apart())
        by_rows(call, rows, [&](std::int64_t first, std::int64_t last) { kernel->prepare(frame, first, last); });
      const void* prepared = kernel->prepare(frame, 0, kernel->prepares_rows_apart() ? 0 : rows);
      const std::int64_t threads = call.threads.threads();
      const std::int64_t shares = std::min(
          parts, kernel->tile_rows() >= many_rows ? std::clamp(parts / least_panels_per_share, threads, 4 * threads) : 4 * threads);
      call.threads.parallel_for(shares, [&](std::int64_t share, int) {
        kernel->run_parts(frame, prepared, share * parts / shares, (share + 1) * parts / shares);
      });
    }
  }

  /// Calls body(first, last) for shares of the rows on as many workers as they are worth.
  template <class Body>
  static void by_rows(const Call& call, std::int64_t rows, const Body& body) {
    const std::int64_t shares = std::clamp<std::int64_t>(rows / least_rows_per_share, 1, call.threads.threads());
    if (shares == 1) return body(0, rows);
    call.threads.parallel_for(shares, [&](std::int64_t share, int) { body(share * rows / shares, (share + 1) * rows / shares); });
  }

  Division divide(std::int64_t rows, int workers) const {
    if (rows == 0 || (workers > 1 && rows < workers * least_rows_)) return {.block_rows = rows, .blocks = 1, .by_columns = true};
    // Whole rounds of blocks over the workers, so that all finish together, and whole register tiles in each block.
    const std::int64_t rounds = divide_up(rows, most_block_rows_ * workers);
    const std::int64_t block_rows = round_up(divide_up(rows, rounds * workers), register_rows);
    return {.block_rows = block_rows, .blocks = divide_up(rows, block_rows), .by_columns = false};
  }

  std::int64_t prepared_bytes(std::int64_t rows) const {
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < kernels_.size(); ++i)
      if (!input_is_prepared_[i]) bytes = std::max(bytes, kernels_[i]->prepared_bytes(rows));
    return round_up(bytes, 64);
  }

  /// Finds the values that a linear at bf16 makes and that other such linears of the region alone read.
  void find_prepared(const RowKernelContext& context, const std::vector<const Node*>& nodes, const std::vector<bool>& exported) {
    input_is_prepared_.assign(nodes.size(), false);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const ValueId value = nodes[i]->outputs.front();
      if (!kernels_[i]->writes_prepared() || exported[static_cast<std::size_t>(value)]) continue;
      std::vector<std::size_t> readers;
      bool all_prepared = true;
      for (std::size_t j = i + 1; j < nodes.size(); ++j) {
        const auto uses = std::ranges::count_if(
            nodes[j]->inputs, [&](ValueId input) { return input != no_value && context.placements[input].root == value; });
        if (uses == 0) continue;
        all_prepared = all_prepared && uses == 1 && kernels_[j]->reads_prepared(value);
        readers.push_back(j);
      }
      if (!all_prepared || readers.empty()) continue;
      kept_prepared_[static_cast<std::size_t>(value)] = true;
      for (const std::size_t reader : readers) input_is_prepared_[reader] = true;
    }
  }

  /// Bytes a row of what linears at bf16 prepare of rows of so many columns, in blocks of any number of rows.
  static std::int64_t prepared_row_bytes(const KernelTable& kernels, std::int64_t columns) {
    std::int64_t bytes = 0;
    for (std::int64_t rows = 1; rows <= 2 * many_rows; ++rows)
      bytes = std::max(bytes, divide_up(kernels.prepared_bytes(Precision::bf16, rows, columns), rows));
    return bytes;
  }

  void find_values(const RowKernelContext& context, const std::vector<const Node*>& nodes, const std::vector<bool>& exported) {
    std::vector<bool> own(context.placements.of_value.size(), false);
    for (const Node* node : nodes) {
      for (ValueId input : node->inputs) {
        const bool packed = node->op == Op::linear && input == node->inputs[1];
        if (packed || input == no_value || !constant_parts(context.graph, input).empty()) continue;
        const ValueId root = context.placements[input].root;
        if (!own[static_cast<std::size_t>(root)]) reads.push_back(root);
      }
      for (ValueId output : node->outputs) {
        own[static_cast<std::size_t>(output)] = true;
        if (exported[static_cast<std::size_t>(output)]) writes.push_back(output);
      }
    }
  }

  /// Places the values that never leave the region in a worker's tile, by their lifetimes.
  void plan_tile(const RowKernelContext& context, const std::vector<const Node*>& nodes, const std::vector<bool>& exported) {
    std::vector<ValueId> values;
    std::vector<Lifetime> lifetimes;
    const auto lifetime_of = [&](ValueId root) -> Lifetime* {
      const auto found = std::ranges::find(values, root);
      return found == values.end() ? nullptr : &lifetimes[static_cast<std::size_t>(found - values.begin())];
    };
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const auto now = static_cast<std::int64_t>(i);
      for (ValueId input : nodes[i]->inputs)
        if (input != no_value)
          if (Lifetime* lifetime = lifetime_of(context.placements[input].root)) lifetime->last = now;
      for (ValueId output : nodes[i]->outputs) {
        if (exported[static_cast<std::size_t>(output)]) continue;
        values.push_back(output);
        const std::int64_t columns = context.placements[output].columns;
        const std::int64_t bytes = kept_prepared_[static_cast<std::size_t>(output)] ? prepared_row_bytes(context.kernels, columns)
                                                                                    : columns * static_cast<std::int64_t>(sizeof(float));
        lifetimes.push_back({.bytes = static_cast<std::size_t>(bytes), .first = now, .last = now});
      }
    }
    const MemoryPlan plan = plan_memory(lifetimes);
    for (std::size_t i = 0; i < values.size(); ++i)
      tile_offsets_[static_cast<std::size_t>(values[i])] = static_cast<std::int64_t>(plan.offsets[i]);
    tile_row_bytes_ = static_cast<std::int64_t>(plan.bytes);
  }

  std::vector<std::unique_ptr<RowKernel>> kernels_;
  std::vector<bool> input_is_prepared_;  ///< by kernel: what it multiplies is kept prepared
  std::vector<bool> kept_prepared_;      ///< by value: it is kept as what linears prepare of it
  ValueId rows_value_;
  std::int64_t least_rows_ = least_rows_per_worker;
  std::vector<std::int64_t> tile_offsets_;  ///< by root value: bytes a row of the tile before it; -1: not in the tile
  std::int64_t tile_row_bytes_ = 0;
  std::int64_t most_block_rows_ = 0;
};

}  // namespace

std::unique_ptr<Step> make_region(const RowKernelContext& context, std::vector<const Node*> nodes, const std::vector<bool>& exported) {
  return std::make_unique<Region>(context, std::move(nodes), exported);
}

}  // namespace accelerate::cpu
