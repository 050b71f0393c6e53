#include "cli/bench_generation.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>

#include "cli/interrupt.h"
#include "cli/measure.h"
#include "cli/output.h"
#include "generation/next_token.h"
#include "ipfs_accelerate/error.h"
#include "runtime/generation_session.h"
#include "runtime/memory_bandwidth.h"
#include "tasks/answers_json.h"

namespace accelerate::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;
using Tokens = std::vector<std::int64_t>;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Seconds of one round: the prompts at once, then token by token.
struct Round {
  double prefill = 0;
  double decode = 0;
};

/// What of a prompt goes to the model: all of it, or, where there is an encoder, a start for the decoder beside it.
struct Begun {
  Tokens tokens;
  std::shared_ptr<const SourceText> source = nullptr;
};

Begun begun_by(const Tokens& prompt, const GenerationSession& session) {
  if (!session.reads_source()) return {.tokens = prompt};
  const std::int64_t start = session.folder().config.integer_or("decoder_start_token_id", 0, {.minimum = 0});
  const auto count = static_cast<std::int64_t>(prompt.size());
  return {.tokens = {start}, .source = session.source({{"input_ids", Tensor::from<std::int64_t>(prompt, {count})}})};
}

Round run_round(GenerationSession& session, const std::vector<Tokens>& prompts, std::int64_t generate) {
  std::vector<SequenceId> sequences;
  std::vector<Begun> next;
  for (const Tokens& prompt : prompts) {
    sequences.push_back(session.state().create());
    next.push_back(begun_by(prompt, session));
  }
  const auto step = [&] {
    throw_if_interrupted();
    std::vector<StepInput> inputs;
    for (std::size_t i = 0; i < next.size(); ++i)
      inputs.push_back({.sequence = sequences[i], .tokens = next[i].tokens, .source = next[i].source});
    const Tensor logits = session.step(inputs).logits;
    const auto vocabulary = static_cast<std::size_t>(session.vocabulary());
    for (std::size_t i = 0; i < next.size(); ++i)
      next[i] = {.tokens = {most_probable(logits.values<float>().subspan(i * vocabulary, vocabulary))}};
  };
  Round round;
  auto start = Clock::now();
  step();
  round.prefill = seconds_since(start);
  start = Clock::now();
  for (std::int64_t i = 1; i < generate; ++i) step();
  round.decode = seconds_since(start);
  for (const SequenceId sequence : sequences) session.state().remove(sequence);
  return round;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

void bench_generation(const GenerationBenchOptions& options) {
  if (options.prompt < 1 || options.generate < 2)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("--prompt {} and --generate {}, expected at least 1 and 2 tokens", options.prompt, options.generate));
  GenerationSession session(open_model_folder(options.model), {.session = session_options(options.compute)});
  std::mt19937_64 random(options.seed);
  std::vector<Tokens> prompts(static_cast<std::size_t>(options.batch), Tokens(static_cast<std::size_t>(options.prompt)));
  for (Tokens& prompt : prompts)
    for (std::int64_t& token : prompt) token = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(session.vocabulary()));

  run_round(session, prompts, 2);
  std::vector<double> prefill;
  std::vector<double> decode;
  std::vector<double> bandwidths;
  std::int64_t peak = 0;
  for (std::int64_t i = 0; i < options.rounds; ++i) {
    const Round round = run_round(session, prompts, options.generate);
    prefill.push_back(round.prefill);
    decode.push_back(round.decode);
    if (i == 0) peak = peak_resident_bytes();                        // before the bandwidth is measured, which takes memory of its own
    bandwidths.push_back(memory_read_bandwidth(session.threads()));  // each time: a machine that is shared has faster and slower moments
  }
  const double read = static_cast<double>(options.batch * options.prompt) / median(prefill);
  const double written = static_cast<double>(options.batch * (options.generate - 1)) / median(decode);

  const double weights = static_cast<double>(session.report().weight_bytes) * static_cast<double>(options.generate - 1);
  const double bandwidth = median(bandwidths);
  const double share = weights / median(decode) / bandwidth;

  Output out;
  if (options.json) {
    Json report{{"model", session.folder().name()}};
    add_placement(report, session.placement(), session.folder());
    report.update({{"isa", session.placement().isa()},
                   {"threads", session.placement().threads},
                   {"batch", options.batch},
                   {"prompt", options.prompt},
                   {"generate", options.generate},
                   {"rounds", options.rounds},
                   {"prefill_ms", median(prefill) * 1000},
                   {"prefill_tokens_per_second", read},
                   {"decode_tokens_per_second", written},
                   {"load_ms", session.load_milliseconds()},
                   {"peak_rss_bytes", peak},
                   {"memory_bandwidth", bandwidth}});
    if (weights > 0) report.update({{"weight_bytes", session.report().weight_bytes}, {"decode_bandwidth_share", share}});
    if (!session.notes().empty()) report["notes"] = session.notes();
    out.line(report.dump());
  } else {
    out.line(fmt::format("{}: {}", session.folder().name(), text_of(session.placement(), session.folder().random_weights)));
    out.line(fmt::format("  prompts    {} × {} tokens in {:.1f} ms, {:.0f} tokens/s", options.batch, options.prompt, median(prefill) * 1000,
                         read));
    out.line(fmt::format("  generated  {} × {} tokens, {:.1f} tokens/s", options.batch, options.generate, written));
    out.line(fmt::format("  load       {:.0f} ms", session.load_milliseconds()));
    out.line(fmt::format("  memory     {} at most", bytes_text(static_cast<double>(peak))));
    out.line(fmt::format("  bandwidth  {}/s read from memory{}", bytes_text(bandwidth),
                         weights > 0 ? fmt::format("; weights at {:.0f} % of that while generating", 100 * share) : ""));
    write_notes(out, session.notes());
  }
  out.finish();
}

}  // namespace accelerate::cli
