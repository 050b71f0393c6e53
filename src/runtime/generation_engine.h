#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "backends/state.h"
#include "runtime/source_text.h"

namespace accelerate {

/// A text's next tokens.
struct StepInput {
  SequenceId sequence;                                 ///< of the state
  std::span<const std::int64_t> tokens;                ///< at least one, or none beside a source
  bool wants_logits = true;                            ///< of what follows the last of them
  std::shared_ptr<const SourceText> source = nullptr;  ///< what an encoder reads: in the first step of each of its texts
};

/// How a model is compiled so that it goes on with texts.
struct GenerationEngineOptions {
  CompileOptions compile = {};
  std::int64_t state_bytes = 0;  ///< that remembered tokens may take
  bool fallback = true;          ///< nodes that the backend lacks run on cpu
};

/// A model compiled on one backend, and what it remembers of texts there: of a causal one, or of an encoder and a decoder, of which
/// it is the decoder's texts that go on.
class GenerationEngine {
 public:
  /// `graph` gives "logits" for its input "rows" (passes/remember.h). Throws as Backend::compile does, and unsupported for a
  /// graph that cannot go on from what it computed before.
  GenerationEngine(std::shared_ptr<const Backend> backend, const Graph& graph, const GenerationEngineOptions& options);

  const Backend& backend() const { return *backend_; }
  const CompileReport& report() const { return executable_->report(); }

  /// What a reader of every answer must know; mostly nothing.
  const std::vector<std::string>& notes() const { return notes_; }

  State& state() { return *state_; }
  const State& state() const { return *state_; }

  /// The size under which the state counts the tokens that go on: "context", "decoder_context".
  std::string_view growing_size() const { return prefix_.empty() ? "context" : "decoder_context"; }

  /// Tokens of a remembered sequence.
  std::int64_t tokens(SequenceId sequence) const { return state_->rows(sequence, growing_size()); }

  /// Whether the sequence has what an encoder read.
  bool has_source(SequenceId sequence) const { return !prefix_.empty() && state_->rows(sequence, "context") > 0; }

  /// Bytes that a sequence alone takes with that many tokens, and that source where there is one.
  std::int64_t bytes_for(std::int64_t tokens, const SourceText* source) const;

  /// Adds the tokens to their sequences and gives the logits of what follows, [inputs that want them, vocabulary], float32.
  /// Throws as Executable::run does; then no sequence has changed.
  Tensor step(std::span<const StepInput> inputs);

 private:
  Tensor recompute(std::span<const StepInput> inputs);
  TensorMap inputs_of(std::span<const StepInput> inputs) const;

  std::shared_ptr<const Backend> backend_;
  std::string prefix_;  ///< of the inputs of the text that goes on: "decoder_", or none
  std::unique_ptr<Executable> executable_;
  std::unique_ptr<State> state_;
  bool recomputes_ = false;  ///< the backend keeps nothing: the state holds tokens
  std::vector<std::string> notes_;
};

}  // namespace accelerate
