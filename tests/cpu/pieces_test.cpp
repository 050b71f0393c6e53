// Cutting a batch for the workers of a pool: where the cuts fall.
#include "backends/cpu/pieces.h"

#include <gtest/gtest.h>

namespace accelerate::cpu {
namespace {

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
