#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "ipfs_accelerate/error.h"
#include "runtime/generation_engine.h"
#include "runtime/session.h"

namespace accelerate {

struct GenerationSessionOptions {
  SessionOptions session = {};
  std::int64_t state_bytes = 0;  ///< that remembered tokens may take; 0: a quarter of the memory that is free
};

/// What a step gave.
struct StepResult {
  Tensor logits;                        ///< of what follows, [inputs that want them, vocabulary], float32
  std::vector<std::string> notes = {};  ///< what was got over
};

/// A model that is loaded, compiled and ready to go on with texts: a causal one, or an encoder and a decoder, of which it is the
/// decoder's texts that go on. One thread at a time may step, recover and use the state; the rest is for all.
class GenerationSession {
 public:
  /// Loads the model. Throws as Session does, unsupported for a model that cannot go on from what it computed before.
  explicit GenerationSession(ModelFolder folder, const GenerationSessionOptions& options = {});

  const ModelFolder& folder() const { return folder_; }
  const Checkpoint& checkpoint() const { return *checkpoint_; }

  /// Where the model was compiled at first.
  const Placement& placement() const { return placement_; }
  const CompileReport& report() const { return report_; }

  /// What a reader of every answer from now on must know; mostly nothing.
  std::vector<std::string> notes() const;

  ThreadPool& threads() const { return *threads_; }

  /// What the model remembers of texts. Sequences are made and removed here.
  State& state() { return engine_->state(); }
  const State& state() const { return engine_->state(); }

  /// Tokens of a remembered sequence.
  std::int64_t tokens(SequenceId sequence) const { return engine_->tokens(sequence); }

  /// The size under which the state counts the tokens that go on: "context", "decoder_context".
  std::string_view growing_size() const { return engine_->growing_size(); }

  /// Whether the sequence has what an encoder read.
  bool has_source(SequenceId sequence) const { return engine_->has_source(sequence); }

  /// Bytes that remembered texts may take.
  std::int64_t most_state_bytes() const { return engine_options_.state_bytes; }

  /// Bytes that a sequence alone takes with that many tokens, and that source where there is one.
  std::int64_t state_bytes_for(std::int64_t tokens, const SourceText* source) const;

  /// Tokens that a text may have.
  std::int64_t most_tokens() const { return most_tokens_; }

  /// Whether the model has an encoder, whose text each sequence needs.
  bool reads_source() const { return reads_source_; }

  /// Tokens that a text that the encoder reads may have.
  std::int64_t most_source_tokens() const { return most_source_tokens_; }

  /// What the encoder reads, from its inputs with a row a token (runtime/source_text.h). Throws invalid_argument for those that the
  /// model cannot take.
  std::shared_ptr<const SourceText> source(TensorMap inputs) const;

  /// Entries of the vocabulary.
  std::int64_t vocabulary() const { return vocabulary_; }

  double load_milliseconds() const { return load_milliseconds_; }

  /// Adds the tokens to their sequences and gives the logits of what follows. A step that the device has no memory for runs in
  /// ever smaller pieces. Throws invalid_argument for a token id outside the vocabulary, a text of more than most_tokens() and one
  /// without the source that it needs, StateFull when the state has no room, out_of_memory for a single token that is too much,
  /// device_lost. After an error a sequence may have some of its new tokens.
  StepResult step(std::span<const StepInput> inputs);

  /// Sets the model up anew after a step threw that: on its backend once the device was lost, on cpu where that was in vain or there
  /// is no memory. The state is a new one then, without sequences. Returns what to note of it; nothing where nothing helps, and
  /// all is as before.
  std::optional<std::string> recover(const Error& error);

 private:
  CalibrationModel measured_model() const;
  std::unique_ptr<GenerationEngine> engine_on(std::shared_ptr<const Backend> backend) const;
  std::unique_ptr<GenerationEngine> first_engine(std::shared_ptr<const Backend> backend);
  std::unique_ptr<GenerationEngine> engine_on_cpu(const std::string& reason, std::string& note) const;
  void replace(std::unique_ptr<GenerationEngine> engine);
  void check(std::span<const StepInput> inputs) const;
  void check_ids(std::span<const std::int64_t> tokens) const;
  void step_in_pieces(std::span<const StepInput> inputs, const Error& error, std::vector<float>& logits, int& pieces);

  ModelFolder folder_;
  std::shared_ptr<Checkpoint> checkpoint_;
  std::shared_ptr<ThreadPool> threads_;
  Placement placement_;
  Graph graph_;
  GenerationEngineOptions engine_options_;
  BackendFactory make_backend_;
  CompileReport report_;
  std::unique_ptr<GenerationEngine> engine_;
  bool was_lost_ = false;     ///< the device, since the last step that went well
  mutable std::mutex mutex_;  ///< of replacing the engine, and of the next
  std::vector<std::string> notes_;
  bool reads_source_ = false;
  std::int64_t most_tokens_ = 0;
  std::int64_t most_source_tokens_ = 0;
  std::int64_t vocabulary_ = 0;
  double load_milliseconds_ = 0;
};

}  // namespace accelerate
