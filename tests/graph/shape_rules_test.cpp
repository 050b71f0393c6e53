// What each op's shape rule infers, and what it refuses.
#include <gtest/gtest.h>

#include <array>

#include "graph/ops.h"
#include "graph/shape_rules.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

/// Inputs named by their types, to build rows of tables with.
struct Builder {
  Graph graph;
  int inputs = 0;

  Value of(DType dtype, Shape shape) { return graph.input("input" + std::to_string(inputs++), dtype, std::move(shape)); }
  Value floats(Shape shape) { return of(DType::float32, std::move(shape)); }
  Value wholes(Shape shape) { return of(DType::int64, std::move(shape)); }
  Value booleans(Shape shape) { return of(DType::boolean, std::move(shape)); }
};

const Dim tokens = Dim::named("tokens");
const Dim bounds = Dim::named("sequences") + 1;

struct Inference {
  std::string_view expected;
  Value (*build)(Builder&);
};

TEST(ShapeRules, Infer) {
  for (const Inference& row : {
           Inference{"float32 [tokens, 12, 32]", [](Builder& b) { return split_heads(b.floats({tokens, 384}), 12); }},
           Inference{"float32 [tokens, 384]", [](Builder& b) { return merge_heads(b.floats({tokens, 12, 32})); }},
           Inference{"int64 [3, tokens]", [](Builder& b) { return transpose(b.wholes({tokens, 3}), {1, 0}); }},
           Inference{"float32 [tokens, 3]",
                     [](Builder& b) { return slice(b.floats({tokens, 9}), {.axis = 1, .start = 1, .stop = 7, .step = 2}); }},
           Inference{"float32 [(tokens + 2), 4]",
                     [](Builder& b) { return concat(std::array{b.floats({tokens, 4}), b.floats({2, 4})}, {.axis = 0}); }},
           Inference{"float32 [tokens, 384]", [](Builder& b) { return gather(b.floats({30522, 384}), b.wholes({tokens})); }},
           Inference{"float32 [2, tokens]", [](Builder& b) { return gather(b.floats({5}), b.wholes({2, tokens})); }},
           Inference{"float32 [tokens, 7]", [](Builder& b) { return b.floats({tokens, 1}) + b.floats({7}); }},
           Inference{"bool [tokens]", [](Builder& b) { return not_equal(b.wholes({tokens}), 1); }},
           Inference{"int64 [tokens, 3]", [](Builder& b) { return where(b.booleans({tokens, 1}), b.wholes({3}), b.wholes({})); }},
           Inference{"float32 [tokens]", [](Builder& b) { return cast(b.wholes({tokens}), DType::float32); }},
           Inference{"float32 [tokens, 1]", [](Builder& b) { return reduce(b.floats({tokens, 9}), {Reduction::mean, 1}); }},
           Inference{"float32 [2, tokens, 5]", [](Builder& b) { return matmul(b.floats({2, tokens, 7}), b.floats({7, 5})); }},
           Inference{
               "float32 [tokens, 5]",
               [](Builder& b) { return matmul(b.floats({7, tokens}), b.floats({5, 7}), {.transpose_a = true, .transpose_b = true}); }},
           Inference{"float32 [tokens, 5]", [](Builder& b) { return linear(b.floats({tokens, 7}), b.floats({5, 7}), b.floats({5})); }},
           Inference{"float32 [tokens, 7]", [](Builder& b) { return layer_norm(b.floats({tokens, 7}), {}, {}, {}); }},
           Inference{"float32 [tokens, 4, 6]",
                     [](Builder& b) {
                       const Value sequences = b.wholes({bounds});
                       return attention(b.floats({tokens, 4, 8}), b.floats({tokens, 2, 8}), b.floats({tokens, 2, 6}), sequences, sequences,
                                        {});
                     }},
           Inference{"int64 [tokens]", [](Builder& b) { return sequence_cumsum(b.wholes({tokens}), b.wholes({bounds})); }},
           Inference{"float32 [sequences, 9]", [](Builder& b) { return sequence_pool(b.floats({tokens, 9}), b.wholes({bounds}), {}); }},
       }) {
    Builder builder;
    EXPECT_EQ(text_of(row.build(builder).type()), row.expected);
  }
}

TEST(ShapeRules, ConstantsHaveLogicalTypes) {
  Graph graph;
  for (DType stored : {DType::float32, DType::float16, DType::bfloat16, DType::float64})
    EXPECT_EQ(graph.constant(Tensor::zeros(stored, {2})).dtype(), DType::float32);
  for (DType stored : {DType::int64, DType::int32, DType::int16, DType::int8, DType::uint8})
    EXPECT_EQ(graph.constant(Tensor::zeros(stored, {2})).dtype(), DType::int64);
  EXPECT_EQ(graph.constant(Tensor::zeros(DType::boolean, {2})).dtype(), DType::boolean);
}

