// A sequence's result must not depend on what else is in the batch.
#include <gtest/gtest.h>

#include <array>
#include <numeric>

#include "backends/backend.h"
#include "ops/case_builder.h"
#include "ops/cases.h"
#include "ops/compare.h"
#include "ops/execution.h"

namespace accelerate {
namespace {

constexpr std::int64_t hidden = 48;
constexpr std::int64_t vocabulary = 50;

/// One encoder layer over `ids` [tokens] and `sequences` [sequences + 1], with its last hidden states and their means.
Graph encoder() {
  CaseBuilder builder(1);
  Graph& graph = builder.graph();
  const Value ids = graph.input("ids", DType::int64, {Dim::named("tokens")});
  const Value sequences = graph.input("sequences", DType::int64, {Dim::named("sequences") + 1});
  const auto norm = [&](Value x, std::string_view scale, std::string_view bias) {
    return layer_norm(x, builder.weight(scale, {hidden}), builder.weight(bias, {hidden}), {.epsilon = 1e-12F});
  };
  const auto project = [&](Value x, const std::string& name, std::int64_t outputs) {
    const std::int64_t inputs = x.dim(-1).value();
    return linear(x, builder.weight(name, {outputs, inputs}, DType::float32, {.spread = 0.2}), builder.weight(name + "_bias", {outputs}));
  };
  const Value x = norm(gather(builder.weight("table", {vocabulary, hidden}), ids), "s0", "b0");
  const Value attended = attention(split_heads(project(x, "q", hidden), 3), split_heads(project(x, "k", hidden), 3),
                                   split_heads(project(x, "v", hidden), 3), sequences, sequences, {.scale = 0.25F});
  const Value middle = norm(project(merge_heads(attended), "o", hidden) + x, "s1", "b1");
  const Value wide = unary(UnaryFunction::gelu_erf, project(middle, "up", 4 * hidden));
  const Value last = norm(project(wide, "down", hidden) + middle, "s2", "b2");
  graph.output("hidden", last);
  graph.output("mean", sequence_pool(last, sequences, {Pooling::mean}));
  return std::move(graph);
}

/// A call with sequences of these lengths, `first_token` being the place of their first token in one endless text.
TensorMap inputs_for(std::span<const std::int64_t> lengths, std::int64_t first_token) {
  std::vector<std::int64_t> bounds{0};
  for (std::int64_t length : lengths) bounds.push_back(bounds.back() + length);
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < bounds.back(); ++i) ids.push_back((first_token + i) * (first_token + i + 7) % vocabulary);
  return {{"ids", Tensor::from<std::int64_t>(ids, {bounds.back()})},
          {"sequences", Tensor::from<std::int64_t>(bounds, {static_cast<std::int64_t>(bounds.size())})}};
}

Tensor rows(const Tensor& tensor, std::int64_t first, std::int64_t count) {
  const auto values = tensor.values<float>().subspan(static_cast<std::size_t>(first * hidden), static_cast<std::size_t>(count * hidden));
  return Tensor::from<float>(values, {count, hidden});
}

using BackendAndPrecision = std::tuple<std::string, Precision>;

class Batching : public testing::TestWithParam<BackendAndPrecision> {
 protected:
  /// Expects the same from each sequence alone as from all together: the same bits where the backend promises them.
  static void expect_same_alone(std::span<const std::int64_t> lengths) {
    const auto& [backend, precision] = GetParam();
    const double tolerance = batching_tolerance(backend, precision);
    const auto executable = backend_named(backend)->compile(encoder(), options_for(precision));
    const TensorMap together = executable->run(inputs_for(lengths, 0));
    std::int64_t first = 0;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      const TensorMap alone = executable->run(inputs_for(lengths.subspan(i, 1), first));
      EXPECT_EQ(difference_between(rows(together.at("hidden"), first, lengths[i]), alone.at("hidden"), tolerance), "") << "sequence " << i;
      EXPECT_EQ(difference_between(rows(together.at("mean"), static_cast<std::int64_t>(i), 1), alone.at("mean"), tolerance), "")
          << "sequence " << i;
      first += lengths[i];
    }
  }
};

std::vector<std::string> all_usable_backends() {
  std::vector<std::string> names = usable_backends();
  names.emplace_back("reference");
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, Batching,
                         testing::Combine(testing::ValuesIn(all_usable_backends()),
                                          testing::Values(Precision::fp32, Precision::bf16, Precision::int8)),
                         [](const auto& test) { return std::get<0>(test.param) + "_" + std::string(name_of(std::get<1>(test.param))); });

TEST_P(Batching, EqualLengthsGiveWhatSinglesGive) { expect_same_alone(std::array<std::int64_t, 6>{16, 16, 16, 16, 16, 16}); }

TEST_P(Batching, RaggedLengthsGiveWhatSinglesGive) { expect_same_alone(std::array<std::int64_t, 7>{1, 5, 17, 70, 2, 1, 33}); }

// So many tokens that the cpu backend cuts the batch into pieces.
TEST_P(Batching, LargeBatchesGiveWhatSinglesGive) {
  expect_same_alone(std::array<std::int64_t, 12>{128, 60, 60, 7, 100, 128, 31, 90, 1, 77, 120, 66});
}

TEST_P(Batching, RunsAreRepeatable) {
  const auto& [backend, precision] = GetParam();
  const auto executable = backend_named(backend)->compile(encoder(), options_for(precision));
  const TensorMap inputs = inputs_for(std::array<std::int64_t, 3>{40, 1, 90}, 0);
  EXPECT_EQ(difference_between(executable->run(inputs), executable->run(inputs), 0), "");
}

TEST_P(Batching, AnEmptyBatchGivesEmptyOutputs) {
  const auto& [backend, precision] = GetParam();
  const TensorMap outputs = run_on(*backend_named(backend), encoder(), inputs_for({}, 0), precision);
  EXPECT_EQ(shape_text(outputs.at("hidden").shape()), "[0, 48]");
  EXPECT_EQ(shape_text(outputs.at("mean").shape()), "[0, 48]");
}

TEST_P(Batching, AllPassesChangeNothing) {
  const auto& [backend, precision] = GetParam();
  const TensorMap inputs = inputs_for(std::array<std::int64_t, 3>{20, 1, 9}, 0);
  std::vector<std::string> optional;
  for (const Pass& pass : all_passes())
    if (!pass.required) optional.emplace_back(pass.name);
  const TensorMap fused = backend_named(backend)->compile(encoder(), options_for(precision))->run(inputs);
  const TensorMap plain = backend_named(backend)->compile(encoder(), options_for(precision, optional))->run(inputs);
  EXPECT_EQ(difference_between(plain, fused, precision == Precision::fp32 ? 1e-6 : 5e-3), "");
}

}  // namespace
}  // namespace accelerate
