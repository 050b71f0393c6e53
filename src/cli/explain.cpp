// `devices --explain MODEL`: how a model would run here, and why so.
#include "cli/explain.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "runtime/session_choice.h"
#include "tasks/embed.h"
#include "tasks/task.h"

namespace accelerate::cli {
namespace {

using Json = nlohmann::ordered_json;

/// A candidate with its figures and what they mean for the choice.
struct Row {
  const Measurement& measurement;
  const RejectedCandidate* rejected;  ///< nothing for the chosen one
};

/// The chosen one, then the others in their order.
std::vector<Row> rows_of(const Explanation& explanation) {
  const std::vector<Measurement>& measurements = explanation.kept.calibration.measurements;
  std::vector<Row> rows{{measurements[explanation.decision.chosen], nullptr}};
  for (const RejectedCandidate& rejected : explanation.decision.alternatives)
    for (const Measurement& measurement : measurements)
      if (measurement.candidate == rejected.candidate) rows.push_back({measurement, &rejected});
  return rows;
}

Json json_of(const Row& row) {
  const Measurement& measurement = row.measurement;
  Json json{{"backend", measurement.candidate.backend},
            {"device", measurement.candidate.device},
            {"precision", name_of(measurement.candidate.precision)},
            {"threads", measurement.candidate.threads},
            {"chosen", row.rejected == nullptr}};
  if (measurement.failure.empty())
    json.update({{"load_ms", measurement.load_milliseconds},
                 {"latency_ms", measurement.latency},
                 {"tokens_per_second", measurement.tokens_per_second},
                 {"memory_bytes", measurement.memory_bytes},
                 {"agreement", measurement.agreement}});
  if (row.rejected == nullptr) return json;
  if (row.rejected->slower) json["slower"] = *row.rejected->slower;
  if (row.rejected->larger) json["larger"] = *row.rejected->larger;
  if (!row.rejected->reason.empty()) json["reason"] = row.rejected->reason;
  return json;
}

Json json_of(const ModelFolder& folder, const Explanation& explanation) {
  const Calibration& calibration = explanation.kept.calibration;
  Json candidates = Json::array();
  for (const Row& row : rows_of(explanation)) candidates.push_back(json_of(row));
  Json excluded = Json::array();
  for (const Exclusion& row : explanation.candidates.excluded)
    excluded.push_back({{"backend", row.backend}, {"device", row.device.empty() ? Json() : Json(row.device)}, {"reason", row.reason}});
  Json report{{"model", folder.name()},
              {"measured", calibration.measured},
              {"latency_tokens", calibration.latency_tokens},
              {"throughput_tokens", calibration.throughput_tokens},
              {"others_use", calibration.others_use},
              {"prefer", name_of(explanation.candidates.wish.preference)},
              {"accuracy", explanation.candidates.wish.accuracy},
              {"candidates", std::move(candidates)},
              {"excluded", std::move(excluded)},
              {"file", explanation.kept.file.empty() ? Json() : Json(explanation.kept.file.string())}};
  if (!explanation.kept.note.empty()) report["note"] = explanation.kept.note;
  return report;
}

/// What became of a candidate: "chosen", "1.37 times as slow", or what is against it.
std::string verdict(const Row& row) {
  if (row.rejected == nullptr) return "chosen";
  if (!row.rejected->reason.empty()) return row.rejected->reason;
  std::string text = row.rejected->larger ? fmt::format("{:.2f} times the memory, ", *row.rejected->larger) : "";
  return text + fmt::format("{:.2f} times the time", row.rejected->slower.value_or(1));
}

std::string line_of(const Row& row) {
  const Measurement& measurement = row.measurement;
  const Candidate& candidate = measurement.candidate;
  const std::string way = fmt::format("{} {:<9} {:<13} {:<5} {:>3}", row.rejected == nullptr ? '*' : ' ', candidate.backend,
                                      candidate.device, name_of(candidate.precision), candidate.threads);
  if (!measurement.failure.empty()) return fmt::format("{} {:>52}  {}", way, "", verdict(row));
  return fmt::format("{} {:>8.2f} ms {:>10.0f} tok/s {:>10} {:>8.0f} ms {:>8.5f}  {}", way, measurement.latency,
                     measurement.tokens_per_second, bytes_text(static_cast<double>(measurement.memory_bytes)),
                     measurement.load_milliseconds, measurement.agreement, verdict(row));
}

void print(Output& out, const ModelFolder& folder, const Explanation& explanation) {
  const Calibration& calibration = explanation.kept.calibration;
  const Wish& wish = explanation.candidates.wish;
  out.line(fmt::format("{}: measured {} with a text of {} tokens and a batch of {}; the wish is {}{}", folder.name(), calibration.measured,
                       calibration.latency_tokens, calibration.throughput_tokens, name_of(wish.preference),
                       wish.any_precision  ? ""
                       : wish.accuracy < 1 ? fmt::format(", accuracy {} at least", wish.accuracy)
                                           : ", float32 only (--accuracy 0.99 would admit more)"));
  out.line(fmt::format("  {:<9} {:<13} {:<5} {:>3} {:>11} {:>16} {:>10} {:>11} {:>8}", "backend", "device", "prec.", "thr", "latency",
                       "throughput", "memory", "load", "agrees"));
  for (const Row& row : rows_of(explanation)) out.line(line_of(row));
  for (const Exclusion& row : explanation.candidates.excluded)
    out.line(fmt::format("  {:<9} {:<13} not measured: {}", row.backend, row.device, row.reason));
  if (!explanation.kept.file.empty()) out.line(fmt::format("kept in {}; --recalibrate measures anew", explanation.kept.file.string()));
  if (!explanation.kept.note.empty()) out.line(explanation.kept.note);
  if (const std::string doubt = doubt_about(calibration); !doubt.empty()) out.line(doubt);
}

}  // namespace

void explain(const ExplainOptions& options) {
  const ModelFolder folder = open_model_folder(options.model);
  SessionOptions session = session_options(options.compute);
  // What `run` would run: a model without a head makes embeddings.
  if (task_of(head_of(folder.config)) == Task::embed) session = embedding_session(folder, std::move(session));
  const Explanation explanation = explain_choice(folder, session, options.recalibrate);
  session.calibrating = {};  // wipes its line
  Output out;
  if (options.json)
    out.line(json_of(folder, explanation).dump(-1, ' ', false, Json::error_handler_t::replace));
  else
    print(out, folder, explanation);
  out.finish();
}

}  // namespace accelerate::cli
