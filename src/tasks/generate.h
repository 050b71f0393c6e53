#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "formats/generation_config.h"
#include "generation/constraint.h"
#include "generation/settings.h"
#include "processing/tokenizer.h"
#include "runtime/scheduler.h"

namespace accelerate {

/// What a request gave.
struct GenerationResult {
  std::int64_t prompt_tokens = 0;                                         ///< of the text that was continued or answered
  std::vector<GeneratedText> texts;                                       ///< num_return_sequences of them, the best first
  std::optional<std::chrono::steady_clock::time_point> first_token = {};  ///< when the first new token was there
  std::vector<std::string> notes = {};  ///< what a reader must know: faults that were got over, what runs elsewhere
};

/// A request to continue a text, or, of a model with an encoder, to answer one.
struct GenerationRequest {
  std::vector<std::int64_t> prompt;      ///< token ids
  TensorMap source = {};                 ///< what an encoder reads of the prompt beside its ids, where not as usual (runtime/source_text.h)
  std::vector<std::int64_t> begin = {};  ///< of the answer; empty: decoder_start_token_id
  GenerationOptions options = {};
  std::uint64_t number = 0;  ///< of the request: with its seed, it decides what is drawn
  ReceiveText receive = {};
  std::function<bool()> is_cancelled = {};  ///< asked before each step: whether the caller wants no more
  std::function<void()> done = {};          ///< called once on the scheduler's thread: the ticket's get() does not wait any more
};

/// A model folder that continues texts, for any number of callers at once.
class TextGenerator {
 public:
  /// Throws as GenerationSession, Tokenizer::load and read_generation_config do. A folder without a tokenizer takes and gives
  /// token ids alone.
  TextGenerator(const ModelFolder& folder, const GenerationSessionOptions& options, const SchedulerOptions& scheduling = {});
  ~TextGenerator();

  const GenerationSession& session() const { return session_; }

  /// The folder's tokenizer. Throws not_found where it has none.
  const Tokenizer& tokenizer() const;
  bool has_tokenizer() const { return tokenizer_.has_value(); }

  /// What the model's generation_config.json asks for in vain; mostly nothing.
  const std::vector<std::string>& notes() const { return defaults_.notes; }

  /// The prompt's tokens, with those that the tokenizer adds before a text.
  std::vector<std::int64_t> encode(std::string_view prompt) const;

  /// A request on its way.
  class Ticket {
   public:
    /// Waits for the result. Throws what went wrong.
    GenerationResult get();

    /// Waits that long at most; whether get() would not wait any longer.
    bool wait_for(std::chrono::milliseconds time) const;

    /// Ends the text where it stands: within one step.
    void cancel() { *cancelled_ = true; }

   private:
    friend class TextGenerator;
    std::vector<std::future<GenerationResult>> results_;  ///< one a text, or one of a beam search
    std::shared_ptr<std::atomic<bool>> cancelled_;
  };

  /// Begins a request. Throws as resolve() and Scheduler::submit do.
  Ticket submit(GenerationRequest request);

  SchedulerReport report() const { return scheduler_.report(); }

 private:
  class Sampled;
  class Searched;

  std::optional<Constraint> constraint_of(const GenerationSettings& settings);

  GenerationSession session_;
  std::optional<Tokenizer> tokenizer_;
  GenerationConfig defaults_;
  std::mutex mutex_;  ///< of the next
  std::optional<ConstraintVocabulary> constraints_;
  Scheduler scheduler_;
};

}  // namespace accelerate