struct Refusal {
  std::string_view message;
  void (*build)(Builder&);
};

TEST(ShapeRules, Refuse) {
  for (const Refusal& row : {
           Refusal{"[reshape] [tokens, 7] cannot become [tokens, 8]", [](Builder& b) { reshape(b.floats({tokens, 7}), {tokens, 8}); }},
           Refusal{"[transpose] the permutation does not name each axis once", [](Builder& b) { transpose(b.floats({2, 3}), {0, 0}); }},
           Refusal{"[transpose] the permutation", [](Builder& b) { transpose(b.floats({2, 3}), {0}); }},
           Refusal{"[slice] axis 2 of 2 axes", [](Builder& b) { slice(b.floats({2, 3}), {.axis = 2, .start = 0, .stop = 1}); }},
           Refusal{"[slice] [1, 4) of an axis of 3", [](Builder& b) { slice(b.floats({2, 3}), {.axis = 1, .start = 1, .stop = 4}); }},
           Refusal{"[slice] step 0 is not positive",
                   [](Builder& b) { slice(b.floats({3}), {.axis = 0, .start = 0, .stop = 1, .step = 0}); }},
           Refusal{"[concat] takes at least one input", [](Builder&) { concat({}, {}); }},
           Refusal{"[concat] input 1 is [2, 5]", [](Builder& b) { concat(std::array{b.floats({2, 3}), b.floats({2, 5})}, {.axis = 0}); }},
           Refusal{"[concat] input 1 is int64 [2]", [](Builder& b) { concat(std::array{b.floats({2}), b.wholes({2})}, {.axis = 0}); }},
           Refusal{"[gather] input 1 is float32 [tokens], expected int64",
                   [](Builder& b) { gather(b.floats({5, 3}), b.floats({tokens})); }},
           Refusal{"[gather] input 0 is [], expected at least 1 axes", [](Builder& b) { gather(b.floats({}), b.wholes({tokens})); }},
           Refusal{"[unary] input 0 is int64 [3], expected float32", [](Builder& b) { tanh(b.wholes({3})); }},
           Refusal{"[2, 3] and [4] cannot be stretched to one shape", [](Builder& b) { b.floats({2, 3}) + b.floats({4}); }},
           Refusal{"[tokens] and [3] cannot be stretched", [](Builder& b) { b.floats({tokens}) + b.floats({3}); }},
           Refusal{"[binary] input 1 is int64 [3], expected float32", [](Builder& b) { b.floats({3}) + b.wholes({3}); }},
           Refusal{"[where] input 0 is int64 [3], expected bool", [](Builder& b) { where(b.wholes({3}), b.floats({3}), b.floats({3})); }},
           Refusal{"[where] input 2 is int64 [3], expected float32",
                   [](Builder& b) { where(b.booleans({3}), b.floats({3}), b.wholes({3})); }},
           Refusal{"[reduce] axis 1 of 1 axes", [](Builder& b) { reduce(b.floats({3}), {Reduction::sum, 1}); }},
           Refusal{"[softmax] input 0 is [], expected at least 1 axes", [](Builder& b) { softmax(b.floats({})); }},
           Refusal{"[matmul] [2, 3] and [4, 5] share no inner size", [](Builder& b) { matmul(b.floats({2, 3}), b.floats({4, 5})); }},
           Refusal{"[matmul] input 0 is [3], expected at least 2 axes", [](Builder& b) { matmul(b.floats({3}), b.floats({3, 5})); }},
           Refusal{"[linear] weight is [5], expected [out, in]", [](Builder& b) { linear(b.floats({tokens, 5}), b.floats({5})); }},
           Refusal{"[linear] input 1 is [4, 6], expected [4, 5]", [](Builder& b) { linear(b.floats({tokens, 5}), b.floats({4, 6})); }},
           Refusal{"[linear] input 2 is [5], expected [4]",
                   [](Builder& b) { linear(b.floats({tokens, 5}), b.floats({4, 5}), b.floats({5})); }},
           Refusal{"('encoder.query.weight') is [4, 6], expected [4, 5]",
                   [](Builder& b) {
                     linear(b.floats({tokens, 5}), b.graph.constant(Tensor::zeros(DType::float32, {4, 6}), "encoder.query.weight"));
                   }},
           Refusal{"[layer_norm] input 1 is [6], expected [5]",
                   [](Builder& b) { layer_norm(b.floats({tokens, 5}), b.floats({6}), b.floats({5}), {}); }},
           Refusal{"[layer_norm] input 2 is [6], expected [5]",
                   [](Builder& b) { layer_norm(b.floats({tokens, 5}), b.floats({5}), b.floats({6}), {}); }},
           Refusal{"[rms_norm] input 0 is int64 [3], expected float32", [](Builder& b) { rms_norm(b.wholes({3}), {}, {}); }},
           Refusal{"[attention] input 0 is [tokens, 8], expected [tokens, heads, head size]",
                   [](Builder& b) {
                     const Value x = b.floats({tokens, 8});
                     attention(x, x, x, b.wholes({bounds}), b.wholes({bounds}), {});
                   }},
           Refusal{"[attention] 4 heads of queries do not divide among 3 of keys",
                   [](Builder& b) {
                     const Value key = b.floats({tokens, 3, 8});
                     attention(b.floats({tokens, 4, 8}), key, key, b.wholes({bounds}), b.wholes({bounds}), {});
                   }},
           Refusal{"[attention] input 3 is float32",
                   [](Builder& b) {
                     const Value x = b.floats({tokens, 3, 8});
                     attention(x, x, x, b.floats({bounds}), b.wholes({bounds}), {});
                   }},
           Refusal{"[attention] input 2 is [4, 3, 8]",
                   [](Builder& b) {
                     const Value x = b.floats({tokens, 3, 8});
                     attention(x, x, b.floats({4, 3, 8}), b.wholes({bounds}), b.wholes({bounds}), {});
                   }},
           Refusal{"[attention] input 10 is [3], expected [2]",
                   [](Builder& b) {
                     const Value x = b.floats({tokens, 2, 8});
                     const Value sequences = b.wholes({bounds});
                     attention(x, x, x, sequences, sequences, {}, {.slopes = b.floats({3})});
                   }},
           Refusal{"[rope] input 1 is [2, 3], expected [tokens, pairs]",
                   [](Builder& b) { rope(b.floats({tokens, 3, 8}), b.floats({2, 3}), b.floats({2, 3}), {}); }},
           Refusal{"[rope] 5 pairs of a head of 8 numbers",
                   [](Builder& b) { rope(b.floats({tokens, 3, 8}), b.floats({tokens, 5}), b.floats({tokens, 5}), {}); }},
           Refusal{"[sequence_cumsum] input 0 is float32 [tokens], expected int64",
                   [](Builder& b) { sequence_cumsum(b.floats({tokens}), b.wholes({bounds})); }},
           Refusal{"[sequence_pool] input 1 is [2, 2], expected [sequences + 1]",
                   [](Builder& b) { sequence_pool(b.floats({tokens, 4}), b.wholes({2, 2}), {}); }},
           Refusal{"[add_norm] input 1 is [3], expected [tokens, 3]",
                   [](Builder& b) {
                     const Value row = b.floats({3});
                     b.graph.add(Op::add_norm, {b.floats({tokens, 3}).id(), row.id(), row.id(), row.id()}, NormOptions{});
                   }},
           Refusal{"[embedding_norm] gathers of float32 [tokens, 3] and float32 [tokens, 4] cannot be added",
                   [](Builder& b) {
                     const Value row = b.floats({3});
                     const Value ids = b.wholes({tokens});
                     b.graph.add(Op::embedding_norm, {row.id(), row.id(), b.floats({9, 3}).id(), ids.id(), b.floats({9, 4}).id(), ids.id()},
                                 NormOptions{});
                   }},
           Refusal{"[softmax] takes 1 to 1 inputs, got 2",
                   [](Builder& b) { b.graph.add(Op::softmax, {b.floats({3}).id(), b.floats({3}).id()}, SoftmaxOptions{}); }},
           Refusal{"[linear] input 1 is absent",
                   [](Builder& b) { b.graph.add(Op::linear, {b.floats({3}).id(), no_value}, LinearOptions{}); }},
       }) {
    Builder builder;
    expect_error(ErrorKind::internal, row.message, [&] { row.build(builder); });
  }
}

TEST(Broadcast, StretchesOnes) {
  EXPECT_EQ(text_of(broadcast({tokens, 1, 5}, {3, 1})), "[tokens, 3, 5]");
  EXPECT_EQ(text_of(broadcast({}, {tokens})), "[tokens]");
  EXPECT_EQ(text_of(broadcast({}, {})), "[]");
}

}  // namespace
}  // namespace accelerate
