#include "tasks/model_info.h"

#include "tasks/inspect_model.h"

namespace accelerate {
namespace {

std::vector<Alternative> alternatives_of(const Choice& choice) {
  std::vector<Alternative> rows;
  for (const RejectedCandidate& row : choice.alternatives)
    rows.push_back({.backend = row.candidate.backend,
                    .device = row.candidate.device,
                    .precision = std::string(name_of(row.candidate.precision)),
                    .threads = row.candidate.threads,
                    .slower = row.slower,
                    .reason = row.reason});
  return rows;
}

/// Of a Session or a GenerationSession.
template <typename AnySession>
ModelInfo info_of(const AnySession& session) {
  const ModelSummary summary = summarize(session.folder(), session.checkpoint(), session.report().graph);
  const Placement& placement = session.placement();
  return {.name = summary.name,
          .model_type = summary.model_type,
          .head = std::string(name_of(summary.head)),
          .parameters = summary.parameters,
          .hidden_size = summary.hidden_size,
          .most_tokens = summary.most_tokens,
          .random_weights = summary.random_weights,
          .backend = placement.backend,
          .device = placement.device.name,
          .implementation = placement.implementation,
          .precision = std::string(name_of(placement.precision)),
          .threads = placement.threads,
          .notes = session.report().notes,
          .choice = std::string(name_of(placement.choice.why)),
          .alternatives = alternatives_of(placement.choice)};
}

}  // namespace

SessionOptions session_options(const LoadOptions& options) {
  return {.backend = options.backend,
          .precision = options.precision,
          .threads = options.threads,
          .prefer = options.prefer,
          .accuracy = options.accuracy,
          .fallback = options.fallback};
}

ModelInfo model_info(const Session& session) { return info_of(session); }

ModelInfo model_info(const GenerationSession& session) { return info_of(session); }

}  // namespace accelerate
