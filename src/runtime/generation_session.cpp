#include "runtime/generation_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "backends/hybrid.h"
#include "base/cache_folder.h"
#include "ipfs_accelerate/devices.h"
#include "ipfs_accelerate/error.h"
#include "passes/remember.h"
#include "runtime/default_inputs.h"
#include "runtime/positions.h"
#include "runtime/remembered_tokens.h"
#include "runtime/session_choice.h"

namespace accelerate {
namespace {

/// A quarter of what this process can still take.
std::int64_t default_state_bytes() {
  constexpr std::int64_t unknown = std::int64_t{1} << 30;
  const std::optional<std::int64_t> available = describe_machine().memory_available_bytes;
  return available ? *available / 4 : unknown;
}

bool keeps_state(const Backend& backend, const Graph& graph) {
  return std::ranges::all_of(graph.nodes(), [&](const Node& node) { return node.op != Op::append || backend.supports(graph, node).yes; });
}

}  // namespace

GenerationSession::GenerationSession(ModelFolder folder, const GenerationSessionOptions& options) : folder_(std::move(folder)) {
  const auto start = std::chrono::steady_clock::now();
  const Candidates candidates = find_candidates(choice_options(options.session));
  SessionOptions model = options.session;
  const std::span<const Head> heads = architecture_of(folder_.config).heads;
  const bool has_encoder = std::ranges::find(heads, Head::conditional_generation) != heads.end();
  model.head = has_encoder ? Head::conditional_generation : Head::causal_lm;
  checkpoint_ = std::make_shared<Checkpoint>(folder_.transformer);
  const Graph graph = pick_rows(session_graph(folder_, *checkpoint_, model), "logits");
  if (accelerate::reads_source(graph)) prefix_ = "decoder_";
  most_source_tokens_ = accelerate::most_tokens(folder_.config, graph);
  most_tokens_ = reads_source() ? most_decoder_tokens(folder_.config, graph) : most_source_tokens_;
  const auto logits = std::ranges::find(graph.outputs(), "logits", &NamedValue::name);
  vocabulary_ = graph.type(logits->value).shape.back().value();

  const Place& place = candidates.places.front();
  backend_ = place.backend;
  threads_ = std::make_shared<ThreadPool>(candidates.thread_counts.front());
  placement_ = {.backend = std::string(backend_->name()),
                .device = place.device,
                .implementation = {},
                .precision = place.precision,
                .threads = threads_->threads(),
                .choice = {.why = candidates.fixed ? Reason::fixed : Reason::only}};
  if (!candidates.single()) placement_.choice.note = "generation takes the first backend that can run; nothing was measured";
  compile(graph, options.session);
  placement_.implementation = executable_->report().implementation;

  const std::int64_t bytes = options.state_bytes > 0 ? options.state_bytes : default_state_bytes();
  if (recomputes_) {
    state_ = std::make_unique<RememberedTokens>(bytes, std::string(growing_size()));
  } else {
    const bool exact = placement_.precision == Precision::fp32 || placement_.backend == "reference";
    state_ = executable_->make_state({.most_bytes = bytes, .precision = exact ? Precision::fp32 : Precision::bf16});
  }
  load_milliseconds_ = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

void GenerationSession::compile(const Graph& graph, const SessionOptions& options) {
  const CompileOptions compile_options{.precision = placement_.precision,
                                       .device = placement_.device.name,
                                       .threads = threads_,
                                       .disabled_passes = options.disabled_passes,
                                       .cache = cache_folder(),
                                       .release = [checkpoint = checkpoint_](const Tensor& tensor) { checkpoint->release(tensor); }};
  const Graph remembering = remember_context(graph);
  recomputes_ = !keeps_state(*backend_, remembering);
  if (!recomputes_) {
    executable_ = backend_->compile(remembering, compile_options);
    return;
  }
  notes_.push_back(fmt::format("{} keeps nothing between tokens: each is computed from its whole text", backend_->name()));
  if (!options.fallback || supports_all(*backend_, graph))
    executable_ = backend_->compile(graph, compile_options);
  else
    executable_ = compile_hybrid(*backend_, *backend_named("cpu"), graph, compile_options);
  for (const std::string& note : executable_->report().notes) notes_.push_back(note);
}

Tensor GenerationSession::step(std::span<const StepInput> inputs) {
  check(inputs);
  if (recomputes_) return recompute(inputs);
  std::vector<SequenceId> sequences;
  for (const StepInput& input : inputs) sequences.push_back(input.sequence);
  return executable_->run(inputs_of(inputs), {*state_, sequences}).at("logits");
}

Tensor GenerationSession::recompute(std::span<const StepInput> inputs) {
  std::vector<StepInput> with_tokens(inputs.begin(), inputs.end());
  std::erase_if(with_tokens, [](const StepInput& input) { return input.tokens.empty(); });
  Tensor logits =
      with_tokens.empty() ? Tensor::zeros(DType::float32, {0, vocabulary_}) : executable_->run(inputs_of(with_tokens)).at("logits");
  for (const StepInput& input : inputs) static_cast<RememberedTokens&>(*state_).append(input.sequence, input.tokens, input.source);
  return logits;
}

std::shared_ptr<const SourceText> GenerationSession::source(TensorMap inputs) const {
  auto source = std::make_shared<const SourceText>(source_text(report().graph, std::move(inputs)));
  check_ids(source->inputs.at("input_ids").values<std::int64_t>());
  if (source->tokens > most_source_tokens_)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("the text to read has {} tokens, more than the model's {} positions", source->tokens, most_source_tokens_));
  return source;
}

std::int64_t GenerationSession::bytes_for(std::int64_t tokens, const SourceText* source) const {
  return state_->bytes_for(growing_size(), tokens) + (source == nullptr ? 0 : state_->bytes_for("context", source->tokens));
}

void GenerationSession::check_ids(std::span<const std::int64_t> tokens) const {
  for (const std::int64_t token : tokens)
    if (token < 0 || token >= vocabulary_)
      throw Error(ErrorKind::invalid_argument, fmt::format("token id {} is not among the vocabulary's {}", token, vocabulary_));
}

void GenerationSession::check(std::span<const StepInput> inputs) const {
  for (const StepInput& input : inputs) {
    if (input.tokens.empty() && (!input.source || input.wants_logits))
      throw Error(ErrorKind::invalid_argument, "a text without tokens cannot be continued");
    const bool has_source = reads_source() && state_->rows(input.sequence, "context") > 0;
    if (reads_source() != (has_source || input.source != nullptr) || (has_source && input.source))
      throw Error(ErrorKind::invalid_argument,
                  "a text to read goes with the first step of each sequence of a model with an encoder, and no other");
    check_ids(input.tokens);
    const std::int64_t all = tokens(input.sequence) + static_cast<std::int64_t>(input.tokens.size());
    if (all > most_tokens_)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("a text of {} tokens is longer than the model's {} positions", all, most_tokens_));
  }
}

TensorMap GenerationSession::inputs_of(std::span<const StepInput> inputs) const {
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
  if (reads_source()) tensors.merge(joined_sources(report().graph, sources));
  std::erase_if(tensors, [&](const auto& input) { return !reads(report().graph, input.first); });
  return tensors;
}

}  // namespace accelerate
