#include "ipfs_accelerate/model.h"

#include <memory>

#include "base/on_first_use.h"
#include "runtime/rectangle.h"
#include "tasks/answer.h"
#include "tasks/classify.h"
#include "tasks/embed.h"
#include "tasks/fill_mask.h"
#include "tasks/model_info.h"
#include "tasks/rerank.h"
#include "tasks/tag.h"
#include "tasks/task.h"
#include "tasks/zero_shot.h"

namespace accelerate {

/// The model compiled for embedding, for its head, or both, each when it is first needed.
class Model::State {
 public:
  State(ModelFolder folder, const LoadOptions& options) : folder_(std::move(folder)), options_(session_options(options)) {
    const bool embeds = accelerate::task_of(head_of(folder_.config)) == Task::embed;
    info_ = model_info(embeds ? embedder().model().session() : *session());
  }

  const Embedder& embedder() {
    return embedder_.get([&] { return Embedder(folder_, options_); });
  }

  const std::shared_ptr<const Session>& session() {
    return session_.get([&] { return std::make_shared<const Session>(folder_, options_); });
  }

  // A task of the model's head; the tasks share the session.
  const Classifier& classifier() { return task_of_head(classifier_, Task::classify); }
  const ZeroShotClassifier& zero_shot_classifier() { return task_of_head(zero_shot_, Task::zero_shot); }
  const Reranker& reranker() { return task_of_head(reranker_, Task::rerank); }
  const Tagger& tagger() { return task_of_head(tagger_, Task::tag); }
  const Answerer& answerer() { return task_of_head(answerer_, Task::answer); }
  const MaskFiller& mask_filler() { return task_of_head(mask_filler_, Task::fill_mask); }

  const ModelInfo& info() const { return info_; }

 private:
  template <typename T>
  const T& task_of_head(OnFirstUse<T>& task, Task name) {
    choose_task(name_of(name), folder_.config);  // throws where the head is another
    return task.get([&] { return T(session()); });
  }

  ModelFolder folder_;
  SessionOptions options_;
  ModelInfo info_;
  OnFirstUse<Embedder> embedder_;
  OnFirstUse<std::shared_ptr<const Session>> session_;
  OnFirstUse<Classifier> classifier_;
  OnFirstUse<ZeroShotClassifier> zero_shot_;
  OnFirstUse<Reranker> reranker_;
  OnFirstUse<Tagger> tagger_;
  OnFirstUse<Answerer> answerer_;
  OnFirstUse<MaskFiller> mask_filler_;
};

Model Model::load(const std::filesystem::path& folder, const LoadOptions& options) {
  return Model(std::make_shared<State>(open_model_folder(folder), options));
}

EmbedResult Model::embed(std::span<const std::string> texts, const EmbedOptions& options) const {
  return result_of(state_->embedder().embed(
      texts,
      {.truncate = options.truncate, .prompt_name = options.prompt_name, .prompt = options.prompt, .dimensions = options.dimensions}));
}

ForwardResult Model::forward(const TensorMap& inputs) const {
  RunResult result = run_rectangle(*state_->session(), inputs);
  return {.outputs = std::move(result.outputs), .notes = std::move(result.notes)};
}

std::vector<Classification> Model::classify(std::span<const TextInput> texts, const ClassifyOptions& options) const {
  return state_->classifier().classify(texts, options.top_k, {.truncate = options.truncate});
}

std::vector<Classification> Model::classify_zero_shot(std::span<const std::string> texts, const ZeroShotOptions& options) const {
  return state_->zero_shot_classifier().classify(texts, options);
}

Ranking Model::rank(const std::string& query, std::span<const std::string> documents, const RankOptions& options) const {
  const RankInput input{.query = query, .documents = {documents.begin(), documents.end()}};
  return state_->reranker().rank(std::span(&input, 1), options).front();
}

std::vector<TaggedText> Model::tag(std::span<const std::string> texts, const TagOptions& options) const {
  return state_->tagger().tag(texts, options);
}

std::vector<Answer> Model::answer(std::span<const Question> questions) const { return state_->answerer().answer(questions); }

std::vector<FilledMasks> Model::fill_mask(std::span<const std::string> texts, const FillMaskOptions& options) const {
  return state_->mask_filler().fill(texts, options.top_k, {.truncate = options.truncate});
}

const ModelInfo& Model::info() const { return state_->info(); }

}  // namespace accelerate
