#include "runtime/memory_bandwidth.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "backends/cpu/memory.h"

namespace accelerate {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{1} << 30;
constexpr std::size_t piece_bytes = std::size_t{8} << 20;
constexpr int passes = 5;

/// The sum of the words, so that they have to be read. Lines some way ahead are asked for, as kernels do.
std::uint64_t sum_of_words(const std::byte* from, std::size_t bytes) {
  constexpr std::size_t ahead = 4096;
  std::uint64_t sums[8] = {};
  for (std::size_t line = 0; line < bytes; line += 64) {
    __builtin_prefetch(from + line + ahead, 0, 2);
    std::uint64_t words[8];
    std::memcpy(words, from + line, sizeof(words));
    for (std::size_t i = 0; i < 8; ++i) sums[i] += words[i];
  }
  std::uint64_t sum = 0;
  for (const std::uint64_t each : sums) sum += each;
  return sum;
}

}  // namespace

double memory_read_bandwidth(ThreadPool& threads) {
  using Clock = std::chrono::steady_clock;
  const ThreadPool::Place place(threads);
  const cpu::Buffer buffer(buffer_bytes);
  constexpr auto pieces = static_cast<std::int64_t>(buffer_bytes / piece_bytes);
  const auto piece = [&](std::int64_t index) { return buffer.data() + static_cast<std::size_t>(index) * piece_bytes; };
  threads.parallel_for(pieces, [&](std::int64_t index, int) { std::memset(piece(index), 1, piece_bytes); });
  std::atomic<std::uint64_t> sum = 0;
  double best = 0;
  for (int pass = 0; pass < passes; ++pass) {
    const auto start = Clock::now();
    threads.parallel_for(pieces, [&](std::int64_t index, int) { sum += sum_of_words(piece(index), piece_bytes); });
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::max(best, static_cast<double>(buffer_bytes) / seconds);
  }
  return sum == 0 ? 0 : best;
}

}  // namespace accelerate
