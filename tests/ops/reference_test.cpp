// The reference against numbers worked out by hand, or by other formulas than its own.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/half.h"
#include "ops/case_builder.h"
#include "ops/execution.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

using Floats = std::vector<float>;
using Wholes = std::vector<std::int64_t>;

/// A graph over constants, and what the reference makes of it.
class Reference : public testing::Test {
 protected:
  Value floats(const Floats& values, std::vector<std::int64_t> shape) {
    return graph_.constant(Tensor::from<float>(values, std::move(shape)));
  }
  Value wholes(const Wholes& values, std::vector<std::int64_t> shape) {
    return graph_.constant(Tensor::from<std::int64_t>(values, std::move(shape)));
  }
  Value wholes(const Wholes& values) { return wholes(values, {static_cast<std::int64_t>(values.size())}); }

  Tensor result(Value value) {
    Graph graph = graph_;
    graph.output("y", value);
    return run_on_reference(graph, {}).at("y");
  }

  Floats float_result(Value value) {
    const Tensor tensor = result(value);
    return {tensor.values<float>().begin(), tensor.values<float>().end()};
  }

  Wholes whole_result(Value value) {
    const Tensor tensor = result(value);
    return {tensor.values<std::int64_t>().begin(), tensor.values<std::int64_t>().end()};
  }

  void expect_near(Value value, const Floats& expected, float tolerance = 1e-6F) {
    const Floats actual = float_result(value);
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], tolerance) << "element " << i;
  }

  void expect_refused(std::string_view message, Value value) {
    expect_error(ErrorKind::invalid_argument, message, [&] { result(value); });
  }

  Graph graph_;
};

TEST_F(Reference, DecodesConstants) {
  const std::array<std::uint16_t, 4> halves{0x3c00, 0xc000, 0x3555, 0x0001};  // 1, -2, 1/3, the least subnormal
  Tensor half = Tensor::zeros(DType::float16, {4});
  std::memcpy(half.mutable_bytes().data(), halves.data(), sizeof(halves));
  expect_near(graph_.constant(half), {1, -2, 0.33325195F, 0x1p-24F}, 1e-9F);

  const std::array<std::uint16_t, 3> brains{0x3f80, 0xc000, 0x3eab};  // 1, -2, about 1/3
  Tensor brain = Tensor::zeros(DType::bfloat16, {3});
  std::memcpy(brain.mutable_bytes().data(), brains.data(), sizeof(brains));
  expect_near(graph_.constant(brain), {1, -2, 0.33398438F}, 1e-9F);

  expect_near(graph_.constant(Tensor::from<double>(std::array{1.0 / 3}, {1})), {1.0F / 3});
  EXPECT_EQ(whole_result(graph_.constant(Tensor::from<std::uint8_t>(std::array<std::uint8_t, 2>{255, 0}, {2}))), (Wholes{255, 0}));
  EXPECT_EQ(whole_result(graph_.constant(Tensor::from<std::int8_t>(std::array<std::int8_t, 2>{-128, 127}, {2}))), (Wholes{-128, 127}));
}

