#include "runtime/generation_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "backends/hybrid.h"
#include "ipfs_accelerate/error.h"
#include "passes/remember.h"
#include "runtime/remembered_tokens.h"

namespace accelerate {
namespace {

bool keeps_state(const Backend& backend, const Graph& graph) {
  return std::ranges::all_of(graph.nodes(), [&](const Node& node) { return node.op != Op::append || backend.supports(graph, node).yes; });
}

}  // namespace

GenerationEngine::GenerationEngine(std::shared_ptr<const Backend> backend, const Graph& graph, const GenerationEngineOptions& options)
    : backend_(std::move(backend)) {
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
  state_ = std::make_unique<RememberedTokens>(options.state_bytes);
}

Tensor GenerationEngine::step(std::span<const StepInput> inputs) {
  try {
    const TensorMap tensors = inputs_of(inputs);
    if (recomputes_) {
      Tensor logits = executable_->run(tensors).at("logits");
      for (const StepInput& input : inputs) static_cast<RememberedTokens&>(*state_).append(input.sequence, input.tokens);
      return logits;
    }
    std::vector<SequenceId> sequences;
    for (const StepInput& input : inputs) sequences.push_back(input.sequence);
    return executable_->run(tensors, {*state_, sequences}).at("logits");
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::out_of_memory, fmt::format("backend {}: no memory left in this process", backend_->name()));
  }
}

TensorMap GenerationEngine::inputs_of(std::span<const StepInput> inputs) const {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> positions;
  std::vector<std::int64_t> begins{0};
  std::vector<std::int64_t> rows;
  for (const StepInput& input : inputs) {
    std::int64_t position = recomputes_ ? 0 : tokens(input.sequence);
    if (recomputes_) {
      const auto before = static_cast<const RememberedTokens&>(*state_).tokens(input.sequence);
      ids.insert(ids.end(), before.begin(), before.end());
    }
    ids.insert(ids.end(), input.tokens.begin(), input.tokens.end());
    while (positions.size() < ids.size()) positions.push_back(position++);
    begins.push_back(static_cast<std::int64_t>(ids.size()));
    if (input.wants_logits) rows.push_back(begins.back() - 1);
  }
  const auto tensor = [](const std::vector<std::int64_t>& values) {
    return Tensor::from<std::int64_t>(values, {static_cast<std::int64_t>(values.size())});
  };
  TensorMap tensors{{"input_ids", tensor(ids)}, {"positions", tensor(positions)}, {"sequences", tensor(begins)}, {"rows", tensor(rows)}};
  const auto is_read = [&](const auto& input) {
    return std::ranges::find(report().graph.inputs(), input.first, &NamedValue::name) != report().graph.inputs().end();
  };
  std::erase_if(tensors, [&](const auto& input) { return !is_read(input); });
  return tensors;
}

}  // namespace accelerate
