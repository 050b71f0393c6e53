#include "runtime/default_inputs.h"

#include <gtest/gtest.h>

namespace accelerate {
namespace {

using Numbers = std::vector<std::int64_t>;

Tensor tensor(const Numbers& numbers) { return Tensor::from<std::int64_t>(numbers, {static_cast<std::int64_t>(numbers.size())}); }

Numbers numbers_of(const TensorMap& inputs, std::string_view name) {
  const auto found = inputs.find(name);
  if (found == inputs.end()) return {-1};
  const auto values = found->second.values<std::int64_t>();
  return {values.begin(), values.end()};
}

/// A graph that reads these inputs, one of which marks tokens.
Graph graph_with(MarkedTokens marked) {
  Graph graph;
  const auto tokens = Dim::named("tokens");
  const auto begins = Dim::named("sequences") + 1;
  graph.input("input_ids", DType::int64, {tokens});
  graph.input("sequences", DType::int64, {begins});
  graph.input("token_type_ids", DType::int64, {tokens});
  graph.input("global_attention_mask", DType::int64, {tokens}, marked);
  graph.input("global_tokens", DType::int64, {Dim::named("global_tokens")});
  graph.input("global_sequences", DType::int64, {begins});
  graph.input("seen_tokens", DType::int64, {Dim::named("seen_tokens")});
  graph.input("seen_sequences", DType::int64, {begins});
  return graph;
}

/// Texts "9 2 9 2", "9 9" and "2 9".
TensorMap batch() { return {{"input_ids", tensor({9, 2, 9, 2, 9, 9, 2, 9})}, {"sequences", tensor({0, 4, 6, 8})}}; }

TensorMap completed(MarkedTokens marked, TensorMap inputs) {
  add_default_inputs(graph_with(marked), inputs);
  return inputs;
}

TEST(DefaultInputs, NothingIsMarkedUnlessTheModelSaysSo) {
  const TensorMap inputs = completed({}, batch());
  EXPECT_EQ(numbers_of(inputs, "token_type_ids"), Numbers(8, 0));
  EXPECT_EQ(numbers_of(inputs, "global_attention_mask"), Numbers(8, 0));
  EXPECT_EQ(numbers_of(inputs, "global_tokens"), Numbers{});
  EXPECT_EQ(numbers_of(inputs, "global_sequences"), (Numbers{0, 0, 0, 0}));
  EXPECT_EQ(numbers_of(inputs, "seen_tokens"), Numbers{});
  EXPECT_EQ(numbers_of(inputs, "seen_sequences"), (Numbers{0, 0, 0, 0}));
}

TEST(DefaultInputs, MarksEachFirstToken) {
  const TensorMap inputs = completed({.which = MarkedTokens::Which::first}, batch());
  EXPECT_EQ(numbers_of(inputs, "token_type_ids"), Numbers(8, 0));
  EXPECT_EQ(numbers_of(inputs, "global_attention_mask"), (Numbers{1, 0, 0, 0, 1, 0, 1, 0}));
  EXPECT_EQ(numbers_of(inputs, "global_tokens"), (Numbers{0, 4, 6}));
  EXPECT_EQ(numbers_of(inputs, "global_sequences"), (Numbers{0, 1, 2, 3}));
  EXPECT_EQ(numbers_of(inputs, "seen_tokens"), (Numbers{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(DefaultInputs, MarksWhatStandsBeforeAToken) {
  const TensorMap inputs = completed({.which = MarkedTokens::Which::before, .id = 2}, batch());
  EXPECT_EQ(numbers_of(inputs, "global_attention_mask"), (Numbers{1, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(DefaultInputs, FollowTheMaskThatACallerGives) {
  TensorMap given = batch();
  given.emplace("global_attention_mask", tensor({0, 0, 1, 1, 0, 0, 0, 1}));
  const TensorMap inputs = completed({.which = MarkedTokens::Which::first}, given);
  EXPECT_EQ(numbers_of(inputs, "global_tokens"), (Numbers{2, 3, 7}));
  EXPECT_EQ(numbers_of(inputs, "global_sequences"), (Numbers{0, 2, 2, 3}));
  EXPECT_EQ(numbers_of(inputs, "seen_tokens"), (Numbers{0, 1, 2, 3, 6, 7}));
  EXPECT_EQ(numbers_of(inputs, "seen_sequences"), (Numbers{0, 4, 4, 6}));
}

}  // namespace
}  // namespace accelerate
