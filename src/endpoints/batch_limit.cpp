#include "endpoints/batch_limit.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <new>

#include "ipfs_accelerate/devices.h"
#include "runtime/resident_memory.h"
#include "runtime/workload.h"

namespace accelerate {
namespace {

constexpr int runs_a_size = 3;

/// What a batch was measured to take; no speed where it did not fit.
struct Trial {
  double tokens_per_second = 0;
  double seconds = 0;
  std::string failure = {};
};

Trial run_once(const Session& session, const TensorMap& inputs, std::int64_t tokens) {
  const auto start = std::chrono::steady_clock::now();
  const RunResult result = session.run(inputs);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  // What ran in pieces did not fit.
  if (!result.notes.empty()) return {.failure = "memory"};
  return {.tokens_per_second = static_cast<double>(tokens) / seconds, .seconds = seconds};
}

Trial measure(const Session& session, std::int64_t texts, std::int64_t tokens_per_text, double most_seconds) {
  const Workload workload{.lengths = std::vector<std::int64_t>(static_cast<std::size_t>(texts), tokens_per_text), .seed = 1};
  try {
    const TensorMap inputs = inputs_of(workload, session.folder().config.integer("vocab_size"));
    Trial best;
    for (int run = 0; run < runs_a_size; ++run) {
      const Trial trial = run_once(session, inputs, texts * tokens_per_text);
      if (!trial.failure.empty() || trial.seconds > most_seconds) return trial;
      if (trial.tokens_per_second > best.tokens_per_second) best = trial;
    }
    return best;
  } catch (const std::bad_alloc&) {
    return {.failure = "memory"};
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::out_of_memory) return {.failure = "memory"};
    return {.failure = std::string("error: ") + error.what()};
  }
}

std::int64_t free_memory() { return describe_machine().memory_available_bytes.value_or(std::numeric_limits<std::int64_t>::max()); }

}  // namespace

BatchLimit measure_batch_limit(const Session& session, const BatchLimitOptions& options) {
  const std::int64_t usual = std::max<std::int64_t>(1, session.most_tokens() * 99 / 100);
  const std::int64_t tokens = options.tokens_per_text > 0 ? std::min(options.tokens_per_text, session.most_tokens()) : usual;
  BatchLimit limit{.texts = 0, .tokens_per_text = tokens, .tokens_per_second = 0, .stopped_by = "most"};
  std::int64_t growth = 0;
  for (std::int64_t texts = 1; texts <= options.most_texts; texts *= 2) {
    if (free_memory() < 2 * growth) {
      limit.stopped_by = "memory";
      break;
    }
    const std::int64_t before = private_bytes();
    const Trial trial = measure(session, texts, tokens, options.most_seconds);
    growth = std::max<std::int64_t>(0, private_bytes() - before);
    if (!trial.failure.empty()) {
      limit.stopped_by = trial.failure;
      break;
    }
    if (texts > 1 && trial.tokens_per_second < limit.tokens_per_second * options.least_gain) {
      limit.stopped_by = "speed";
      break;
    }
    limit.texts = texts;
    limit.tokens_per_second = trial.tokens_per_second;
    if (trial.seconds > options.most_seconds) {
      limit.stopped_by = "time";
      break;
    }
  }
  release_freed_memory();
  return limit;
}

}  // namespace accelerate
