// What can be asked of an endpoint, and what it answers.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ipfs_accelerate/error.h"
#include "ipfs_accelerate/generation.h"
#include "ipfs_accelerate/model.h"
#include "ipfs_accelerate/tasks.h"

namespace accelerate {

/// Who is served first: nothing of a lower priority is computed while something of a higher one waits.
enum class Priority : std::uint8_t { high, normal, low };

/// The way to take back a request. Copies are the same one.
class Cancellation {
 public:
  Cancellation() : cancelled_(std::make_shared<std::atomic<bool>>(false)) {}

  /// Ends the requests that were given this: what waits is never computed, what is being computed ends within one batch or,
  /// for texts that go on, one step. Their error is `cancelled`.
  void cancel() const { *cancelled_ = true; }
  bool is_cancelled() const { return *cancelled_; }

 private:
  std::shared_ptr<std::atomic<bool>> cancelled_;
};

/// How one request is served.
struct CallOptions {
  std::string client = {};  ///< requests of one client share its turns; clients that wait take turns of equally many tokens
  Priority priority = Priority::normal;
  std::optional<std::chrono::steady_clock::time_point> deadline = {};  ///< after it nothing is computed any more: `timed_out`
  Cancellation cancellation = {};
};

/// Texts to embed. The answer keeps their order.
struct EmbedRequest {
  using Answer = EmbedResult;
  std::vector<std::string> texts;
  EmbedOptions options = {};
};

struct FillMaskRequest {
  using Answer = std::vector<FilledMasks>;
  std::vector<std::string> texts;
  FillMaskOptions options = {};
};

/// A text, or a pair that the model reads together.
struct OwnedInput {
  std::string text;
  std::optional<std::string> pair = {};
};

struct ClassifyRequest {
  using Answer = std::vector<Classification>;
  std::vector<OwnedInput> inputs;
  ClassifyOptions options = {};
};

struct ZeroShotRequest {
  using Answer = std::vector<Classification>;
  std::vector<std::string> texts;
  ZeroShotOptions options;
};

struct TagRequest {
  using Answer = std::vector<TaggedText>;
  std::vector<std::string> texts;
  TagOptions options = {};
};

struct AnswerRequest {
  using Answer = std::vector<accelerate::Answer>;
  std::vector<Question> questions;
};

struct RankRequest {
  using Answer = Ranking;
  std::string query;
  std::vector<std::string> documents;
  RankOptions options = {};
};

/// A text to go on with.
struct GenerateRequest {
  using Answer = struct GenerateAnswer;
  Prompt prompt;
  GenerationOptions options = {};
  std::uint64_t number = 0;  ///< with the seed it decides what is drawn
  ReceiveText receive = {};
};

struct GenerateAnswer {
  std::vector<GeneratedText> texts;  ///< num_return_sequences of them, the best first
  std::vector<std::string> notes = {};
};

/// Token ids for one pass of what the endpoint's first task runs, named and padded as in Model::forward(), padding behind the
/// tokens: `input_ids` [batch, tokens] and, where wanted, `attention_mask` and `token_type_ids`. Not of endpoints that generate.
struct ForwardRequest {
  using Answer = ForwardResult;
  TensorMap inputs;
};

using TaskRequest = std::variant<EmbedRequest, FillMaskRequest, ClassifyRequest, ZeroShotRequest, TagRequest, AnswerRequest, RankRequest,
                                 GenerateRequest, ForwardRequest>;

using TaskAnswer = std::variant<EmbedResult, std::vector<FilledMasks>, std::vector<Classification>, std::vector<TaggedText>,
                                std::vector<Answer>, Ranking, GenerateAnswer, ForwardResult>;

/// What a request took.
struct CallReport {
  std::int64_t prompt_tokens = 0;     ///< that the model read
  std::int64_t generated_tokens = 0;  ///< that it wrote
  std::size_t batches = 0;            ///< that the request's texts were in
  double tokenize_seconds = 0;
  double queue_seconds = 0;        ///< from its tokens until its first batch began
  double compute_seconds = 0;      ///< from there to its last answer
  double first_token_seconds = 0;  ///< of texts that go on: from the request to the first new token
  double total_seconds = 0;        ///< from the request to the answer
};

/// How a request ended: with an answer or with an error.
struct TaskResult {
  TaskAnswer answer = {};
  CallReport report = {};
  std::exception_ptr error = {};  ///< nothing where there is an answer

  /// The answer to a request of that type. Throws the error where there is one.
  template <typename Request>
  typename Request::Answer take() {
    if (error) std::rethrow_exception(error);
    return std::get<typename Request::Answer>(std::move(answer));
  }
};

/// Told once how a request ended, on the thread that computed it: what takes long goes elsewhere.
using ReceiveResult = std::function<void(TaskResult result)>;

}  // namespace accelerate
