// The kernels of one instruction-set level. Each level's translation unit fills one table; nothing else knows about
// vectors. Matrices are row-major float32 with a row stride in elements. Kernels run on the calling thread.
#pragma once

#include <cstdint>

#include "backends/cpu/isa.h"
#include "backends/cpu/kernels/coded_weights.h"
#include "base/functions.h"
#include "base/precision.h"

namespace accelerate::cpu {

/// Weights [outputs, inputs] of one linear in panels of `panel_columns` outputs. A panel holds, for each group of
/// consecutive inputs that one instruction of the level consumes, that group of every output in turn: only the level
/// that packed it can read it. Outputs past the last and inputs past the last are zero. Does not own its memory.
struct PackedWeights {
  Precision precision = Precision::fp32;
  std::int64_t outputs = 0;
  std::int64_t inputs = 0;
  std::byte* panels = nullptr;   ///< 64-byte aligned, packed_bytes() of them
  float* scales = nullptr;       ///< int8 only: what one step of each output's weights stands for, [outputs rounded up to panels]
  std::int32_t* sums = nullptr;  ///< int8 only: the sum of each output's weights, which takes the place of the activations' zero back out
};

/// Sizes that the caller needs to lay out memory for one precision at this level.
struct GemmShape {
  std::int64_t panel_columns;  ///< outputs in one panel
  std::int64_t tile_rows;      ///< rows that one inner loop covers; row blocks are best a multiple
};

/// What happens to each output of a gemm before it is stored, in this order: bias, activation, residual.
struct GemmTail {
  const float* bias = nullptr;  ///< [outputs]
  const UnaryFunction* activation = nullptr;
  const float* residual = nullptr;  ///< [rows, outputs], may be the output itself
  std::int64_t residual_stride = 0;
};

/// Rows [first_row, last_row) of x [rows, inputs], to be prepared for gemm.
struct PrepareArguments {
  Precision precision;
  const float* x;
  std::int64_t stride;
  std::int64_t rows;
  std::int64_t inputs;
  std::int64_t first_row;
  std::int64_t last_row;
  void* memory;  ///< prepared_bytes() of all rows, 64-byte aligned
};

struct GemmArguments {
  const PackedWeights& weights;
  const void* prepared;  ///< what prepare() made of x [rows, inputs]
  std::int64_t rows;
  std::int64_t first_panel;  ///< panels [first_panel, last_panel) are computed
  std::int64_t last_panel;
  float* output;  ///< [rows, outputs]: columns of other panels are left alone
  std::int64_t output_stride;
  GemmTail tail;
  void* prepared_output = nullptr;  ///< bf16 alone, for multiples of 32 outputs: takes what prepare() would make of `output`, in its place
};

struct CodedGemmArguments {
  const CodedWeights& weights;
  const void* prepared;  ///< what CodedKernels::prepare() made of x [rows, inputs]
  std::int64_t rows;
  std::int64_t first_panel;  ///< panels [first_panel, last_panel) are computed
  std::int64_t last_panel;
  float* output;  ///< [rows, outputs]: columns of other panels are left alone
  std::int64_t output_stride;
  GemmTail tail;
};

/// Products by weights that are codes; their panels have GemmShape's columns.
struct CodedKernels {
  /// Bytes of one panel.
  std::int64_t (*panel_bytes)(const CodedWeights& weights);
  /// Fills one panel, and its factors; rows.count is the panel's columns, or fewer at the end.
  void (*pack_panel)(const CodedWeights& weights, std::int64_t panel, const CodedRows& rows);
  /// quantise_four_bits() of backends/four_bits.h.
  float (*quantise_four_bits)(const float* x, std::int64_t count, std::uint8_t* codes);
  /// Bytes that prepare() writes, a multiple of 64. How rows are prepared depends on their number.
  std::int64_t (*prepared_bytes)(const CodedWeights& weights, std::int64_t rows);
  /// Turns x [rows, inputs] into what gemm reads of so many rows.
  void (*prepare)(const CodedWeights& weights, const float* x, std::int64_t stride, std::int64_t rows, void* memory);
  /// x·Wᵀ with its tail, for all of the prepared rows.
  void (*gemm)(const CodedGemmArguments& arguments);
};

/// One head of one sequence: softmax(scale · q·kᵀ, capped, + bias + slope · distance, masked) · v for a block of its queries.
struct AttentionArguments {
  const float* query;  ///< [queries, head_dim]
  const float* key;    ///< [keys, head_dim]
  const float* value;  ///< [keys, head_dim]
  float* output;       ///< [queries, head_dim]
  std::int64_t query_stride;
  std::int64_t key_stride;
  std::int64_t value_stride;
  std::int64_t output_stride;
  std::int64_t queries;
  std::int64_t keys;
  std::int64_t head_dim;
  std::int64_t value_dim;
  std::int64_t first_query;                 ///< place of the first query among the keys: what causal and window count from
  std::int64_t queries_at_a_place = 1;      ///< so many queries share a place: heads that share their keys
  const std::byte* const* pages = nullptr;  ///< what store_page() wrote, `page_rows` keys each, in place of key and value
  std::int64_t page_rows = 0;
  std::int64_t page_keys = 0;    ///< bytes into each page where the head's keys lie
  std::int64_t page_values = 0;  ///< bytes into each page where the head's values lie
  float scale;
  bool causal = false;
  std::int64_t window_left = -1;   ///< keys further back than this are masked; -1: none
  std::int64_t window_right = -1;  ///< keys further ahead than this are masked; -1: none
  const float* bias = nullptr;     ///< [queries, keys], added to the scaled scores
  std::int64_t bias_stride = 0;
  float softcap = 0;                          ///< scaled scores s become softcap · tanh(s / softcap); 0: they stay
  float slope = 0;                            ///< times the key's place less the query's, added to the scores; not with global keys
  const std::int64_t* global_keys = nullptr;  ///< keys that every query sees, and that `bias` hides from the window
  std::int64_t global_count = 0;
  Precision precision = Precision::fp32;  ///< of both products, that of the pages where there are; int8 runs as bf16
  std::byte* scratch = nullptr;           ///< attention_scratch_bytes(), 64-byte aligned
};

/// Bytes of one head in a page.
struct PageBytes {
  std::int64_t keys;
  std::int64_t values;
  std::int64_t scratch;  ///< that store_page() needs
};

/// Keys and values of consecutive tokens for one head of a page, whose earlier ones are there.
struct PageRows {
  Precision precision;  ///< fp32 or bf16
  std::int64_t page_rows;
  std::int64_t head_dim;
  std::int64_t value_dim;
  const float* key;    ///< [count, head_dim]
  const float* value;  ///< [count, value_dim]
  std::int64_t key_stride;
  std::int64_t value_stride;
  std::int64_t first;  ///< place of the first in the page
  std::int64_t count;
  std::byte* keys;  ///< 64-byte aligned, as is the next
  std::byte* values;
  std::byte* scratch;
};

/// output = normalise(x + residual) · scale + bias over the last dimension, row by row; stores x + residual in `sum` when asked.
struct NormArguments {
  const float* input;
  const float* residual = nullptr;
  const float* scale = nullptr;
  const float* bias = nullptr;
  float* sum = nullptr;
  float* output;
  std::int64_t input_stride;
  std::int64_t residual_stride = 0;
  std::int64_t sum_stride = 0;
  std::int64_t output_stride;
  std::int64_t rows;
  std::int64_t columns;
  float epsilon;
};

struct KernelTable {
  Isa isa;

