#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/state.h"
#include "formats/checkpoint.h"
#include "runtime/session.h"
#include "runtime/source_text.h"

namespace accelerate {

struct GenerationSessionOptions {
  SessionOptions session = {};
  std::int64_t state_bytes = 0;  ///< that remembered tokens may take; 0: a quarter of the memory that is free
};

/// A text's next tokens.
struct StepInput {
  SequenceId sequence;                                 ///< of the session's state
  std::span<const std::int64_t> tokens;                ///< at least one, or none beside a source
  bool wants_logits = true;                            ///< of what follows the last of them
  std::shared_ptr<const SourceText> source = nullptr;  ///< what an encoder reads: in the first step of each of its texts
};

/// A model that is loaded, compiled and ready to go on with texts: a causal one, or an encoder and a decoder, of which it is the
/// decoder's texts that go on. One thread at a time may step.
class GenerationSession {
 public:
  /// Loads the model. Throws as Session does, unsupported for a model that cannot go on from what it computed before.
  explicit GenerationSession(ModelFolder folder, const GenerationSessionOptions& options = {});

  const ModelFolder& folder() const { return folder_; }
  const Checkpoint& checkpoint() const { return *checkpoint_; }
  const Placement& placement() const { return placement_; }
  const CompileReport& report() const { return executable_->report(); }

  /// What a reader of every answer must know; mostly nothing.
  const std::vector<std::string>& notes() const { return notes_; }

  ThreadPool& threads() const { return *threads_; }

  /// What the model remembers of texts. Sequences are made and removed here.
  State& state() { return *state_; }
  const State& state() const { return *state_; }

  /// The size under which the state counts the tokens that go on: "context", "decoder_context".
  std::string_view growing_size() const { return prefix_.empty() ? "context" : "decoder_context"; }

  /// Tokens of a remembered sequence.
  std::int64_t tokens(SequenceId sequence) const { return state_->rows(sequence, growing_size()); }

  /// Tokens that a text may have.
  std::int64_t most_tokens() const { return most_tokens_; }

  /// Whether the model has an encoder, whose text each sequence needs.
  bool reads_source() const { return !prefix_.empty(); }

  /// Tokens that a text that the encoder reads may have.
  std::int64_t most_source_tokens() const { return most_source_tokens_; }

  /// What the encoder reads, from its inputs with a row a token (runtime/source_text.h). Throws invalid_argument for those that the
  /// model cannot take.
  std::shared_ptr<const SourceText> source(TensorMap inputs) const;

  /// Bytes that a sequence alone takes with that many tokens, and that source where there is one.
  std::int64_t bytes_for(std::int64_t tokens, const SourceText* source) const;

  /// Entries of the vocabulary.
  std::int64_t vocabulary() const { return vocabulary_; }

  double load_milliseconds() const { return load_milliseconds_; }

  /// Adds the tokens to their sequences and gives the logits of what follows, [inputs that want them, vocabulary], float32.
  /// Throws invalid_argument for a token id outside the vocabulary, a text of more than most_tokens() and one without the
  /// source that it needs, out_of_memory when
  /// the state has no room: then no sequence has changed.
  Tensor step(std::span<const StepInput> inputs);

 private:
  void compile(const Graph& graph, const SessionOptions& options);
  Tensor recompute(std::span<const StepInput> inputs);
  void check(std::span<const StepInput> inputs) const;
  void check_ids(std::span<const std::int64_t> tokens) const;
  TensorMap inputs_of(std::span<const StepInput> inputs) const;

  ModelFolder folder_;
  std::shared_ptr<Checkpoint> checkpoint_;
  std::shared_ptr<ThreadPool> threads_;
  Placement placement_;
  std::shared_ptr<const Backend> backend_;
  std::unique_ptr<Executable> executable_;
  std::unique_ptr<State> state_;
  bool recomputes_ = false;  ///< the backend keeps nothing: the state holds tokens
  std::vector<std::string> notes_;
  std::string prefix_;  ///< of the inputs of the text that goes on: "decoder_", or none
  std::int64_t most_tokens_ = 0;
  std::int64_t most_source_tokens_ = 0;
  std::int64_t vocabulary_ = 0;
  double load_milliseconds_ = 0;
};

}  // namespace accelerate
