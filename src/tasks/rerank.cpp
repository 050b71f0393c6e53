#include "tasks/rerank.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "formats/sentence_transformers.h"
#include "formats/torch_activation.h"
#include "ipfs_accelerate/error.h"
#include "tasks/scores.h"

namespace accelerate {
namespace {

/// The activation that the folder's files name, where one does.
std::optional<std::optional<UnaryFunction>> named_activation(const ModelFolder& folder) {
  const std::filesystem::path own = folder.path / "config_sentence_transformers.json";
  std::error_code failure;
  if (std::filesystem::exists(own, failure))
    if (const Config config = Config::read(own); config.has("activation_fn")) return torch_activation(config, "activation_fn");
  if (folder.config.has("sentence_transformers"))
    if (const Config config = folder.config.object("sentence_transformers"); config.has("activation_fn"))
      return torch_activation(config, "activation_fn");
  constexpr const char* before_version_4 = "sbert_ce_default_activation_function";
  if (folder.config.has(before_version_4)) return torch_activation(folder.config, before_version_4);
  return std::nullopt;
}

}  // namespace

Reranker::Settings Reranker::settings_of(const ModelFolder& folder) {
  if (const std::size_t labels = folder.config.labels().size(); labels != 1)
    throw Error(ErrorKind::unsupported, fmt::format("rerank: the model has {} labels, expected one; see the task classify", labels));
  Settings settings;
  if (const auto activation = named_activation(folder)) settings.activation = *activation;
  if (const auto sentence = read_sentence_transformer(folder.path)) {
    settings.most_tokens = sentence->max_seq_length;
    if (sentence->default_prompt_name) settings.prompt = sentence->prompts.at(*sentence->default_prompt_name);
  }
  return settings;
}

Reranker::Reranker(std::shared_ptr<const Session> session) : Reranker(session, settings_of(session->folder())) {}

Reranker::Reranker(std::shared_ptr<const Session> session, Settings settings)
    : model_(std::move(session), settings.most_tokens), settings_(std::move(settings)) {}

/// The scores of all pairs of a query and a document, and what becomes of them.
struct Reranker::Work {
  std::vector<RankedDocument> scored;  ///< the document of each pair
  std::vector<std::size_t> owners;     ///< the input that each pair belongs to
  std::vector<Ranking> rankings;
  std::size_t top_k = 0;

  std::vector<Ranking> answer() {
    for (std::size_t pair = 0; pair < scored.size(); ++pair) rankings[owners[pair]].documents.push_back(scored[pair]);
    for (Ranking& ranking : rankings) {
      std::ranges::stable_sort(ranking.documents, std::greater{}, &RankedDocument::score);
      if (top_k != 0 && ranking.documents.size() > top_k) ranking.documents.resize(top_k);
    }
    return std::move(rankings);
  }
};

PreparedCall<std::vector<Ranking>> Reranker::prepare(std::span<const RankInput> inputs, const RankOptions& options) const {
  const auto work =
      std::make_shared<Work>(Work{.scored = {}, .owners = {}, .rankings = std::vector<Ranking>(inputs.size()), .top_k = options.top_k});
  std::vector<std::string> queries;
  for (const RankInput& input : inputs) queries.push_back(settings_.prompt + input.query);
  std::vector<TextInput> pairs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].documents.empty()) throw Error(ErrorKind::invalid_argument, fmt::format("input {}: the query has no documents", i));
    for (std::size_t document = 0; document < inputs[i].documents.size(); ++document) {
      pairs.push_back({.text = queries[i], .pair = inputs[i].documents[document]});
      work->scored.push_back({.index = document, .score = 0});
      work->owners.push_back(i);
    }
  }

  const auto read = [work, activation = settings_.activation](const BatchResult& batch) {
    for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
      const std::size_t pair = batch.inputs[i];
      const float logit = batch.row("logits", i).front();
      work->scored[pair].score = activation ? activated(*activation, logit) : logit;
      Ranking& ranking = work->rankings[work->owners[pair]];
      ranking.tokens += batch.encodings.begins[i + 1] - batch.encodings.begins[i];
      ranking.truncated |= batch.encodings.truncated[i] != 0;
      add_notes(ranking.notes, batch.notes);
    }
  };
  return {.call = {.encodings = model_.encode(pairs, {.truncate = options.truncate}), .receive = read},
          .answer = [work] { return work->answer(); }};
}

}  // namespace accelerate
