// `bench`: how fast a model embeds on this machine.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/bench_endpoint.h"
#include "cli/bench_generation.h"
#include "cli/bench_worker.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/measure.h"
#include "cli/options.h"
#include "cli/output.h"
#include "ipfs_accelerate/error.h"
#include "tasks/answers_json.h"
#include "tasks/embed.h"

namespace accelerate::cli {
namespace {

using Json = nlohmann::ordered_json;

struct BenchOptions {
  std::string model;
  std::int64_t batch = 1;
  std::int64_t tokens = 128;
  std::vector<std::int64_t> lengths;
  std::int64_t rounds = 10;
  std::int64_t warmup = 3;
  double min_time = 1;
  std::uint64_t seed = 0;
  std::int64_t prompt = 0;
  std::int64_t generate = 0;
  std::int64_t callers = 0;
  bool worker = false;
  bool json = false;
  ComputeOptions compute;
};

Workload workload_of(const BenchOptions& options) {
  if (!options.lengths.empty()) return {.lengths = options.lengths, .seed = options.seed};
  return {.lengths = std::vector<std::int64_t>(static_cast<std::size_t>(options.batch), options.tokens), .seed = options.seed};
}

/// Every figure of a measurement, under the names of `bench --json`.
Json report_of(const Session& session, const Workload& workload, const Latencies& latencies) {
  const Placement& placement = session.placement();
  const std::int64_t tokens = std::accumulate(workload.lengths.begin(), workload.lengths.end(), std::int64_t{0});
  const double seconds = latencies.median() / 1000;
  const auto sequences = static_cast<double>(workload.lengths.size());
  Json report{{"model", session.folder().name()}};
  add_placement(report, session);
  report.update({{"isa", placement.isa()},
                 {"threads", placement.threads},
                 {"batch", workload.lengths.size()},
                 {"tokens", *std::ranges::max_element(workload.lengths)},
                 {"lengths", workload.lengths},
                 {"rounds", latencies.milliseconds.size()},
                 {"latency_ms", {{"median", latencies.median()}, {"p10", latencies.quantile(0.1)}, {"p90", latencies.quantile(0.9)}}},
                 {"tokens_per_second", static_cast<double>(tokens) / seconds},
                 {"sequences_per_second", sequences / seconds},
                 {"load_ms", session.load_milliseconds()},
                 {"peak_rss_bytes", peak_resident_bytes()}});
  if (!latencies.notes.empty()) report["notes"] = latencies.notes;
  return report;
}

void print_table(Output& out, const Session& session, const Json& report) {
  const Json& latency = report["latency_ms"];
  out.line(fmt::format("{}: {}", report["model"].get<std::string>(), text_of(session.placement(), session.folder().random_weights)));
  out.line(fmt::format("  batch      {} × {} tokens{}", report["batch"].get<int>(), report["tokens"].get<int>(),
                       report["lengths"].front() == report["lengths"].back() ? "" : " at most"));
  out.line(fmt::format("  latency    {:.2f} ms median, {:.2f} to {:.2f} ms in the middle 80 % of {} rounds",
                       latency["median"].get<double>(), latency["p10"].get<double>(), latency["p90"].get<double>(),
                       report["rounds"].get<int>()));
  out.line(fmt::format("  throughput {:.0f} tokens/s, {:.1f} texts/s", report["tokens_per_second"].get<double>(),
                       report["sequences_per_second"].get<double>()));
  out.line(fmt::format("  load       {:.0f} ms", report["load_ms"].get<double>()));
  out.line(fmt::format("  memory     {} at most", bytes_text(report["peak_rss_bytes"].get<double>())));
  if (report.contains("notes")) write_notes(out, report["notes"].get<std::vector<std::string>>());
}

void bench(const BenchOptions& options) {
  if (options.prompt > 0 || options.generate > 0)
    return bench_generation({.model = options.model,
                             .batch = options.batch,
                             .prompt = options.prompt,
                             .generate = options.generate,
                             .rounds = std::min<std::int64_t>(options.rounds, 5),
                             .seed = options.seed,
                             .json = options.json,
                             .compute = options.compute});
  if (options.callers > 0)
    return bench_endpoint({.model = options.model,
                           .lengths = workload_of(options).lengths,
                           .callers = options.callers,
                           .seconds = options.min_time,
                           .json = options.json,
                           .compute = options.compute});
  const ModelFolder folder = open_model_folder(options.model);
  const Session session(folder, embedding_session(folder, session_options(options.compute)));
  if (options.worker) return serve_measurements(session);

  const Workload workload = workload_of(options);
  const Latencies latencies =
      measure(session, inputs_of(workload, session),
              {.rounds = options.rounds, .warmup = options.warmup, .seconds = options.min_time, .poll = throw_if_interrupted});
  const Json report = report_of(session, workload, latencies);
  Output out;
  if (options.json)
    out.line(report.dump());
  else
    print_table(out, session, report);
  out.finish();
}

}  // namespace

void add_bench_command(CLI::App& app) {
  CLI::App& command = *app.add_subcommand("bench", "Measures how fast a model embeds, or generates, here: ids in, without the tokenizer");
  const auto options = std::make_shared<BenchOptions>();
  const CLI::Validator positive = within(1, 1 << 20);
  const CLI::Validator not_negative = within(0, 1 << 20);
  add_model_argument(command, options->model);
  command.add_option("--batch", options->batch, "texts in a batch")->check(positive)->capture_default_str()->type_name("N");
  CLI::Option* tokens = command.add_option("--tokens", options->tokens, "tokens of each text");
  tokens->check(positive)->capture_default_str()->type_name("N");
  command.add_option("--lengths", options->lengths, "a batch of texts with so many tokens, instead of --batch and --tokens")
      ->delimiter(',')
      ->check(positive)
      ->excludes(tokens)
      ->type_name("A,B,");
  command.add_option("--prompt", options->prompt, "measure generation: tokens of each prompt")
      ->check(positive)
      ->excludes(tokens)
      ->type_name("N");
  command.add_option("--generate", options->generate, "measure generation: tokens after each prompt")
      ->check(positive)
      ->excludes(tokens)
      ->type_name("N");
  command
      .add_option("--callers", options->callers, "measure an endpoint: callers that each ask for one text at a time, tokenizer included")
      ->check(positive)
      ->type_name("N");
  command.add_option("--rounds", options->rounds, "measured rounds, at least")->check(positive)->capture_default_str()->type_name("N");
  command.add_option("--warmup", options->warmup, "rounds before the measured ones")
      ->check(not_negative)
      ->capture_default_str()
      ->type_name("N");
  command.add_option("--min-time", options->min_time, "seconds that the measured rounds take, at least")
      ->check(not_negative)
      ->capture_default_str()
      ->type_name("SECONDS");
  command.add_option("--seed", options->seed, "of the random token ids")->capture_default_str()->type_name("N");
  command.add_flag("--worker", options->worker, R"(measure what each line of standard input asks for: {"lengths":[8,16],"rounds":10})");
  add_json_option(command, options->json);
  add_compute_options(command, options->compute);
  add_examples(command,
               "  ipfs-accelerate bench models/minilm --batch 32 --tokens 128 --precision bf16\n"
               "  ipfs-accelerate bench models/minilm --lengths 8,24,96,128 --json\n"
               "  ipfs-accelerate bench models/minilm --lengths 8,24,96,128 --callers 64\n"
               "  ipfs-accelerate bench models/gpt2 --prompt 512 --generate 64 --precision bf16");
  command.callback([options] { bench(*options); });
}

}  // namespace accelerate::cli