TEST_F(Reference, ComputesUnaryFunctions) {
  struct Row {
    UnaryFunction function;
    float x, y;
  };
  // Values to nine digits: Abramowitz and Stegun's tables for erf, the definitions for the others.
  for (const Row& row : {Row{UnaryFunction::negate, 2, -2},
                         Row{UnaryFunction::absolute, -2.5F, 2.5F},
                         Row{UnaryFunction::exponential, 1, 2.718281828F},
                         Row{UnaryFunction::logarithm, 10, 2.302585093F},
                         Row{UnaryFunction::square_root, 2, 1.414213562F},
                         Row{UnaryFunction::reciprocal_square_root, 4, 0.5F},
                         Row{UnaryFunction::sine, 1, 0.841470985F},
                         Row{UnaryFunction::cosine, 1, 0.540302306F},
                         Row{UnaryFunction::tanh, 0.5F, 0.462117157F},
                         Row{UnaryFunction::sigmoid, 1, 0.731058579F},
                         Row{UnaryFunction::erf, 0.5F, 0.520499878F},
                         Row{UnaryFunction::relu, -3, 0},
                         Row{UnaryFunction::relu, 3, 3},
                         Row{UnaryFunction::gelu_erf, 1, 0.841344746F},
                         Row{UnaryFunction::gelu_erf, -1, -0.158655254F},
                         Row{UnaryFunction::gelu_erf, 3, 2.995950306F},
                         Row{UnaryFunction::gelu_tanh, 1, 0.841191991F},
                         Row{UnaryFunction::gelu_tanh, -2, -0.045402306F},
                         Row{UnaryFunction::gelu_quick, 1, 0.845795793F},
                         Row{UnaryFunction::silu, 1, 0.731058579F},
                         Row{UnaryFunction::silu, -2, -0.238405844F}})
    EXPECT_NEAR(float_result(unary(row.function, floats({row.x}, {1})))[0], row.y, 1e-7 * std::max(1.0F, std::abs(row.y)))
        << name_of(row.function);
}

TEST_F(Reference, StretchesAxesOfOne) {
  EXPECT_EQ(float_result(floats({1, 2}, {2, 1}) + floats({10, 20, 30}, {3})), (Floats{11, 21, 31, 12, 22, 32}));
  EXPECT_EQ(float_result(floats({1, 2}, {2}) - floats({1}, {})), (Floats{0, 1}));
  EXPECT_EQ(whole_result(wholes({7, -7}) / wholes({2, 2})), (Wholes{3, -3}));
}

TEST_F(Reference, LetsNotANumberThroughMinimumAndMaximum) {
  for (BinaryFunction function : {BinaryFunction::minimum, BinaryFunction::maximum})
    for (float result : float_result(binary(function, floats({nan, 1}, {2}), floats({1, nan}, {2})))) EXPECT_TRUE(std::isnan(result));
  EXPECT_TRUE(std::isnan(float_result(reduce(floats({1, nan, 2}, {3}), {Reduction::maximum, 0}))[0]));
  EXPECT_TRUE(std::isnan(float_result(unary(UnaryFunction::relu, floats({nan}, {1})))[0]));
}

TEST_F(Reference, RefusesWholeNumbersThatCannotBeDivided) {
  expect_refused("[binary] a whole number is divided by zero", wholes({1}) / wholes({0}));
  expect_refused("[binary] power takes floats", binary(BinaryFunction::power, wholes({2}), wholes({3})));
}

TEST_F(Reference, ChoosesAndCasts) {
  const Value condition = not_equal(wholes({0, 5, 0}), 0);
  EXPECT_EQ(float_result(where(condition, floats({1, 2, 3}, {3}), floats({-1}, {}))), (Floats{-1, 2, -1}));
  EXPECT_EQ(whole_result(cast(condition, DType::int64)), (Wholes{0, 1, 0}));
  EXPECT_EQ(whole_result(cast(floats({2.9F, -2.9F, nan, 1e30F, -1e30F}, {5}), DType::int64)),
            (Wholes{2, -2, 0, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}));
}

