// Which backends there are, and how inputs set named sizes.
#include <gtest/gtest.h>

#include <array>

#include "backends/backend.h"
#include "graph/ops.h"
#include "ops/execution.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

Tensor zeros(DType dtype, std::vector<std::int64_t> shape) { return Tensor::zeros(dtype, std::move(shape)); }

/// Inputs as text models have them.
Graph text_graph() {
  Graph graph;
  graph.input("ids", DType::int64, {Dim::named("tokens")});
  graph.input("states", DType::float32, {Dim::named("tokens"), 8});
  graph.input("sequences", DType::int64, {Dim::named("sequences") + 1});
  return graph;
}

TensorMap text_inputs() {
  return {{"ids", zeros(DType::int64, {5})}, {"states", zeros(DType::float32, {5, 8})}, {"sequences", zeros(DType::int64, {3})}};
}

TEST(Registry, EndsWithTheReference) {
  const auto backends = all_backends();
  EXPECT_EQ(backends.front()->name(), "cpu");
  EXPECT_EQ(backends.back()->name(), "reference");
  EXPECT_FALSE(backends.back()->devices().usable.empty());
}

TEST(Registry, ListsTheNamesForAnUnknownOne) {
  EXPECT_EQ(backend_named("reference")->name(), "reference");
  expect_error(ErrorKind::invalid_argument, "backend 'tpu' is not one of cpu, openvino, cuda, reference", [] { backend_named("tpu"); });
}

TEST(Registry, BackendsWithoutDevicesSayWhyAndRefuse) {
  for (const auto& backend : all_backends()) {
    if (!backend->devices().usable.empty()) continue;
    EXPECT_NE(backend->devices().reason, "") << backend->name();
    expect_error(ErrorKind::unavailable, backend->devices().reason, [&] { backend->compile(Graph(), options_for(Precision::fp32)); });
  }
}

TEST(BindInputs, SolvesNamedSizes) { EXPECT_EQ(bind_inputs(text_graph(), text_inputs()), (SizeMap{{"tokens", 5}, {"sequences", 2}})); }

TEST(BindInputs, RefusesWhatDoesNotFit) {
  struct Row {
    std::string_view input;
    Tensor tensor;
    std::string_view message;
  };
  for (const Row& row : {Row{"ids", zeros(DType::int32, {5}), "input 'ids' is int32, expected int64 [tokens]"},
                         Row{"ids", zeros(DType::int64, {1, 5}), "input 'ids' has shape [1, 5], expected [tokens]"},
                         Row{"states", zeros(DType::float32, {5, 9}), "input 'states' has shape [5, 9], expected [tokens, 8]"},
                         Row{"states", zeros(DType::float32, {4, 8}),
                             "input 'states' has shape [4, 8], expected [tokens, 8], where tokens is 5 by input 'ids'"},
                         Row{"sequences", zeros(DType::int64, {0}), "input 'sequences' has shape [0], expected [(sequences + 1)]"},
                         Row{"typo", zeros(DType::int64, {5}), "input 'typo' is not one of this graph's"}}) {
    TensorMap inputs = text_inputs();
    inputs[std::string(row.input)] = row.tensor;
    expect_error(ErrorKind::invalid_argument, row.message, [&] { bind_inputs(text_graph(), inputs); });
  }
  TensorMap inputs = text_inputs();
  inputs.erase("ids");
  expect_error(ErrorKind::invalid_argument, "input 'ids', int64 [tokens], is missing", [&] { bind_inputs(text_graph(), inputs); });
}

TEST(BindInputs, ChecksSizesThatFollowFromOthers) {
  Graph graph;
  graph.input("pairs", DType::float32, {Dim::named("tokens") * 2});
  graph.input("ids", DType::int64, {Dim::named("tokens")});
  TensorMap inputs{{"pairs", zeros(DType::float32, {6})}, {"ids", zeros(DType::int64, {3})}};
  EXPECT_EQ(bind_inputs(graph, inputs), (SizeMap{{"tokens", 3}}));
  inputs["pairs"] = zeros(DType::float32, {7});
  expect_error(ErrorKind::invalid_argument, "input 'pairs' has shape [7], expected [(tokens * 2)]", [&] { bind_inputs(graph, inputs); });
}

