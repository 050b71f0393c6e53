#include "cli/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <string>

namespace accelerate::cli {

double Latencies::quantile(double q) const {
  const double place = q * static_cast<double>(milliseconds.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, milliseconds.size() - 1);
  return std::lerp(milliseconds[below], milliseconds[above], place - static_cast<double>(below));
}

TensorMap inputs_of(const Workload& workload, const Session& session) {
  return inputs_of(workload, session.folder().config.integer("vocab_size"));
}

Latencies measure(const Session& session, const TensorMap& inputs, const MeasureOptions& options) {
  using Clock = std::chrono::steady_clock;
  Latencies latencies;
  for (std::int64_t i = 0; i < options.warmup; ++i) {
    if (options.poll) options.poll();
    add_notes(latencies.notes, session.run(inputs).notes);
  }
  const auto begin = Clock::now();
  const auto enough = [&] {
    return static_cast<std::int64_t>(latencies.milliseconds.size()) >= options.rounds &&
           std::chrono::duration<double>(Clock::now() - begin).count() >= options.seconds;
  };
  while (!enough()) {
    if (options.poll) options.poll();
    const auto start = Clock::now();
    const RunResult result = session.run(inputs);
    latencies.milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    add_notes(latencies.notes, result.notes);
  }
  std::ranges::sort(latencies.milliseconds);
  return latencies;
}

std::int64_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;
  return 0;
}

}  // namespace accelerate::cli