  GemmShape (*gemm_shape)(Precision precision);
  /// Bytes of `panels` for weights [outputs, inputs].
  std::int64_t (*packed_bytes)(Precision precision, std::int64_t outputs, std::int64_t inputs);
  /// Fills one panel (and its scales and sums) from rows [first, first + count) of the weights, given as float32
  /// [count, inputs] with stride `inputs`; count is panel_columns, or fewer at the end.
  void (*pack_panel)(const PackedWeights& weights, std::int64_t panel, const float* rows, std::int64_t count);
  /// Bytes that prepare() writes for [rows, inputs]: no fewer for more rows, a multiple of 64; 0 in fp32, where gemm reads x as it is.
  std::int64_t (*prepared_bytes)(Precision precision, std::int64_t rows, std::int64_t inputs);
  /// Turns rows of x into what gemm reads at that precision and returns where all rows of x are: `memory`, or x itself when it
  /// needs no change. Rows may be prepared in any order, and by several threads.
  const void* (*prepare)(const PrepareArguments& arguments);
  /// x·Wᵀ with its tail. `input_stride` is the stride of x in fp32, where `prepared` is x itself.
  void (*gemm)(const GemmArguments& arguments, std::int64_t input_stride);

  CodedKernels coded;

  /// Bytes of scratch for that many queries and keys; `head_dim` is the larger of a head's two sizes.
  std::int64_t (*attention_scratch_bytes)(Precision precision, std::int64_t queries, std::int64_t keys, std::int64_t head_dim);
  void (*attention)(const AttentionArguments& arguments);
  /// What a page of `page_rows` keys, a multiple of 32, takes for one head.
  PageBytes (*page_bytes)(Precision precision, std::int64_t page_rows, std::int64_t head_dim, std::int64_t value_dim);
  void (*store_page)(const PageRows& rows);

  void (*layer_norm)(const NormArguments& arguments);
  void (*rms_norm)(const NormArguments& arguments);
  /// y[i] = function(x[i]); y may be x.
  void (*unary)(UnaryFunction function, const float* x, float* y, std::int64_t count);
  /// y[i] = function(a[i], b[i]) for add, subtract, multiply, divide, minimum and maximum; y may be a or b.
  void (*binary)(BinaryFunction function, const float* a, const float* b, float* y, std::int64_t count);
  /// Softmax (or its logarithm) of each row of [rows, columns], in place or not.
  void (*softmax)(const float* x, float* y, std::int64_t rows, std::int64_t columns, bool logarithm);
};

/// The table of the level that selected_isa() names, chosen once.
const KernelTable& kernels();

/// The table of one level, which the machine must have.
const KernelTable& kernels_of(Isa isa);

}  // namespace accelerate::cpu
