#include "backends/cpu/pieces.h"

#include <algorithm>

namespace accelerate::cpu {
namespace {

constexpr std::int64_t piece_tokens = 128;
/// A worker may have this much more to do than an even share.
constexpr double most_uneven = 1.15;

/// The largest share of one worker against an even one when each takes the next piece as it gets free.
double unevenness(std::span<const Piece> pieces, int workers) {
  std::vector<std::int64_t> loads(static_cast<std::size_t>(workers), 0);
  std::int64_t total = 0;
  for (const Piece& piece : pieces) {
    *std::ranges::min_element(loads) += piece.tokens;
    total += piece.tokens;
  }
  return static_cast<double>(std::ranges::max(loads)) * workers / static_cast<double>(std::max<std::int64_t>(total, 1));
}

}  // namespace

std::vector<Piece> cut_batch(std::span<const std::int64_t> begins, std::int64_t tokens, int workers) {
  const auto count = static_cast<std::int64_t>(begins.size()) - 1;
  const Piece whole{.first_sequence = 0, .sequences = count, .first_token = 0, .tokens = tokens};
  if (!whole_batch(begins, tokens)) return {whole};
  std::vector<Piece> pieces;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t first = begins[static_cast<std::size_t>(i)];
    const std::int64_t length = begins[static_cast<std::size_t>(i) + 1] - first;
    if (pieces.empty() || pieces.back().tokens + length > piece_tokens) pieces.push_back({i, 0, first, 0});
    ++pieces.back().sequences;
    pieces.back().tokens += length;
  }
  if (pieces.size() < 2 || unevenness(pieces, workers) > most_uneven) return {whole};
  return pieces;
}

}  // namespace accelerate::cpu
