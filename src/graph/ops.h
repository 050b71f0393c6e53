// The ops that models are written in. Each function appends to the graph of its inputs and returns the new value; shapes
// are written [in brackets], and tokens are never padded: a batch is all its tokens in a row, `sequences` [sequences + 1]
// tells where each sequence begins and the last one ends. Negative axes count from the last.
#pragma once

#include "graph/graph.h"
#include "graph/weights.h"

namespace accelerate {

/// The same elements under another shape.
Value reshape(Value x, Shape shape);

/// x with its axes in the order that `permutation` names.
Value transpose(Value x, std::vector<int> permutation);

/// Elements [start, stop) of one axis.
Value slice(Value x, SliceOptions options);

/// Values one after another along an axis.
Value concat(std::span<const Value> values, AxisOptions options);

/// Rows of `table` [rows, ...] at `indices` [...]: [..., ...].
Value gather(Value table, Value indices);

/// x [rows, ...] with the rows at `indices` [n] replaced by those of `updates` [n, ...]; no index comes twice.
Value scatter(Value x, Value indices, Value updates);

/// The function of each element.
Value unary(UnaryFunction function, Value x);
inline Value tanh(Value x) { return unary(UnaryFunction::tanh, x); }

/// The function of each pair of elements; axes of size 1 are stretched.
Value binary(BinaryFunction function, Value a, Value b);
inline Value operator+(Value a, Value b) { return binary(BinaryFunction::add, a, b); }
inline Value operator-(Value a, Value b) { return binary(BinaryFunction::subtract, a, b); }
inline Value operator*(Value a, Value b) { return binary(BinaryFunction::multiply, a, b); }
inline Value operator/(Value a, Value b) { return binary(BinaryFunction::divide, a, b); }
Value operator*(Value a, float b);
Value operator+(Value a, std::int64_t b);

/// Whether each element of whole numbers differs from `b`: booleans.
Value not_equal(Value a, std::int64_t b);

/// condition ? a : b, element by element.
Value where(Value condition, Value a, Value b);

/// x as another dtype.
Value cast(Value x, DType dtype);

/// Sum, mean, largest or least along one axis, which becomes 1.
Value reduce(Value x, ReduceOptions options);

/// exp(x) / sum(exp(x)) along the last axis.
Value softmax(Value x, SoftmaxOptions options = {});

/// Product over the last two axes.
Value matmul(Value a, Value b, MatmulOptions options = {});

/// x · weightᵀ + bias for weight [out, in] and bias [out] or absent (torch.nn.Linear): [..., in] to [..., out].
Value linear(Value x, Value weight, Value bias = {}, LinearOptions options = {});

/// Each group's rows by its own weight: x [..., groups, in] · weight [groups, out, in]ᵀ + bias [groups, out] or absent gives
/// [..., groups, out] (torch.nn.Conv1d of one step with groups).
Value grouped_linear(Value x, Value weight, Value bias = {}, LinearOptions options = {});

/// What stored codes stand for: scale · (code - zero) + offset for codes [rows, columns], two a byte at 4 bits, and scales and
/// offsets [rows, groups]; offsets may be absent. All are constants. Column c is of group c / group_size, or of group_of[c] for
/// group_of [columns], int32, where checkpoints order columns by their weight (GPTQ's act-order): [rows, columns].
Value dequantize(Value codes, Value scales, Value offsets, DequantizeOptions options, Value group_of = {});

/// linear with `weight`, and `bias` where there is one, of a place in the checkpoint.
Value linear(Value x, const Weights& weights, std::int64_t outputs);

/// Rows of the place's `weight` [rows, columns] at `indices` [tokens] (torch.nn.Embedding): [tokens, columns].
Value embedding(Value indices, const Weights& weights, std::int64_t rows, std::int64_t columns);

/// (x - mean) / sqrt(variance + epsilon) · scale + bias over the last axis; scale and bias may be absent.
Value layer_norm(Value x, Value scale, Value bias, NormOptions options);

/// layer_norm with the place's `weight` and `bias` (or `gamma` and `beta`, as checkpoints before 2019 call them).
Value layer_norm(Value x, const Weights& weights, NormOptions options);

/// x / sqrt(mean(x²) + epsilon) · scale over the last axis (Zhang and Sennrich, 2019).
Value rms_norm(Value x, Value scale, NormOptions options);

/// What attention adds to its scaled scores by how far apart query i and key j are: of_heads[h, c] + of_queries[i, h, c] +
/// of_keys[j, h, c], each where it is given (Shaw et al., 2018; He et al., 2021). `columns` [2 · reach + 1] tells the column
/// c of each distance from -reach to reach (the key's place less the query's, which farther ones count as). And, where there
/// are slopes, slopes[h] times the distance itself (Press et al., 2022).
struct PositionBias {
  Value of_heads = {};    ///< [heads, columns]
  Value of_queries = {};  ///< [queries, heads, columns]
  Value of_keys = {};     ///< [keys, heads, columns]
  Value columns = {};
  Value slopes = {};  ///< [heads]
};

/// Attention within each sequence, head by head, with grouped heads where key has fewer (Vaswani et al., 2017):
/// query [queries, heads, size], key and value [keys, key heads, size] to [queries, heads, value size]. Keys where
/// `global_keys` [keys] is true are seen whatever the window (Beltagy et al., 2020); they and a bias exclude each other.
Value attention(Value query, Value key, Value value, Value query_sequences, Value key_sequences, AttentionOptions options,
                const PositionBias& bias = {}, Value global_keys = {});

/// The rows of x [tokens, ...] behind those that earlier calls brought for each sequence, kept from call to call under
/// options.name: [options.rows, ...]. `sequences` tells where each sequence's new rows begin, `context` where all of its rows
/// do. Comes from passes alone (passes/remember.h); runs with a State (backends/state.h).
Value append(Value x, Value sequences, Value context, AppendOptions options);

/// Rotary positions (Su et al., 2021): in every head of x [tokens, heads, size], pair i of the first 2 · pairs numbers, (a, b),
/// becomes (a · cos - b · sin, b · cos + a · sin) with element i of the token's row of `cosines` and `sines` [tokens, pairs];
/// the other numbers stay: [tokens, heads, size].
Value rope(Value x, Value cosines, Value sines, RopeOptions options);

/// Running sum of whole numbers x [tokens] within each sequence.
Value sequence_cumsum(Value x, Value sequences);

/// The row `offset` further on in the own sequence in place of each row of x [tokens, ...]; zeros where there is none.
Value sequence_shift(Value x, Value sequences, ShiftOptions options);

/// One row a sequence from x [tokens, ...]: [sequences, ...].
Value sequence_pool(Value x, Value sequences, PoolOptions options);

/// x [..., heads · size] as [..., heads, size].
Value split_heads(Value x, std::int64_t heads);

/// x [..., heads, size] as [..., heads · size].
Value merge_heads(Value x);

}  // namespace accelerate
