#include "cli/bench_worker.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/interrupt.h"
#include "cli/measure.h"
#include "cli/output.h"
#include "formats/config.h"
#include "ipfs_accelerate/error.h"
#include "tasks/answers_json.h"

namespace accelerate::cli {
namespace {

using Json = nlohmann::ordered_json;

Json answer(const Session& session, const std::string& line) {
  const Config request = Config::parse(line, "request");
  const Workload workload{.lengths = request.integers("lengths"),
                          .seed = static_cast<std::uint64_t>(request.integer_or("seed", 0, {.minimum = 0}))};
  const Latencies latencies = measure(session, inputs_of(workload, session),
                                      {.rounds = request.integer_or("rounds", 10),
                                       .warmup = request.integer_or("warmup", 0, {.minimum = 0}),
                                       .poll = throw_if_interrupted});
  Json measured{{"lengths", workload.lengths}, {"milliseconds", latencies.milliseconds}, {"peak_rss_bytes", peak_resident_bytes()}};
  if (!latencies.notes.empty()) measured["notes"] = latencies.notes;
  return measured;
}

Json answer_or_error(const Session& session, const std::string& line) {
  try {
    return answer(session, line);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) throw;
    return {{"error", {{"kind", name_of(error.kind())}, {"message", error.what()}}}};
  }
}

}  // namespace

void serve_measurements(const Session& session) {
  Output out;
  const Placement& placement = session.placement();
  Json description{{"model", session.folder().name()}};
  add_placement(description, session);
  description.update({{"isa", placement.isa()},
                      {"threads", placement.threads},
                      {"random_weights", session.folder().random_weights},
                      {"load_ms", session.load_milliseconds()}});
  out.line(description.dump());
  out.finish();
  for (std::string line; std::getline(std::cin, line);) {
    out.line(answer_or_error(session, line).dump(-1, ' ', false, Json::error_handler_t::replace));
    out.finish();
  }
}

}  // namespace accelerate::cli
