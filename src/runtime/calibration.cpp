#include "runtime/calibration.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <limits>
#include <optional>

#include "ipfs_accelerate/error.h"
#include "runtime/agreement.h"
#include "runtime/default_inputs.h"
#include "runtime/others_use.h"
#include "runtime/resident_memory.h"
#include "runtime/workload.h"

namespace accelerate {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t short_text = 32;
constexpr std::int64_t large_batch = 1024;
constexpr std::int64_t least_batch = 128;
constexpr double most_seconds_each = 0.5;
constexpr std::size_t enough_runs = 5;
constexpr double enough_milliseconds = 10;
constexpr std::size_t enough_turns = 9;
constexpr std::int64_t most_kept_bytes = std::int64_t{1} << 29;  // of candidates that wait for their turns
constexpr double hopeless = 3;                                   // times the best's time
constexpr double near = 1.5;                                     // times the best's time
constexpr double handing_out_matters = 20;  // milliseconds of a run, below which handing out work to threads is a part of it

double milliseconds_since(Clock::time_point start) { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); }

/// The inputs that the graph has.
TensorMap inputs_of(const Graph& graph, const Workload& workload, std::int64_t vocabulary) {
  TensorMap inputs = accelerate::inputs_of(workload, vocabulary);
  add_default_inputs(graph, inputs);
  std::erase_if(
      inputs, [&](const auto& input) { return std::ranges::find(graph.inputs(), input.first, &NamedValue::name) == graph.inputs().end(); });
  return inputs;
}

/// Lengths as those of real texts, that add up to `tokens` or a little more.
std::vector<std::int64_t> ragged_lengths(std::int64_t tokens, std::int64_t most_tokens) {
  constexpr std::array<std::int64_t, 8> usual{24, 96, 16, 128, 48, 8, 64, 32};
  std::vector<std::int64_t> lengths;
  for (std::int64_t sum = 0; sum < tokens; sum += lengths.back())
    lengths.push_back(std::min(usual[lengths.size() % usual.size()], most_tokens));
  return lengths;
}

/// Whether an error says that this way of running is closed, while another may be open.
bool closes_one_way(ErrorKind kind) {
  return kind == ErrorKind::unsupported || kind == ErrorKind::unavailable || kind == ErrorKind::out_of_memory ||
         kind == ErrorKind::device_lost;
}

/// What a run takes when nothing gets in its way: other processes only ever add to it, so a low quantile repeats itself best.
double undisturbed(std::vector<double> runs) {
  const auto tenth = runs.begin() + static_cast<std::ptrdiff_t>(runs.size() / 10);
  std::ranges::nth_element(runs, tenth);
  return *tenth;
}

double run_milliseconds(const Executable& executable, const TensorMap& inputs) {
  const auto start = Clock::now();
  executable.run(inputs);
  return milliseconds_since(start);
}

/// The milliseconds of a run, from some; from a single one where that takes far longer than the best. `best` becomes the least.
double typical_run(const Executable& executable, const TensorMap& inputs, double budget, double& best) {
  std::vector<double> runs;
  double spent = 0;
  do {
    runs.push_back(run_milliseconds(executable, inputs));
    spent += runs.back();
  } while (runs.back() <= hopeless * best && spent < budget && (runs.size() < enough_runs || spent < enough_milliseconds));
  const double result = undisturbed(std::move(runs));
  best = std::min(best, result);
  return result;
}

/// One calibration at work.
class Calibrator {
 public:
  Calibrator(const CalibrationModel& model, const Candidates& candidates, const CalibrationOptions& options)
      : model_(model), candidates_(candidates), options_(options) {
    const auto total = static_cast<double>(candidates.places.size() + (candidates.thread_counts.size() > 1 ? 1 : 0));
    budget_ =
        1000 * std::min(options.seconds / total, most_seconds_each) / 4;  // each of the two shapes is measured alone, and again in turns
    short_ = inputs_of(model.graph, {.lengths = {std::min(short_text, model.most_tokens)}}, model.vocabulary);
    result_.latency_tokens = std::min(short_text, model.most_tokens);
  }