class BadInputs : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(All, BadInputs, testing::ValuesIn([] {
                           std::vector<std::string> names = usable_backends();
                           names.emplace_back("reference");
                           return names;
                         }()),
                         [](const auto& test) { return test.param; });

/// An embedding, attention and pooling of what the caller gives.
Graph small_model() {
  Graph graph;
  const Value ids = graph.input("ids", DType::int64, {Dim::named("tokens")});
  const Value sequences = graph.input("sequences", DType::int64, {Dim::named("sequences") + 1});
  const Value x = gather(graph.constant(Tensor::zeros(DType::float32, {10, 8}), "table"), ids);
  const Value heads = split_heads(x, 2);
  graph.output("y", sequence_pool(merge_heads(attention(heads, heads, heads, sequences, sequences, {})), sequences, {Pooling::first}));
  return graph;
}

TEST_P(BadInputs, AreRefusedByEveryBackend) {
  struct Row {
    std::vector<std::int64_t> ids;
    std::vector<std::int64_t> sequences;
    std::string_view message;
  };
  const auto executable = backend_named(GetParam())->compile(small_model(), options_for(Precision::fp32));
  const auto run = [&](const Row& row) {
    return executable->run({{"ids", Tensor::from<std::int64_t>(row.ids, {static_cast<std::int64_t>(row.ids.size())})},
                            {"sequences", Tensor::from<std::int64_t>(row.sequences, {static_cast<std::int64_t>(row.sequences.size())})}});
  };
  for (const Row& row : {Row{{1, 2, 10}, {0, 3}, "[gather] index 10 at position 2 is outside the table of 10 rows ('table')"},
                         Row{{1, -1, 3}, {0, 3}, "[gather] index -1 at position 1"}, Row{{1, 2, 3}, {0, 2}, "[attention] sequences"},
                         Row{{1, 2, 3}, {0, 4}, "[attention] sequences"}, Row{{1, 2, 3}, {1, 3}, "[attention] sequences"},
                         Row{{1, 2, 3}, {0, 3, 1, 3}, "[attention] sequences"}, Row{{1, 2, 3}, {0, -5, 3}, "[attention] sequences"},
                         Row{{1, 2, 3}, {0, std::int64_t{1} << 40, 3}, "[attention] sequences"},
                         Row{{1, 2, 3}, {0, 3, 3}, "[sequence_pool] sequence 1 is empty"}})
    expect_error(ErrorKind::invalid_argument, row.message, [&] { run(row); });
  EXPECT_EQ(shape_text(run({{1, 2, 3}, {0, 1, 3}, {}}).at("y").shape()), "[2, 8]");  // a refused call leaves no trace
}

TEST_P(BadInputs, MustHaveAsManySequencesOfKeysAsOfQueries) {
  Graph graph;
  const Value x = graph.input("x", DType::float32, {Dim::named("tokens"), 1, 8});
  const Value queries = graph.input("queries", DType::int64, {Dim::named("query_sequences") + 1});
  const Value keys = graph.input("keys", DType::int64, {Dim::named("key_sequences") + 1});
  graph.output("y", attention(x, x, x, queries, keys, {}));
  const auto executable = backend_named(GetParam())->compile(graph, options_for(Precision::fp32));
  const TensorMap inputs{{"x", zeros(DType::float32, {3, 1, 8})},
                         {"queries", Tensor::from<std::int64_t>(std::array<std::int64_t, 4>{0, 1, 2, 3}, {4})},
                         {"keys", Tensor::from<std::int64_t>(std::array<std::int64_t, 2>{0, 3}, {2})}};
  expect_error(ErrorKind::invalid_argument, "[attention] 3 sequences of queries and 1 of keys", [&] { executable->run(inputs); });
}

}  // namespace
}  // namespace accelerate
