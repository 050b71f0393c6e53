#pragma once

#include <memory>

#include "runtime/generation_engine.h"

namespace accelerate {

/// Tokens that a probe adds to each text after its prompt.
inline constexpr std::int64_t probed_tokens = 8;

/// The graph of a causal model as what a calibration can run: a run() takes texts as the graph's whole-text form does, reads them as
/// prompts, adds probed_tokens to each, one a step, and gives the last step's logits. What is added is made up, the same for every
/// backend. Throws as GenerationEngine does.
std::unique_ptr<Executable> compile_generation_probe(std::shared_ptr<const Backend> backend, const Graph& graph,
                                                     const GenerationEngineOptions& options);

}  // namespace accelerate