TEST_F(Reference, MovesElements) {
  const Value x = floats({0, 1, 2, 3, 4, 5}, {2, 3});
  EXPECT_EQ(float_result(transpose(x, {1, 0})), (Floats{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(float_result(slice(x, {.axis = 1, .start = 0, .stop = 3, .step = 2})), (Floats{0, 2, 3, 5}));
  EXPECT_EQ(float_result(concat(std::array{x, floats({8, 9}, {2, 1})}, {.axis = 1})), (Floats{0, 1, 2, 8, 3, 4, 5, 9}));
  EXPECT_EQ(float_result(gather(x, wholes({1, 0, 1}))), (Floats{3, 4, 5, 0, 1, 2, 3, 4, 5}));
}

TEST_F(Reference, NamesTheIndexThatIsOutsideItsTable) {
  const Value table = graph_.constant(Tensor::zeros(DType::float32, {5, 2}), "embeddings.word_embeddings.weight");
  expect_refused("[gather] index 5 at position 2 is outside the table of 5 rows ('embeddings.word_embeddings.weight')",
                 gather(table, wholes({0, 4, 5})));
  expect_refused("[gather] index -1 at position 0", gather(table, wholes({-1})));
}

TEST_F(Reference, Reduces) {
  const Value x = floats({1, 2, 3, 4, 5, 9}, {2, 3});
  EXPECT_EQ(float_result(reduce(x, {Reduction::sum, 0})), (Floats{5, 7, 12}));
  EXPECT_EQ(float_result(reduce(x, {Reduction::mean, 1})), (Floats{2, 6}));
  EXPECT_EQ(float_result(reduce(x, {Reduction::minimum, 0})), (Floats{1, 2, 3}));
  EXPECT_EQ(shape_text(result(reduce(x, {Reduction::maximum, 1})).shape()), "[2, 1]");
  expect_refused("[reduce] maximum of no elements", reduce(floats({}, {0, 3}), {Reduction::maximum, 0}));
}

TEST_F(Reference, ComputesSoftmax) {
  const Value x = floats({std::log(1.0F), std::log(2.0F), std::log(5.0F), 1000, 1000, -infinity}, {2, 3});
  expect_near(softmax(x), {0.125F, 0.25F, 0.625F, 0.5F, 0.5F, 0});
  expect_near(softmax(floats({0, std::log(3.0F)}, {2}), {.logarithm = true}), {std::log(0.25F), std::log(0.75F)});
}

TEST_F(Reference, MultipliesMatrices) {
  const Value a = floats({1, 2, 3, 4}, {2, 2});
  const Value b = floats({5, 6, 7, 8}, {2, 2});
  EXPECT_EQ(float_result(matmul(a, b)), (Floats{19, 22, 43, 50}));
  EXPECT_EQ(float_result(matmul(a, b, {.transpose_a = true})), (Floats{26, 30, 38, 44}));
  EXPECT_EQ(float_result(matmul(a, b, {.transpose_b = true})), (Floats{17, 23, 39, 53}));
  EXPECT_EQ(float_result(linear(a, b, floats({100, 200}, {2}))), (Floats{117, 223, 139, 253}));
}

TEST_F(Reference, AppliesTheTailsOfLinearInOrder) {
  const Value residual = floats({10}, {1, 1});
  const Value y = graph_.add(Op::linear, {floats({1, 1}, {1, 2}).id(), floats({1, -4}, {1, 2}).id(), floats({1}, {1}).id(), residual.id()},
                             LinearOptions{.activation = UnaryFunction::relu});
  EXPECT_EQ(float_result(y), Floats{10});  // relu(1 - 4 + 1) + 10, not relu(1 - 4 + 1 + 10)
}

TEST_F(Reference, RoundsOperandsToBfloat16) {
  Floats weights;
  for (int output = 0; output < 32; ++output) weights.insert(weights.end(), {1, 1 + 0x1p-7F});
  graph_.output("y", linear(floats({1 + 0x1p-9F, 3}, {1, 2}), floats(weights, {32, 2})));
  const TensorMap outputs = run_on_reference(graph_, {}, Precision::bf16);
  EXPECT_EQ(outputs.at("y").values<float>()[0], 1 + 3 * (1 + 0x1p-7F));  // 1 + 2^-9 has no bfloat16, 1 + 2^-7 has
}

TEST_F(Reference, QuantisesRowsAndColumnsInInt8) {
  // x spans 255 steps of 1 from -1 to 254, and w is in steps of 1/127: 63.5 is a tie and goes to 64, 0.5/127 to 0.
  Floats weights;
  for (int output = 0; output < 32; ++output) weights.insert(weights.end(), {1, 0.25F, 0.5F / 127});
  graph_.output("y", linear(floats({254, 63.5F, -1}, {1, 3}), floats(weights, {32, 3})));
  const TensorMap outputs = run_on_reference(graph_, {}, Precision::int8);
  for (float y : outputs.at("y").values<float>()) EXPECT_NEAR(y, (254 * 127 + 64 * 32 - 1 * 0) / 127.0, 1e-4);
}

TEST_F(Reference, LeavesNarrowLinearsInFloat32) {
  graph_.output("y", linear(floats({254, 63.5F, -1}, {1, 3}), floats({1, 0.25F, 0.5F}, {1, 3})));
  EXPECT_EQ(run_on_reference(graph_, {}, Precision::int8).at("y").values<float>()[0], 254 + 63.5F / 4 - 0.5F);
}

TEST_F(Reference, Normalises) {
  const Value x = floats({1, 2, 3, 4}, {1, 4});  // mean 2.5, variance 1.25, mean square 7.5
  const float deviation = std::sqrt(1.25F);
  expect_near(layer_norm(x, {}, {}, {}), {-1.5F / deviation, -0.5F / deviation, 0.5F / deviation, 1.5F / deviation});
  expect_near(layer_norm(x, floats({2, 2, 2, 2}, {4}), floats({1, 0, 0, 0}, {4}), {.epsilon = 1}),
              {1 - 3 / 1.5F, -1 / 1.5F, 1 / 1.5F, 3 / 1.5F});
  const float root = std::sqrt(7.5F);
  expect_near(rms_norm(x, {}, {}), {1 / root, 2 / root, 3 / root, 4 / root});
}

TEST_F(Reference, FusedNormsAreTheirParts) {
  const Value ones = floats({1, 1}, {2});
  const Value zeros = floats({0, 0}, {2});
  const Value normed =
      graph_.add(Op::add_norm, {floats({1, 2}, {1, 2}).id(), floats({3, 6}, {1, 2}).id(), ones.id(), zeros.id()}, NormOptions{});
  expect_near(normed, {-1, 1});
  expect_near({graph_, normed.id() + 1}, {4, 8});

  const Value words = floats({0, 0, 5, 1}, {2, 2});
  const Value places = floats({1, 3}, {1, 2});
  const Value embedded = graph_.add(
      Op::embedding_norm, {ones.id(), zeros.id(), words.id(), wholes({1, 0}).id(), places.id(), wholes({0, 0}).id()}, NormOptions{});
  expect_near(embedded, {1, -1, -1, 1});  // of 6, 4 and of 1, 3
}

TEST_F(Reference, Attends) {
  // One head of one number. Scores of the second sequence's query against its keys are 0 and log 3: weights 1/4 and 3/4.
  const Value query = floats({9, 1}, {2, 1, 1});
  const Value key = floats({7, 0, std::log(3.0F)}, {3, 1, 1});
  const Value value = floats({5, 100, 200}, {3, 1, 1});
  expect_near(attention(query, key, value, wholes({0, 1, 2}), wholes({0, 1, 3}), {}), {5, 175}, 1e-4F);
  expect_near(attention(query, key, value, wholes({0, 1, 2}), wholes({0, 1, 3}), {.scale = 0}), {5, 150}, 1e-4F);
}

TEST_F(Reference, GroupsHeads) {
  const Value query = floats({0, 0, 0, 0}, {1, 4, 1});
  const Value key = floats({0, 0}, {1, 2, 1});
  expect_near(attention(query, key, floats({3, 8}, {1, 2, 1}), wholes({0, 1}), wholes({0, 1}), {}), {3, 3, 8, 8});
}

TEST_F(Reference, CountsPlacesFromTheEnds) {
  // Values 1, 2, 4, 8 under equal scores: each mean tells which keys were seen.
  const Value key = floats({0, 0, 0, 0}, {4, 1, 1});
  const Value value = floats({1, 2, 4, 8}, {4, 1, 1});
  const Value query = floats({0, 0}, {2, 1, 1});
  const auto with = [&](AttentionOptions options) { return attention(query, key, value, wholes({0, 2}), wholes({0, 4}), options); };
  expect_near(with({.causal = true}), {7.0F / 3, 15.0F / 4});                   // keys 0 to 2, then 0 to 3
  expect_near(with({.window_left = 1}), {(2 + 4 + 8) / 3.0F, (4 + 8) / 2.0F});  // from key 1, then from 2
  expect_near(with({.window_right = 0}), {7.0F / 3, 15.0F / 4});
  expect_near(with({.causal = true, .window_left = 0}), {4, 8});
}

TEST_F(Reference, CapsScoresAndSlopesThemByDistance) {
  const Value one = floats({1}, {1, 1, 1});
  const Value keys = floats({0, 4}, {2, 1, 1});
  const Value values = floats({0, 1}, {2, 1, 1});
  const auto weight = [](double difference) { return static_cast<float>(1 / (1 + std::exp(-difference))); };
  const auto with = [&](AttentionOptions options, const PositionBias& bias) {
    return attention(one, keys, values, wholes({0, 1}), wholes({0, 2}), options, bias);
  };
  // Scores 0 and 4, of keys one place back and in the query's own.
  expect_near(with({}, {}), {weight(4)});
  expect_near(with({.scale = 0.5F, .softcap = 3}, {}), {weight(3 * std::tanh(2.0 / 3))});
  expect_near(with({}, {.slopes = floats({-3}, {1})}), {weight(4 - 3)});
  expect_near(with({.softcap = 2}, {.slopes = floats({0.25F}, {1})}), {weight(2 * std::tanh(2.0) + 0.25)});
}

TEST_F(Reference, GivesZerosToQueriesThatSeeNoKey) {
  const Value two = floats({1, 1}, {2, 1, 1});
  const Value one = floats({6}, {1, 1, 1});
  expect_near(attention(two, one, one, wholes({0, 2}), wholes({0, 1}), {.causal = true}), {0, 6});
  expect_near(attention(one, floats({}, {0, 1, 1}), floats({}, {0, 1, 1}), wholes({0, 1}), wholes({0, 0}), {}), {0});
}

TEST_F(Reference, SumsAndPoolsWithinSequences) {
  EXPECT_EQ(whole_result(sequence_cumsum(wholes({1, 2, 3, 4}), wholes({0, 3, 4}))), (Wholes{1, 3, 6, 4}));
  const Value x = floats({1, 5, 3, 4}, {4});
  const Value sequences = wholes({0, 3, 3, 4});
  EXPECT_EQ(float_result(sequence_pool(x, sequences, {Pooling::mean})), (Floats{3, 0, 4}));
  EXPECT_EQ(float_result(sequence_pool(x, sequences, {Pooling::sum})), (Floats{9, 0, 4}));
  EXPECT_EQ(float_result(sequence_pool(x, wholes({0, 3, 4}), {Pooling::maximum})), (Floats{5, 4}));
  EXPECT_EQ(float_result(sequence_pool(x, wholes({0, 3, 4}), {Pooling::first})), (Floats{1, 4}));
  EXPECT_EQ(float_result(sequence_pool(x, wholes({0, 3, 4}), {Pooling::last})), (Floats{3, 4}));
  for (Pooling pooling : {Pooling::maximum, Pooling::first, Pooling::last})
    expect_refused("[sequence_pool] sequence 1 is empty", sequence_pool(x, sequences, {pooling}));
}

TEST_F(Reference, RefusesSequencesThatDoNotFit) {
  const Value x = floats({1, 5, 3, 4}, {4});
  expect_refused("sequences do not begin at 0", sequence_pool(x, wholes({1, 4}), {}));
  expect_refused("sequences descend from 3 to 2 at position 2", sequence_pool(x, wholes({0, 3, 2, 4}), {}));
  expect_refused("sequences end at 5, expected the number of tokens, 4", sequence_pool(x, wholes({0, 5}), {}));
  const Value heads = floats({1, 5}, {2, 1, 1});
  expect_refused("[attention] 1 sequences of queries and 2 of keys", attention(heads, heads, heads, wholes({0, 2}), wholes({0, 1, 2}), {}));
}

}  // namespace
}  // namespace accelerate
