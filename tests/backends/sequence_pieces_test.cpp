// Taking a batch apart by its sequences: which graphs allow it, and that the parts are the whole.
#include "backends/sequence_pieces.h"

#include <gtest/gtest.h>

#include "ops/case_builder.h"

namespace accelerate {
namespace {

struct Inputs {
  Value x;          ///< [tokens, 8]
  Value y;          ///< [tokens, 8]
  Value sequences;  ///< [sequences + 1]
  Value table;      ///< [8, 8]
};

struct GraphCase {
  const char* name;
  Value (*build)(const Inputs& in);
  bool separable;
};

Value attend(const Inputs& in, Value key_sequences) {
  return attention(split_heads(in.x, 2), split_heads(in.y, 2), split_heads(in.y, 2), in.sequences, key_sequences, {.scale = 1});
}

Value half(Value x) { return slice(x, {.axis = 1, .start = 0, .stop = 4}); }

const GraphCase graph_cases[] = {
    {"linear", [](const Inputs& in) { return linear(in.x, in.table); }, true},
    {"rows_added", [](const Inputs& in) { return in.x + in.y; }, true},
    {"row_of_constants_added", [](const Inputs& in) { return in.x + in.x.graph().number(2); }, true},
    {"attention", [](const Inputs& in) { return merge_heads(attend(in, in.sequences)); }, true},
    {"pool", [](const Inputs& in) { return sequence_pool(in.x, in.sequences, {}); }, true},
    {"normalised_pool",
     [](const Inputs& in) {
       const Value pooled = sequence_pool(in.x, in.sequences, {});
       return pooled / reduce(pooled * pooled, {.function = Reduction::sum, .axis = -1});
     },
     true},
    {"pools_side_by_side",
     [](const Inputs& in) {
       const Value parts[] = {sequence_pool(in.x, in.sequences, {}), sequence_pool(in.y, in.sequences, {.function = Pooling::maximum})};
       return concat(parts, {.axis = -1});
     },
     true},
    {"rows_one_after_another",
     [](const Inputs& in) {
       const Value parts[] = {in.x, in.y};
       return concat(parts, {.axis = 0});
     },
     false},
    {"turned_heads", [](const Inputs& in) { return merge_heads(rope(split_heads(in.x, 1), half(in.y), half(in.y), {})); }, true},
    {"sum_over_tokens", [](const Inputs& in) { return reduce(in.x, {.function = Reduction::sum, .axis = 0}); }, false},
    {"added_sum_over_tokens", [](const Inputs& in) { return in.x + reduce(in.x, {.function = Reduction::sum, .axis = 0}); }, false},
    {"first_tokens", [](const Inputs& in) { return slice(in.x, {.axis = 0, .start = 0, .stop = 1}); }, false},
    {"tokens_by_tokens", [](const Inputs& in) { return matmul(in.x, in.y, {.transpose_b = true}); }, false},
    {"turned", [](const Inputs& in) { return transpose(in.x, {1, 0}); }, false},
    {"gathered_rows",
     [](const Inputs& in) { return gather(in.x, cast(reduce(in.y, {.function = Reduction::sum, .axis = -1}), DType::int64)); }, false},
    {"computed_sequences", [](const Inputs& in) { return merge_heads(attend(in, in.sequences + std::int64_t{0})); }, false},
};

TEST(Pieces, OnlyGraphsThatKeepSequencesApartAreCut) {
  for (const GraphCase& test : graph_cases) {
    CaseBuilder b(3);
    const Dim tokens = b.size("tokens", 6);
    const Inputs inputs{.x = b.floats("x", {tokens, 8}),
                        .y = b.floats("y", {tokens, 8}),
                        .sequences = b.sequences("sequences", {4, 2}),
                        .table = b.weight("table", {8, 8})};
    b.graph().output("result", test.build(inputs));
    EXPECT_EQ(is_separable(b.graph()), test.separable) << test.name;
  }
}

TEST(Pieces, HalvesAreEvenInTokens) {
  struct Case {
    std::vector<std::int64_t> begins;
    std::int64_t first_sequences;
  };
  for (const auto& [begins, first] :
       {Case{{0, 4, 8, 12, 16}, 2}, Case{{0, 1, 3, 6, 15}, 3}, Case{{0, 9, 10, 11}, 1}, Case{{0, 0, 0, 5}, 1}, Case{{0, 5, 5}, 1}}) {
    const auto whole = whole_batch(begins, begins.back());
    ASSERT_TRUE(whole);
    const auto halves = halves_of(*whole, begins);
    ASSERT_TRUE(halves);
    EXPECT_EQ(halves->first.sequences, first);
    EXPECT_EQ(halves->first.first_token, 0);
    EXPECT_EQ(halves->second.first_sequence, first);
    EXPECT_EQ(halves->first.sequences + halves->second.sequences, whole->sequences);
    EXPECT_EQ(halves->second.first_token, begins[static_cast<std::size_t>(first)]);
    EXPECT_EQ(halves->first.tokens + halves->second.tokens, whole->tokens);
  }
}

TEST(Pieces, OneSequenceHasNoHalves) {
  const std::vector<std::int64_t> begins{0, 5};
  EXPECT_FALSE(halves_of(*whole_batch(begins, 5), begins));
}

TEST(Pieces, SequencesThatDoNotCoverTheTokensAreNoBatch) {
  for (const std::vector<std::int64_t>& begins :
       {std::vector<std::int64_t>{}, {0, 200, 400}, {0, 200, 100, 300}, {10, 150, 300}, {0, 150, 290}})
    EXPECT_FALSE(whole_batch(begins, 300));
}

}  // namespace
}  // namespace accelerate
