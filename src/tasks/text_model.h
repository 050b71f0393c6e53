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

/// What a batch of inputs gave.
struct BatchResult {
  std::span<const std::size_t> inputs;  ///< which of all inputs the batch holds
  Encodings encodings;                  ///< of those, in that order
  TensorMap outputs;
  std::vector<std::string> notes;  ///< what a reader of these answers must know (Session::run)

  /// The rows of a float32 output [tokens, …] that belong to the batch's i-th input, one after the other.
  std::span<const float> token_rows(std::string_view output, std::size_t i) const;

  /// The row of a float32 output [sequences, …] that belongs to the batch's i-th input.
  std::span<const float> row(std::string_view output, std::size_t i) const;
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

  using Receive = std::function<void(const BatchResult& result)>;

  /// Adds to the tensors of a batch those that only a task knows.
  using AddInputs = std::function<void(const Encodings& batch, TensorMap& inputs)>;

  /// Runs all inputs, inputs of like length together in batches of a bounded number of tokens, and hands each batch's
  /// result to `receive`.
  void run(const Encodings& encodings, const Receive& receive, const Progress& progress = {}, const AddInputs& add_inputs = {}) const;

 private:
  std::shared_ptr<const Session> session_;
  Tokenizer tokenizer_;
  std::int64_t most_tokens_;
  bool token_types_;  ///< whether the model is told a pair's first and second text apart
};

/// The inputs of `encodings` at `indices`, in that order.
Encodings select(const Encodings& encodings, std::span<const std::size_t> indices);

/// The texts as inputs without a pair; they must outlive the result.
std::vector<TextInput> inputs_of(std::span<const std::string> texts);

}  // namespace accelerate
