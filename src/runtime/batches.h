#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace accelerate {

/// Called between batches with how many inputs are done and how many there are. What it throws ends the work.
using Progress = std::function<void(std::size_t done, std::size_t total)>;

/// Indices of the sequences, grouped in batches of at most `token_budget` tokens, sequences of like length together and the
/// longest first; a sequence that is longer than the budget is a batch of its own.
std::vector<std::vector<std::size_t>> batches_by_length(std::span<const std::int64_t> lengths, std::int64_t token_budget);

}  // namespace accelerate
