#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "base/on_first_use.h"
#include "endpoints/endpoint_tasks.h"
#include "endpoints/generation_queue.h"
#include "endpoints/text_batcher.h"
#include "ipfs_accelerate/endpoints.h"
#include "processing/chat_template.h"
#include "tasks/answer.h"
#include "tasks/classify.h"
#include "tasks/embed.h"
#include "tasks/fill_mask.h"
#include "tasks/rerank.h"
#include "tasks/tag.h"
#include "tasks/zero_shot.h"

namespace accelerate {

/// A call on texts, ready for its batcher, and its answer once that is done.
struct PreparedTask {
  TextCall call;
  std::function<TaskAnswer()> answer;
};

/// A model in memory, as several endpoints may share it: its parts, each with the queue in front of it.
class LoadedModel {
 public:
  /// Loads nothing yet. `state_bytes` is what remembered texts may take.
  LoadedModel(ModelFolder folder, const LoadOptions& options, const QueueOptions& queue, std::int64_t state_bytes);

  /// Ends what waits as cancelled.
  ~LoadedModel();
  LoadedModel(const LoadedModel&) = delete;
  LoadedModel& operator=(const LoadedModel&) = delete;

  /// Loads and compiles the part. One thread at a time. Throws as Embedder, Session and TextGenerator do.
  void load(ModelPart part);

  /// Whether the part is loaded; then other threads may use it.
  bool has(ModelPart part) const { return has_[static_cast<std::size_t>(part)]; }

  /// The bounds of batches and of texts that go on, from now on.
  void set_limits(const QueueOptions& queue);

  const ModelFolder& folder() const { return folder_; }

  /// What the model is, and what runs its part.
  ModelInfo info(ModelPart part) const;

  /// The session of the embedding part or the head.
  const Session& session(ModelPart part) const;
  TextBatcher& batcher(ModelPart part) { return *batchers_[static_cast<std::size_t>(part)]; }

  /// The texts of a request of another task than generate, as tokens. Throws what the task refuses.
  PreparedTask prepare(const TaskRequest& request, ModelPart part);

  TextGenerator& generator() { return *generator_; }
  GenerationQueue& generation_queue() { return *generation_queue_; }

  /// The prompt's token ids. Throws as render() and Tokenizer::encode do.
  std::vector<std::int64_t> prompt_of(const GenerateRequest& request);

  /// The folder's tokenizer, whatever is loaded.
  const Tokenizer& tokenizer();

  /// The text that the folder's chat template makes. Throws unsupported where it has none.
  std::string render(const ChatPrompt& prompt);

 private:
  const std::shared_ptr<const Session>& head() const { return head_; }
  PreparedTask prepare_task(const EmbedRequest& request);
  PreparedTask prepare_task(const FillMaskRequest& request);
  PreparedTask prepare_task(const ClassifyRequest& request);
  PreparedTask prepare_task(const ZeroShotRequest& request);
  PreparedTask prepare_task(const TagRequest& request);
  PreparedTask prepare_task(const AnswerRequest& request);
  PreparedTask prepare_task(const RankRequest& request);
  PreparedTask prepare_task(const GenerateRequest& request);
  PreparedTask prepare_task(const ForwardRequest& request);

  ModelFolder folder_;
  SessionOptions options_;
  std::mutex limits_mutex_;  ///< of the next
  QueueOptions queue_;
  std::int64_t state_bytes_;
  std::array<std::atomic<bool>, 3> has_{};

  std::optional<Embedder> embedder_;
  std::shared_ptr<const Session> head_;
  std::optional<TextGenerator> generator_;

  OnFirstUse<Classifier> classifier_;
  OnFirstUse<ZeroShotClassifier> zero_shot_;
  OnFirstUse<Reranker> reranker_;
  OnFirstUse<Tagger> tagger_;
  OnFirstUse<Answerer> answerer_;
  OnFirstUse<MaskFiller> mask_filler_;
  OnFirstUse<Tokenizer> tokenizer_;
  OnFirstUse<ChatTemplates> templates_;

  // Last, so that they stop before what they run is gone.
  std::array<std::unique_ptr<TextBatcher>, 2> batchers_;
  std::unique_ptr<GenerationQueue> generation_queue_;
};

}  // namespace accelerate
