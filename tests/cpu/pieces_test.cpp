// Cutting a batch by its sequences: which graphs allow it, and where the cuts fall.
#include "backends/cpu/pieces.h"

#include <gtest/gtest.h>

#include "ops/case_builder.h"

namespace accelerate::cpu {
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

std::vector<std::int64_t> begins_of(const std::vector<std::int64_t>& lengths) {
  std::vector<std::int64_t> begins{0};
  for (std::int64_t length : lengths) begins.push_back(begins.back() + length);
  return begins;
}

TEST(Pieces, CoverTheBatchOnce) {
  for (const std::vector<std::int64_t>& lengths : {std::vector<std::int64_t>{5},
                                                   std::vector<std::int64_t>(32, 128),
                                                   std::vector<std::int64_t>(100, 7),
                                                   {300, 300},
                                                   {0, 0, 200, 0, 200},
                                                   {1, 2, 3, 500, 4, 5}}) {
    const std::vector<std::int64_t> begins = begins_of(lengths);
    std::int64_t sequence = 0;
    std::int64_t token = 0;
    for (const Piece& piece : cut_batch(begins, begins.back(), 2)) {
      EXPECT_EQ(piece.first_sequence, sequence);
      EXPECT_EQ(piece.first_token, token);
      EXPECT_EQ(piece.tokens, begins[static_cast<std::size_t>(sequence + piece.sequences)] - token);
      sequence += piece.sequences;
      token += piece.tokens;
    }
    EXPECT_EQ(sequence, static_cast<std::int64_t>(lengths.size()));
    EXPECT_EQ(token, begins.back());
  }
}

std::size_t pieces_of(const std::vector<std::int64_t>& lengths, int workers) {
  const std::vector<std::int64_t> begins = begins_of(lengths);
  return cut_batch(begins, begins.back(), workers).size();
}

TEST(Pieces, SequencesThatDoNotCoverTheTokensAreNotCut) {
  for (const std::vector<std::int64_t>& begins :
       {std::vector<std::int64_t>{0, 200, 400}, {0, 200, 100, 300}, {10, 150, 300}, {0, 150, 290}, {-150, 0, 150, 300}})
    EXPECT_EQ(cut_batch(begins, 300, 2).size(), 1U);
}

TEST(Pieces, UnevenBatchesStayWhole) {
  EXPECT_EQ(pieces_of({500, 20}, 2), 1U);   // one worker would have all but 20 tokens
  EXPECT_EQ(pieces_of({128, 128}, 2), 2U);  // and here each has half
  EXPECT_EQ(pieces_of({128, 128}, 8), 1U);  // where six of eight would have none
  EXPECT_EQ(pieces_of({60, 60}, 2), 1U);    // both fit one piece
}

}  // namespace
}  // namespace accelerate::cpu
