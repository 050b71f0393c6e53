#include "cli/bench_endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/interrupt.h"
#include "cli/measure.h"
#include "cli/output.h"
#include "ipfs_accelerate/endpoints.h"

namespace accelerate::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// A text of so many tokens, where the model's tokenizer has short English words as one token each and adds two.
std::string text_of_length(std::int64_t tokens, std::size_t number) {
  constexpr std::array<std::string_view, 12> words{"the", "boat", "on", "water", "is", "at", "home", "and", "we", "are", "not", "there"};
  std::string text;
  for (std::int64_t i = 2; i < tokens; ++i)
    text += std::string(text.empty() ? "" : " ") += words[(number * 7 + static_cast<std::size_t>(i) * 5) % words.size()];
  return text;
}

/// What many callers together were served.
struct Served {
  double seconds = 0;
  std::int64_t tokens = 0;
  std::int64_t texts = 0;
  Latencies latencies = {};
};

/// Callers that ask for the texts in turn until the time is over.
Served serve(const Endpoint& endpoint, const std::vector<std::string>& texts, std::int64_t callers, double seconds) {
  std::atomic<std::size_t> next = 0;
  std::atomic<std::int64_t> tokens = 0;
  std::vector<std::vector<double>> times(static_cast<std::size_t>(callers));
  const Clock::time_point start = Clock::now();
  std::vector<std::thread> threads;
  for (std::vector<double>& own : times)
    threads.emplace_back([&] {
      while (seconds_since(start) < seconds) {
        const Clock::time_point asked = Clock::now();
        const TaskResult result = endpoint.wait(EmbedRequest{.texts = {texts[next++ % texts.size()]}});
        own.push_back(seconds_since(asked) * 1000);
        tokens += result.report.prompt_tokens;
      }
    });
  for (std::thread& thread : threads) thread.join();
  Served served{.seconds = seconds_since(start), .tokens = tokens};
  for (const std::vector<double>& own : times)
    served.latencies.milliseconds.insert(served.latencies.milliseconds.end(), own.begin(), own.end());
  std::ranges::sort(served.latencies.milliseconds);
  served.texts = static_cast<std::int64_t>(served.latencies.milliseconds.size());
  return served;
}

/// The texts, as often as makes the library's batches full, given to the library at once until the time is over.
double library_tokens_per_second(const Model& model, const std::vector<std::string>& texts, double seconds) {
  std::vector<std::string> many;
  while (many.size() < 1024) many.insert(many.end(), texts.begin(), texts.end());
  std::int64_t tokens = 0;
  (void)model.embed(many);
  const Clock::time_point start = Clock::now();
  do {
    throw_if_interrupted();
    for (const std::int64_t own : model.embed(many).tokens) tokens += own;
  } while (seconds_since(start) < seconds);
  return static_cast<double>(tokens) / seconds_since(start);
}

}  // namespace

void bench_endpoint(const EndpointBenchOptions& options) {
  const SessionOptions session = session_options(options.compute);
  const LoadOptions load{.backend = session.backend,
                         .precision = session.precision,
                         .threads = session.threads,
                         .prefer = session.prefer,
                         .accuracy = session.accuracy,
                         .fallback = session.fallback};
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < options.lengths.size() * 16; ++i)
    texts.push_back(text_of_length(options.lengths[i % options.lengths.size()], i));

  double library = 0;
  {
    const Model model = Model::load(options.model, load);
    library = library_tokens_per_second(model, texts, options.seconds);
  }
  Endpoints endpoints;
  const Endpoint endpoint = endpoints.add("bench", {.folder = options.model, .load = load, .task = "embed"});
  endpoint.init();
  serve(endpoint, texts, options.callers, options.seconds / 4);
  const EndpointStatistics before = endpoint.status().statistics;
  const Served served = serve(endpoint, texts, options.callers, options.seconds);
  const EndpointStatus status = endpoint.status();
  const double tokens_per_second = static_cast<double>(served.tokens) / served.seconds;
  const auto batches = static_cast<double>(status.statistics.batches - before.batches);

  Output out;
  if (options.json) {
    out.line(
        Json{{"model", status.model->name},
             {"backend", status.model->backend},
             {"implementation", status.model->implementation},
             {"precision", status.model->precision},
             {"threads", status.model->threads},
             {"callers", options.callers},
             {"lengths", options.lengths},
             {"tokens_per_second", tokens_per_second},
             {"texts_per_second", static_cast<double>(served.texts) / served.seconds},
             {"library_tokens_per_second", library},
             {"latency_ms",
              {{"median", served.latencies.median()}, {"p90", served.latencies.quantile(0.9)}, {"p99", served.latencies.quantile(0.99)}}},
             {"texts_per_batch", static_cast<double>(served.texts) / batches},
             {"peak_rss_bytes", peak_resident_bytes()}}
            .dump());
  } else {
    out.line(fmt::format("{}: {} on {} with {} threads, {} callers", status.model->name, status.model->precision,
                         status.model->implementation, status.model->threads, options.callers));
    out.line(fmt::format("  endpoint   {:.0f} tokens/s, {:.1f} texts/s in batches of {:.1f} texts", tokens_per_second,
                         static_cast<double>(served.texts) / served.seconds, static_cast<double>(served.texts) / batches));
    out.line(fmt::format("  latency    {:.2f} ms median, {:.2f} ms p90, {:.2f} ms p99", served.latencies.median(),
                         served.latencies.quantile(0.9), served.latencies.quantile(0.99)));
    out.line(fmt::format("  library    {:.0f} tokens/s with all texts at once: the endpoint reaches {:.1f} %", library,
                         100 * tokens_per_second / library));
  }
  out.finish();
}

}  // namespace accelerate::cli
