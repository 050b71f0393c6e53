#include "ipfs_accelerate/model.h"

#include <mutex>
#include <optional>

#include "runtime/rectangle.h"
#include "tasks/embed.h"
#include "tasks/inspect_model.h"
#include "tasks/task.h"

namespace accelerate {

namespace {

SessionOptions session_options(const LoadOptions& options) {
  return {.backend = options.backend,
          .precision = options.precision,
          .threads = options.threads,
          .prefer = options.prefer,
          .accuracy = options.accuracy,
          .fallback = options.fallback};
}

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

}  // namespace

/// The model compiled for embedding, for its head, or both, each when it is first needed.
class Model::State {
 public:
  State(ModelFolder folder, const LoadOptions& options) : folder_(std::move(folder)), options_(session_options(options)) {
    const bool embeds = task_of(head_of(folder_.config)) == Task::embed;
    info_ = info_of(embeds ? embedder().model().session() : session());
  }

  const Embedder& embedder() {
    std::call_once(embedder_once_, [&] { embedder_.emplace(folder_, options_); });
    return *embedder_;
  }

  const Session& session() {
    std::call_once(session_once_, [&] { session_.emplace(folder_, options_); });
    return *session_;
  }

  const ModelInfo& info() const { return info_; }

 private:
  ModelInfo info_of(const Session& session) const {
    const ModelSummary summary = summarize(folder_, session.checkpoint(), session.report().graph);
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

  ModelFolder folder_;
  SessionOptions options_;
  ModelInfo info_;
  std::once_flag embedder_once_;
  std::once_flag session_once_;
  std::optional<Embedder> embedder_;
  std::optional<Session> session_;
};

Model Model::load(const std::filesystem::path& folder, const LoadOptions& options) {
  return Model(std::make_shared<State>(open_model_folder(folder), options));
}

EmbedResult Model::embed(std::span<const std::string> texts, const EmbedOptions& options) const {
  Embeddings embeddings = state_->embedder().embed(texts, {.truncate = options.truncate});
  EmbedResult result{.vectors = std::move(embeddings.values), .truncated = std::move(embeddings.truncated), .notes = {}};
  for (const std::vector<std::string>& notes : embeddings.notes) add_notes(result.notes, notes);
  return result;
}

ForwardResult Model::forward(const TensorMap& inputs) const {
  RunResult result = run_rectangle(state_->session(), inputs);
  return {.outputs = std::move(result.outputs), .notes = std::move(result.notes)};
}

const ModelInfo& Model::info() const { return state_->info(); }

}  // namespace accelerate
