// The device's kernels as plain functions: one struct of arguments each, whose pointers are to device memory. What each
// computes is defined in backends/reference/. Arrays are row-major and without gaps unless strides are given; strides count
// elements. Sums and everything between loads and stores are float32. Calls put work on the stream, neither allocate nor
// wait, and may be captured into a graph. A call without elements does nothing and succeeds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/functions.h"
#include "graph/options.h"

struct CUstream_st;

namespace accelerate::cuda {

/// A cudaStream_t.
using Stream = CUstream_st*;

/// The cudaError_t of a launch; 0 is success.
using Status = int;

/// How an array's elements are stored.
enum class Element : std::uint8_t { float32, float16, bfloat16, int64, boolean };

/// Bytes of one element.
constexpr std::size_t size_of(Element element) {
  constexpr std::array<std::size_t, 5> sizes{4, 2, 2, 8, 1};
  return sizes[static_cast<std::size_t>(element)];
}

inline constexpr int largest_rank = 8;

/// The sizes of an array's axes; rank 0 is one element.
struct Extents {
  int rank = 0;
  std::array<std::int64_t, largest_rank> sizes{};
};

/// An array that a kernel reads; without data it is absent.
struct Input {
  const void* data = nullptr;
  Element element = Element::float32;
  std::int64_t stride = 0;  ///< from row to row of [rows, columns] or [tokens, columns]; 0: columns
};

/// An array that a kernel writes; without data it is not wanted.
struct Output {
  void* data = nullptr;
  Element element = Element::float32;
  std::int64_t stride = 0;  ///< as an Input's
};

/// An input with its sizes, which are stretched to those of the output as in NumPy.
struct ShapedInput {
  const void* data = nullptr;
  Element element = Element::float32;
  Extents extents{};
};

enum class FaultKind : std::int32_t { none, index_outside_table, division_by_zero, empty_sequence };

/// What went wrong on the device. Zeroed by the host before a run and read after it; the first fault is kept.
struct Fault {
  FaultKind kind = FaultKind::none;
  std::int32_t node = 0;      ///< what the call was given
  std::int64_t table = 0;     ///< its place among embedding_norm's; 0 elsewhere
  std::int64_t position = 0;  ///< of the index among the indices, of the element, or the sequence's number
  std::int64_t value = 0;     ///< the index that is outside the table
};

/// Rows at int8 as reference/operand.h defines activations: number = (code + offset[row]) · scale[row], where codes are
/// steps from the least number on, less 128. A row with a number that is not finite has the scale NaN.
struct QuantisedRows {
  std::int8_t* codes = nullptr;     ///< [rows, columns]
  std::int64_t stride = 0;          ///< from row to row of codes, 0: columns; what lies between rows becomes 0
  float* scales = nullptr;          ///< [rows]
  std::int32_t* offsets = nullptr;  ///< [rows]
};

// Rows: each result row comes from the same row of the inputs.

struct GatherArguments {
  Input table{};                          ///< [table_rows, columns]
  const std::int64_t* indices = nullptr;  ///< [count]
  Output y{};                             ///< [count, columns]; floats are converted, other elements are those of the table
  std::int64_t table_rows = 0;
  std::int64_t columns = 0;
  std::int64_t count = 0;
  Fault* fault = nullptr;  ///< told of an index outside the table, whose row becomes zeros
  std::int32_t node = 0;   ///< for the fault
  Stream stream = nullptr;
};
Status gather(const GatherArguments& arguments);

struct ScatterArguments {
  Input x{};                              ///< [rows, columns]
  const std::int64_t* indices = nullptr;  ///< [count], which differ
  Input updates{};                        ///< [count, columns], of x's element
  Output y{};  ///< [rows, columns], of x's element and without gaps, as are the inputs; not where one of them lies
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t count = 0;
  Fault* fault = nullptr;  ///< told of an index outside y, whose row of the updates is left out
  std::int32_t node = 0;   ///< for the fault
  Stream stream = nullptr;
};
Status scatter(const ScatterArguments& arguments);

struct RopeArguments {
  Input x{};                       ///< [tokens, heads, size], floats; the stride is from token to token
  const float* cosines = nullptr;  ///< [tokens, pairs]
  const float* sines = nullptr;    ///< [tokens, pairs]
  Output y{};                      ///< as x, and not where x lies
  std::int64_t tokens = 0;
  std::int64_t heads = 0;
  std::int64_t size = 0;
  std::int64_t pairs = 0;    ///< at most size / 2; numbers of a head behind them stay
  bool interleaved = false;  ///< pairs are neighbours
  Stream stream = nullptr;
};
Status rope(const RopeArguments& arguments);

struct LayerNormArguments {
  Input x{};                     ///< [rows, columns]
  const float* scale = nullptr;  ///< [columns], or absent
  const float* bias = nullptr;   ///< [columns], or absent
  Output y{};                    ///< [rows, columns], or not wanted
  QuantisedRows quantised{};     ///< y once more, or not wanted
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  float epsilon = 0;
  Stream stream = nullptr;
};
Status layer_norm(const LayerNormArguments& arguments);

/// As layer_norm, by reference's rms_norm; there is no bias.
Status rms_norm(const LayerNormArguments& arguments);

struct AddNormArguments {
  Input x{};                     ///< [rows, columns]
  Input residual{};              ///< [rows, columns]
  const float* scale = nullptr;  ///< [columns]
  const float* bias = nullptr;   ///< [columns]
  Output y{};                    ///< layer_norm(x + residual), or not wanted
  Output sum{};                  ///< x + residual, or not wanted; may lie where x or residual lies if the elements are the same
  QuantisedRows quantised{};     ///< y once more, or not wanted
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  float epsilon = 0;
  Stream stream = nullptr;
};
Status add_norm(const AddNormArguments& arguments);

inline constexpr int most_tables = 7;

struct EmbeddingTable {
  Input table{};                          ///< [rows, columns]
  const std::int64_t* indices = nullptr;  ///< [tokens]
  std::int64_t rows = 0;
};

struct EmbeddingNormArguments {
  std::array<EmbeddingTable, most_tables> tables{};
  int table_count = 0;
  const float* scale = nullptr;  ///< [columns]
  const float* bias = nullptr;   ///< [columns]
  Output y{};                    ///< [tokens, columns], or not wanted
  QuantisedRows quantised{};     ///< y once more, or not wanted
  std::int64_t tokens = 0;
  std::int64_t columns = 0;
  float epsilon = 0;
  Fault* fault = nullptr;  ///< told of an index outside its table, which then adds nothing
  std::int32_t node = 0;   ///< for the fault
  Stream stream = nullptr;
};
Status embedding_norm(const EmbeddingNormArguments& arguments);

struct SoftmaxArguments {
  Input x{};   ///< [rows, columns]
  Output y{};  ///< [rows, columns]; may lie where x lies if the elements are the same
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  bool logarithm = false;
  Stream stream = nullptr;
};
Status softmax(const SoftmaxArguments& arguments);

// What follows a product, and what goes before an int8 one.

struct TailArguments {
  Input x{};                    ///< [rows, columns]
  const float* bias = nullptr;  ///< [columns], or absent
  std::optional<UnaryFunction> activation{};
  Input residual{};           ///< [rows, columns], or absent
  Output y{};                 ///< activation(x + bias) + residual, or not wanted; may lie where an input lies, as in AddNormArguments
  QuantisedRows quantised{};  ///< y once more, or not wanted
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  Stream stream = nullptr;
};
Status tail(const TailArguments& arguments);

struct Int8TailArguments {
  const std::int32_t* sums = nullptr;         ///< [rows, columns]: Σ code · weight code
  std::int64_t sums_stride = 0;               ///< from row to row; 0: columns
  const float* row_scales = nullptr;          ///< [rows], of QuantisedRows
  const std::int32_t* row_offsets = nullptr;  ///< [rows], of QuantisedRows
  const float* weight_scales = nullptr;       ///< [columns]
  const std::int32_t* weight_sums = nullptr;  ///< [columns]: Σ weight code of each output row of the weight
  const float* bias = nullptr;                ///< [columns], or absent
  std::optional<UnaryFunction> activation{};
  Input residual{};           ///< [rows, columns], or absent
  Output y{};                 ///< activation((sums + offset · weight_sum) · scales + bias) + residual, or not wanted
  QuantisedRows quantised{};  ///< y once more, or not wanted
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  Stream stream = nullptr;
};
Status int8_tail(const Int8TailArguments& arguments);

struct QuantiseArguments {
  Input x{};  ///< [rows, columns]
  QuantisedRows quantised{};
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  Stream stream = nullptr;
};
Status quantise_rows(const QuantiseArguments& arguments);

// Element by element.

struct UnaryArguments {
  UnaryFunction function = UnaryFunction::negate;
  Input x{};   ///< [count], floats
  Output y{};  ///< [count], floats; may lie where x lies if the elements are the same
  std::int64_t count = 0;
  Stream stream = nullptr;
};
Status unary(const UnaryArguments& arguments);

struct BinaryArguments {
  BinaryFunction function = BinaryFunction::add;
  ShapedInput a{};  ///< floats, or of one element with b
  ShapedInput b{};
  Output y{};         ///< boolean for comparisons, else floats or the inputs' element; may lie where an input of its size and element lies
  Extents extents{};  ///< of y
  Fault* fault = nullptr;  ///< told of a whole number divided by zero, which gives 0
  std::int32_t node = 0;   ///< for the fault
  Stream stream = nullptr;
};
/// Floats of different storage may be mixed. cudaErrorInvalidValue for a power of whole numbers.
Status binary(const BinaryArguments& arguments);

struct WhereArguments {
  ShapedInput condition{};  ///< boolean
  ShapedInput a{};          ///< floats, or of y's element
  ShapedInput b{};          ///< floats, or of y's element
  Output y{};
  Extents extents{};  ///< of y
  Stream stream = nullptr;
};
Status where(const WhereArguments& arguments);

struct CastArguments {
  Input x{};   ///< [count]
  Output y{};  ///< [count]
  std::int64_t count = 0;
  Stream stream = nullptr;
};
/// Any element to any other: floats are rounded to the nearest, or cut towards zero when they become int64.
Status cast(const CastArguments& arguments);

struct CopyArguments {
  const void* source = nullptr;  ///< where the element of index 0 lies
  void* target = nullptr;        ///< where the element of index 0 goes
  Element element = Element::float32;
  Extents extents{};  ///< of what is copied
  std::array<std::int64_t, largest_rank> source_strides{};
  std::array<std::int64_t, largest_rank> target_strides{};
  Stream stream = nullptr;
};
/// Copies between arrays with any strides: transpose, slice, a piece of concat.
Status copy(const CopyArguments& arguments);

// Along an axis or a sequence.

struct ReduceArguments {
  Reduction function = Reduction::sum;
  Input x{};   ///< [outer, count, inner], floats
  Output y{};  ///< [outer, inner], floats
  std::int64_t outer = 1;
  std::int64_t count = 0;
  std::int64_t inner = 1;
  Stream stream = nullptr;
};
/// The largest or least of none is an infinity; the host refuses it before.
Status reduce(const ReduceArguments& arguments);

struct SequencePoolArguments {
  Pooling function = Pooling::mean;
  Input x{};                             ///< [tokens, columns], floats
  const std::int64_t* begins = nullptr;  ///< [sequences + 1]
  Output y{};                            ///< [sequences, columns], floats
  std::int64_t sequences = 0;
  std::int64_t columns = 0;
  Fault* fault = nullptr;  ///< told of an empty sequence that has no such row, which then becomes zeros
  std::int32_t node = 0;   ///< for the fault
  Stream stream = nullptr;
};
Status sequence_pool(const SequencePoolArguments& arguments);

struct SequenceCumsumArguments {
  const std::int64_t* x = nullptr;       ///< [tokens]
  const std::int64_t* begins = nullptr;  ///< [sequences + 1]
  std::int64_t* y = nullptr;             ///< [tokens]; may be x
  std::int64_t sequences = 0;
  Stream stream = nullptr;
};
Status sequence_cumsum(const SequenceCumsumArguments& arguments);

struct SequenceShiftArguments {
  Input x{};                             ///< [tokens, columns]
  const std::int64_t* begins = nullptr;  ///< [sequences + 1]
  Output y{};                            ///< [tokens, columns], of x's element and without gaps, as is x; not where x lies
  std::int64_t tokens = 0;
  std::int64_t columns = 0;
  std::int64_t sequences = 0;
  std::int64_t offset = 0;  ///< row i + offset takes the place of row i
  Stream stream = nullptr;
};
Status sequence_shift(const SequenceShiftArguments& arguments);

// Rows that are remembered between calls.

/// Rows that a page holds: the keys of one tile of attention, or of several.
inline constexpr std::int64_t page_rows = 64;

/// The pages of a call's sequences: row r of sequence s lies in pages[begins[s] + r / page_rows]. A page that nothing reads any
/// more is null.
struct PageTable {
  const std::int64_t* begins = nullptr;  ///< [sequences]
  std::byte* const* pages = nullptr;
};

struct AppendArguments {
  Input x{};                              ///< [tokens, columns], floats
  const std::int64_t* begins = nullptr;   ///< [sequences + 1], of x's rows
  const std::int64_t* context = nullptr;  ///< [sequences + 1], of all rows, of which x's are the last
  PageTable pages{};
  std::int64_t offset = 0;             ///< bytes from a page's beginning to its rows [page_rows, columns]
  Element element = Element::float32;  ///< that rows are kept as: floats
  std::int64_t tokens = 0;
  std::int64_t columns = 0;
  std::int64_t sequences = 0;
  Stream stream = nullptr;
};
Status append(const AppendArguments& arguments);

// Products.

struct MatmulArguments {
  ShapedInput a{};  ///< [..., rows, inner], or [..., inner, rows] when transposed; floats
  ShapedInput b{};  ///< [..., inner, columns], or [..., columns, inner] when transposed; floats
  bool transpose_a = false;
  bool transpose_b = false;
  Output y{};         ///< [..., rows, columns], floats
  Extents extents{};  ///< of y
  Stream stream = nullptr;
};
/// A float32 product without tensor cores, for small ones and those that the vendor's library does not take.
Status matmul(const MatmulArguments& arguments);

struct AttentionArguments {
  const void* query = nullptr;         ///< [query tokens, heads, size]
  const void* key = nullptr;           ///< [key tokens, key heads, size]
  const void* value = nullptr;         ///< [key tokens, key heads, value size]
  Element element = Element::float32;  ///< of query, key and value: a float; float16 and bfloat16 are multiplied on tensor cores
  Output y{};                          ///< [query tokens, heads, value size], floats
  std::int64_t query_stride = 0;       ///< from token to token, as are the others; heads · size when without gaps
  std::int64_t key_stride = 0;
  std::int64_t value_stride = 0;
  std::int64_t y_stride = 0;
  std::int64_t heads = 0;
  std::int64_t key_heads = 0;
  std::int64_t size = 0;                       ///< of a head of query and key, at most 256
  std::int64_t value_size = 0;                 ///< of a head of value and y, at most 256; 0: as size
  const std::int64_t* query_begins = nullptr;  ///< [sequences + 1]
  const std::int64_t* key_begins = nullptr;    ///< [sequences + 1]
  std::int64_t sequences = 0;
  std::int64_t query_tokens = 0;  ///< rows of query; a larger number costs time alone
  float scale = 1;
  float softcap = 0;  ///< scores s become softcap · tanh(s / softcap), before any bias; 0: they stay
  bool causal = false;
  std::int64_t window_left = -1;
  std::int64_t window_right = -1;
  const std::uint8_t* global_keys = nullptr;       ///< [key tokens]: keys that are not 0 are seen by all, or absent
  const float* slopes = nullptr;                   ///< [heads]: added for each step of distance, or absent
  const float* head_bias = nullptr;                ///< [heads, bias_columns], or absent
  const float* query_bias = nullptr;               ///< [query tokens, heads, bias_columns], or absent
  const float* key_bias = nullptr;                 ///< [key tokens, heads, bias_columns], or absent
  const std::int64_t* distance_columns = nullptr;  ///< [2 · distance_radius + 1]; there when any bias is
  std::int64_t bias_columns = 0;
  std::int64_t distance_radius = 0;
  PageTable pages{};              ///< where keys and values lie in pages: key and value are null, key_begins counts their rows
  std::int64_t key_offset = 0;    ///< bytes from a page's beginning to its keys [page_rows, key heads, size]
  std::int64_t value_offset = 0;  ///< bytes from a page's beginning to its values [page_rows, key heads, value size]
  Stream stream = nullptr;
};
/// Rows of y past the last sequence's end stay as they are. cudaErrorInvalidValue when a size is above 256, heads is no
/// multiple of key_heads, or keys in pages have biases of their own or are global.
Status attention(const AttentionArguments& arguments);

}  // namespace accelerate::cuda
