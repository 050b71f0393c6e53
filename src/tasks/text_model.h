#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "processing/tokenizer.h"
#include "runtime/batches.h"
#include "runtime/session.h"

namespace accelerate {

/// How a batch of texts is read.
struct TextOptions {
  bool truncate = true;                                               ///< cut texts that are too long; otherwise they are an error
  TruncationStrategy truncation = TruncationStrategy::longest_first;  ///< which text of a pair is cut
};

/// What a batch gave for the inputs of one call, which may have been in it together with those of others.
struct BatchResult {
  std::span<const std::size_t> inputs;     ///< which of the call's inputs the batch holds
  Encodings encodings;                     ///< of those, in that order
  const TensorMap& outputs;                ///< of the whole batch
  std::span<const std::size_t> sequences;  ///< the place of each input among the batch's sequences
  std::span<const std::int64_t> begins;    ///< [sequences of the batch + 1]: where each one's tokens begin
  const std::vector<std::string>& notes;   ///< what a reader of these answers must know (Session::run)

  /// The rows of a float32 output [tokens, …] that belong to the batch's i-th input, one after the other.
  std::span<const float> token_rows(std::string_view output, std::size_t i) const;

  /// The row of a float32 output [sequences, …] that belongs to the batch's i-th input.
  std::span<const float> row(std::string_view output, std::size_t i) const;
};

/// A task's call once its texts are tokens. What it refers to, the task's own object, must outlive it.
struct TextCall {
  using Receive = std::function<void(const BatchResult& result)>;
  using AddInputs = std::function<void(const Encodings& batch, TensorMap& inputs)>;

  Encodings encodings;
  Receive receive;            ///< takes in the results of batches, until each input had one
  AddInputs add_inputs = {};  ///< adds to the tensors of a batch those that only the task knows, int64 with a row a token
};

/// The same with the answer, which may be taken once receive() has had all results.
template <typename Answer>
struct PreparedCall {
  TextCall call;
  std::function<Answer()> answer;
};

/// A session with the tokenizer of its folder: what every task on text stands on.
class TextModel {
 public:
  /// Throws as Tokenizer::load does. `most_tokens` lowers the limit that the model and its tokenizer set.
  explicit TextModel(std::shared_ptr<const Session> session, std::optional<std::int64_t> most_tokens = std::nullopt);

  /// The same with a session of its own. Throws as Session does too.
  TextModel(const ModelFolder& folder, const SessionOptions& options, std::optional<std::int64_t> most_tokens = std::nullopt)
      : TextModel(std::make_shared<const Session>(folder, options), most_tokens) {}

  const Session& session() const { return *session_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }

  /// Tokens that a text may have, special ones counted.
  std::int64_t most_tokens() const { return most_tokens_; }

  /// The tokens of the inputs, with offsets in bytes. Throws invalid_argument, with the number of the input, for a text that
  /// is too long and may not be cut.
  Encodings encode(std::span<const TextInput> inputs, const TextOptions& options = {}) const;

  /// Runs all inputs of the call, inputs of like length together in batches of a bounded number of tokens.
  void run(const TextCall& call, const Progress& progress = {}) const;

  /// The same, and the answer.
  template <typename Answer>
  Answer run(const PreparedCall<Answer>& prepared, const Progress& progress = {}) const {
    run(prepared.call, progress);
    return prepared.answer();
  }

 private:
  std::shared_ptr<const Session> session_;
  Tokenizer tokenizer_;
  std::int64_t most_tokens_;
  bool token_types_;  ///< whether the model is told a pair's first and second text apart
};

/// Appends the input `i` of `from`.
void append(Encodings& to, const Encodings& from, std::size_t i);

/// The inputs of `encodings` at `indices`, in that order.
Encodings select(const Encodings& encodings, std::span<const std::size_t> indices);

/// The texts as inputs without a pair; they must outlive the result.
std::vector<TextInput> inputs_of(std::span<const std::string> texts);

}  // namespace accelerate
