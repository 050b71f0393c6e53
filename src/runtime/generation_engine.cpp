#include "runtime/generation_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "backends/hybrid.h"
#include "ipfs_accelerate/error.h"
#include "passes/remember.h"
#include "runtime/default_inputs.h"
#include "runtime/remembered_tokens.h"

namespace accelerate {
namespace {

bool keeps_state(const Backend& backend, const Graph& graph) {
  return std::ranges::all_of(graph.nodes(), [&](const Node& node) { return node.op != Op::append || backend.supports(graph, node).yes; });
}

}  // namespace

GenerationEngine::GenerationEngine(std::shared_ptr<const Backend> backend, const Graph& graph, const GenerationEngineOptions& options)
    : backend_(std::move(backend)), prefix_(reads_source(graph) ? "decoder_" : "") {
  const Graph remembering = remember_context(graph);
  recomputes_ = !keeps_state(*backend_, remembering);
  if (!recomputes_) {
    executable_ = backend_->compile(remembering, options.compile);
    const bool exact = options.compile.precision == Precision::fp32 || backend_->name() == "reference";
    state_ = executable_->make_state({.most_bytes = options.state_bytes, .precision = exact ? Precision::fp32 : Precision::bf16});
    return;
  }
  notes_.push_back(fmt::format("{} keeps nothing between tokens: each is computed from its whole text", backend_->name()));
  if (!options.fallback || supports_all(*backend_, graph))
    executable_ = backend_->compile(graph, options.compile);
  else
    executable_ = compile_hybrid(*backend_, *backend_named("cpu"), graph, options.compile);
  for (const std::string& note : executable_->report().notes) notes_.push_back(note);
  state_ = std::make_unique<RememberedTokens>(options.state_bytes, std::string(growing_size()));
}

Tensor GenerationEngine::step(std::span<const StepInput> inputs) {
  try {
    if (recomputes_) return recompute(inputs);
    std::vector<SequenceId> sequences;
    for (const StepInput& input : inputs) sequences.push_back(input.sequence);
    return executable_->run(inputs_of(inputs), {*state_, sequences}).at("logits");
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::out_of_memory, fmt::format("backend {}: no memory left in this process", backend_->name()));
  }
}

/// A text that so far has a source alone is kept, and computed once it has tokens.
Tensor GenerationEngine::recompute(std::span<const StepInput> inputs) {
  auto& remembered = static_cast<RememberedTokens&>(*state_);
  std::vector<StepInput> begun(inputs.begin(), inputs.end());
  std::erase_if(begun, [](const StepInput& input) { return input.tokens.empty(); });
  const TensorMap tensors = inputs_of(begun);
  Tensor logits = begun.empty() ? Tensor() : executable_->run(tensors).at("logits");
  for (const StepInput& input : inputs) remembered.append(input.sequence, input.tokens, input.source);
  return logits;
}

std::int64_t GenerationEngine::bytes_for(std::int64_t tokens, const SourceText* source) const {
  return state_->bytes_for(growing_size(), tokens) + (source == nullptr ? 0 : state_->bytes_for("context", source->tokens));
}

TensorMap GenerationEngine::inputs_of(std::span<const StepInput> inputs) const {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> positions;
  std::vector<std::int64_t> begins{0};
  std::vector<std::int64_t> rows;
  std::vector<const SourceText*> sources;
  for (const StepInput& input : inputs) {
    std::int64_t position = recomputes_ ? 0 : tokens(input.sequence);
    sources.push_back(input.source.get());
    if (recomputes_) {
      const auto& remembered = static_cast<const RememberedTokens&>(*state_);
      const auto before = remembered.tokens(input.sequence);
      ids.insert(ids.end(), before.begin(), before.end());
      if (!input.source) sources.back() = remembered.source(input.sequence);
    }
    ids.insert(ids.end(), input.tokens.begin(), input.tokens.end());
    while (positions.size() < ids.size()) positions.push_back(position++);
    begins.push_back(static_cast<std::int64_t>(ids.size()));
    if (input.wants_logits) rows.push_back(begins.back() - 1);
  }
  const auto tensor = [](const std::vector<std::int64_t>& values) {
    return Tensor::from<std::int64_t>(values, {static_cast<std::int64_t>(values.size())});
  };
  TensorMap tensors{{prefix_ + "input_ids", tensor(ids)},
                    {prefix_ + "positions", tensor(positions)},
                    {prefix_ + "sequences", tensor(begins)},
                    {"rows", tensor(rows)}};
  if (!prefix_.empty()) tensors.merge(joined_sources(report().graph, sources));
  std::erase_if(tensors, [&](const auto& input) { return !reads(report().graph, input.first); });
  return tensors;
}

}  // namespace accelerate