  Calibration run() {
    const OthersUse others;
    find_float32();
    const int most_threads = candidates_.thread_counts.front();
    for (const Place& place : candidates_.places) add(place, most_threads);
    // Places in order, each followed by its smaller numbers of threads: the order in which equal candidates are preferred.
    for (const Place& place : candidates_.places)
      if (is_processor(place.device)) try_fewer_threads(place);
    if (std::ranges::all_of(result_.measurements, [](const Measurement& row) { return !row.failure.empty(); }))
      std::rethrow_exception(first_error_);
    take_turns();
    result_.others_use = others.share();
    result_.measured = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::now()));
    return std::move(result_);
  }

 private:
  /// A candidate near the best, kept to run in turns with the others.
  struct Contender {
    std::unique_ptr<Executable> executable;
    Candidate candidate;
    std::vector<double> latencies;    // milliseconds
    std::vector<double> batch_times;  // milliseconds
  };

  /// Where no candidate computes in float32, some backend must, so that there is something to compare with.
  void find_float32() {
    if (std::ranges::any_of(candidates_.places, [](const Place& place) { return place.precision == Precision::fp32; })) return;
    for (Place place : candidates_.places) {
      place.precision = Precision::fp32;
      if (float32_.empty()) measured(place, candidates_.thread_counts.front());
    }
    // What it took is no measure for the candidates.
    contenders_.clear();
    kept_bytes_ = 0;
    least_latency_ = least_batch_time_ = std::numeric_limits<double>::infinity();
  }

  void add(const Place& place, int threads) {
    if (options_.progress) options_.progress(candidate_of(place, threads), result_.measurements.size());
    result_.measurements.push_back(measured(place, threads));
  }

  static Candidate candidate_of(const Place& place, int threads) {
    return {.backend = std::string(place.backend->name()), .device = place.device.name, .precision = place.precision, .threads = threads};
  }

  Measurement measured(const Place& place, int threads) {
    Measurement row{.candidate = candidate_of(place, threads)};
    try {
      measure(place, row);
    } catch (const Error& error) {
      if (!closes_one_way(error.kind())) throw;
      if (!first_error_) first_error_ = std::current_exception();
      row.failure = error.what();
    }
    return row;
  }

  void measure(const Place& place, Measurement& row) {
    release_freed_memory();
    const std::int64_t bytes_before = private_bytes();
    const auto start = Clock::now();
    const CompileOptions compiling{.precision = place.precision,
                                   .device = place.device.name,
                                   .threads = std::make_shared<ThreadPool>(row.candidate.threads),
                                   .disabled_passes = options_.disabled_passes,
                                   .cache = options_.cache,
                                   .release = options_.release};
    std::unique_ptr<Executable> executable =
        model_.compile ? model_.compile(place.backend, compiling) : place.backend->compile(model_.graph, compiling);
    row.load_milliseconds = milliseconds_since(start);
    executable->run(short_);  // what is made at the first run is no part of the others
    row.latency = typical_run(*executable, short_, budget_, least_latency_);
    if (batch_.empty()) choose_batch(row.latency);
    const TensorMap outputs = executable->run(batch_);
    const double milliseconds = typical_run(*executable, batch_, budget_, least_batch_time_);
    row.tokens_per_second = static_cast<double>(result_.throughput_tokens) / milliseconds * 1000;
    row.memory_bytes = std::max<std::int64_t>(private_bytes() - bytes_before, 0);
    if (place.precision == Precision::fp32 && float32_.empty()) float32_ = outputs;
    row.agreement = float32_.empty() ? 0 : agreement(outputs, float32_);
    keep_for_turns(std::move(executable), row);
  }

  void keep_for_turns(std::unique_ptr<Executable> executable, const Measurement& row) {
    if (!is_near_best(row) || kept_bytes_ + row.memory_bytes > most_kept_bytes) return;
    kept_bytes_ += row.memory_bytes;
    contenders_.push_back({.executable = std::move(executable), .candidate = row.candidate, .latencies = {}, .batch_times = {}});
  }

  /// Runs those that were near the best once more, one after the other, again and again: a machine that slows down or is busy
  /// for a while slows all of them.
  void take_turns() {
    std::erase_if(contenders_, [&](const Contender& contender) { return !is_near_best(row_of(contender)); });
    if (contenders_.size() < 2) return;
    const auto begin = Clock::now();
    const double budget = 2 * budget_ * static_cast<double>(contenders_.size());
    for (std::size_t turn = 0; turn < enough_turns && (turn == 0 || milliseconds_since(begin) < budget); ++turn)
      for (Contender& contender : contenders_) take_turn(contender);
    for (Contender& contender : contenders_) {
      if (!row_of(contender).failure.empty()) continue;
      row_of(contender).latency = undisturbed(std::move(contender.latencies));
      row_of(contender).tokens_per_second =
          static_cast<double>(result_.throughput_tokens) / undisturbed(std::move(contender.batch_times)) * 1000;
    }
  }

  void take_turn(Contender& contender) {
    if (!row_of(contender).failure.empty()) return;
    try {
      contender.executable->run(short_);  // the one before it has taken the caches
      const auto start = Clock::now();
      do contender.latencies.push_back(run_milliseconds(*contender.executable, short_));
      while (milliseconds_since(start) < enough_milliseconds);
      contender.batch_times.push_back(run_milliseconds(*contender.executable, batch_));
    } catch (const Error& error) {
      if (!closes_one_way(error.kind())) throw;
      row_of(contender).failure = error.what();
    }
  }

  Measurement& row_of(const Contender& contender) {
    return *std::ranges::find(result_.measurements, contender.candidate, &Measurement::candidate);
  }

  /// The same batch for all: as large as the first candidate can run a few times.
  void choose_batch(double latency) {
    std::int64_t tokens = large_batch;
    while (tokens > least_batch && latency / static_cast<double>(result_.latency_tokens) * static_cast<double>(tokens) > 2 * budget_)
      tokens /= 2;
    const Workload batch{.lengths = ragged_lengths(tokens, model_.most_tokens), .seed = 1};
    for (std::int64_t length : batch.lengths) result_.throughput_tokens += length;
    batch_ = inputs_of(model_.graph, batch, model_.vocabulary);
  }

  /// Whether a measurement is near the best in latency or throughput.
  bool is_near_best(const Measurement& row) const {
    const double batch_time = static_cast<double>(result_.throughput_tokens) / std::max(row.tokens_per_second, 1e-9) * 1000;
    return row.failure.empty() && (row.latency <= near * least_latency_ || batch_time <= near * least_batch_time_);
  }

  /// Halves the threads for as long as that keeps the place near the best. Fewer than there are cores help only where handing
  /// out work takes a part of the time.
  void try_fewer_threads(const Place& place) {
    const std::vector<int>& counts = candidates_.thread_counts;
    for (std::size_t i = 1; i < counts.size(); ++i) {
      const auto last = std::ranges::find(result_.measurements, candidate_of(place, counts[i - 1]), &Measurement::candidate);
      if (!is_near_best(*last) || (counts[i] < candidates_.whole_cores && last->latency > handing_out_matters)) return;
      const std::ptrdiff_t next = last - result_.measurements.begin() + 1;
      add(place, counts[i]);
      std::rotate(result_.measurements.begin() + next, result_.measurements.end() - 1, result_.measurements.end());
    }
  }

  const CalibrationModel& model_;
  const Candidates& candidates_;
  const CalibrationOptions& options_;
  double budget_;  // milliseconds of a candidate's runs of one shape
  TensorMap short_;
  TensorMap batch_;
  TensorMap float32_;  // the outputs of the first float32 candidate for the batch
  double least_latency_ = std::numeric_limits<double>::infinity();
  double least_batch_time_ = std::numeric_limits<double>::infinity();
  std::vector<Contender> contenders_;
  std::int64_t kept_bytes_ = 0;
  std::exception_ptr first_error_;
  Calibration result_;
};

}  // namespace

std::string doubt_about(const Calibration& calibration) {
  constexpr double busy = 0.2;
  if (calibration.others_use < busy) return {};
  return fmt::format(
      "other processes used {:.0f} % of the machine while this was measured; devices --explain MODEL --recalibrate measures again",
      calibration.others_use * 100);
}

std::string unknown_input(const Graph& graph) {
  TensorMap known = accelerate::inputs_of({.lengths = {1}}, 1);
  add_default_inputs(graph, known);
  for (const NamedValue& input : graph.inputs())
    if (!known.contains(input.name)) return input.name;
  return {};
}

Calibration calibrate(const CalibrationModel& model, const Candidates& candidates, const CalibrationOptions& options) {
  return Calibrator(model, candidates, options).run();
}

}  // namespace accelerate
