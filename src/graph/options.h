// The options of each op. Fields that only passes set say so.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/functions.h"
#include "base/precision.h"
#include "graph/dim.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate {

struct NoOptions {};

/// Which tokens of each sequence are 1 where a caller leaves out an int64 input with a row a token; all others are 0.
struct MarkedTokens {
  enum class Which : std::uint8_t { none, first, before };
  Which which = Which::none;
  std::int64_t id = 0;  ///< of `before`: tokens before the first one with this id are marked, none where it does not occur
};

struct InputOptions {
  std::string name;
  MarkedTokens marked = {};  ///< what the runtime gives where a caller does not (runtime/default_inputs.h)
};

struct ConstantOptions {
  std::string name;  ///< the checkpoint's name of it, or empty
  Tensor tensor;
};

struct ReshapeOptions {
  Shape shape;
};

struct TransposeOptions {
  std::vector<int> permutation;  ///< output axis i is input axis permutation[i]
};

struct SliceOptions {
  int axis = 0;
  Dim start = 0;
  Dim stop = 0;
  std::int64_t step = 1;
};

struct AxisOptions {
  int axis = 0;
};

struct UnaryOptions {
  UnaryFunction function;
};

struct BinaryOptions {
  BinaryFunction function;
};

struct CastOptions {
  DType dtype;
};

enum class Reduction : std::uint8_t { sum, mean, maximum, minimum };

struct ReduceOptions {
  Reduction function;
  int axis = 0;
};

struct SoftmaxOptions {
  bool logarithm = false;
};

struct MatmulOptions {
  bool transpose_a = false;
  bool transpose_b = false;
};

struct LinearOptions {
  bool convolution = false;                      ///< the weight is the kernel of a convolution of width 1
  std::optional<UnaryFunction> activation = {};  ///< set by passes
  Precision precision = Precision::fp32;         ///< set by passes
};

/// How stored codes become numbers (dequantize).
struct DequantizeOptions {
  int bits = 8;                  ///< 8: int8 or uint8, one a column; 4: 0…15, two a byte, that of the even column in the low half
  std::int64_t columns = 0;      ///< of the result, which 4 bits do not tell when they are odd
  std::int64_t group_size = 32;  ///< consecutive columns that share a scale; the last group may have fewer
  std::int64_t zero = 0;         ///< the code of 0, where there are no offsets
};

struct NormOptions {
  float epsilon = 0;
};

struct AttentionOptions {
  float scale = 1;                        ///< of the scores
  float softcap = 0;                      ///< scaled scores s become softcap · tanh(s / softcap), before any bias; 0: they stay
  bool causal = false;                    ///< a query sees no key after its own place, counted from the ends of both sequences
  std::int64_t window_left = -1;          ///< keys further back than this are not seen; -1: all are
  std::int64_t window_right = -1;         ///< keys further ahead than this are not seen; -1: all are
  Precision precision = Precision::fp32;  ///< set by passes
};

struct AppendOptions {
  std::string name;  ///< of what is remembered, its own in the graph: "3.key"
  Dim rows = 0;      ///< of all sequences so far: the output's first axis
};

struct ShiftOptions {
  std::int64_t offset = 0;
};

struct RopeOptions {
  bool interleaved = false;  ///< pairs are neighbours: 2i and 2i + 1; otherwise i and i + pairs
};

enum class Pooling : std::uint8_t { mean, maximum, sum, first, last };

struct PoolOptions {
  Pooling function = Pooling::mean;
};

using Options = std::variant<NoOptions, InputOptions, ConstantOptions, ReshapeOptions, TransposeOptions, SliceOptions, AxisOptions,
                             UnaryOptions, BinaryOptions, CastOptions, ReduceOptions, SoftmaxOptions, MatmulOptions, LinearOptions,
                             DequantizeOptions, NormOptions, AttentionOptions, AppendOptions, RopeOptions, ShiftOptions, PoolOptions>;

/// The function's name: "gelu_erf", …
std::string_view name_of(UnaryFunction function);
std::string_view name_of(BinaryFunction function);
std::string_view name_of(Reduction function);
std::string_view name_of(Pooling function);

/// The options that are not at their defaults, as "activation=gelu_erf precision=bf16"; empty when there are none.
std::string text_of(const Options& options);

}  // namespace accelerate
