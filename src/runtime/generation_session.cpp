#include "runtime/generation_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "backends/hybrid.h"
#include "backends/state_full.h"
#include "base/cache_folder.h"
#include "ipfs_accelerate/devices.h"
#include "passes/remember.h"
#include "runtime/generation_probe.h"
#include "runtime/positions.h"
#include "runtime/session_choice.h"

namespace accelerate {
namespace {

constexpr std::string_view stand_in = "cpu";

/// A quarter of what this process can still take.
std::int64_t default_state_bytes() {
  constexpr std::int64_t unknown = std::int64_t{1} << 30;
  const std::optional<std::int64_t> available = describe_machine().memory_available_bytes;
  return available ? *available / 4 : unknown;
}

}  // namespace

GenerationSession::GenerationSession(ModelFolder folder, const GenerationSessionOptions& options) : folder_(std::move(folder)) {
  const auto start = std::chrono::steady_clock::now();
  const ChoiceOptions choice = choice_options(options.session);
  wish_of(choice);  // what is wrong with the options comes before what is wrong with the folder
  std::optional<Candidates> candidates;
  if (choice.backend != "auto") candidates = find_candidates(choice);
  SessionOptions model = options.session;
  const std::span<const Head> heads = architecture_of(folder_.config).heads;
  const bool has_encoder = std::ranges::find(heads, Head::conditional_generation) != heads.end();
  model.head = has_encoder ? Head::conditional_generation : Head::causal_lm;
  checkpoint_ = std::make_shared<Checkpoint>(folder_.transformer);
  graph_ = pick_rows(session_graph(folder_, *checkpoint_, model), "logits");
  reads_source_ = accelerate::reads_source(graph_);
  most_source_tokens_ = accelerate::most_tokens(folder_.config, graph_);
  most_tokens_ = reads_source_ ? most_decoder_tokens(folder_.config, graph_) : most_source_tokens_;
  const auto logits = std::ranges::find(graph_.outputs(), "logits", &NamedValue::name);
  vocabulary_ = graph_.type(logits->value).shape.back().value();

  make_backend_ = options.session.make_backend ? options.session.make_backend : backend_named;
  engine_options_ = {.state_bytes = options.state_bytes > 0 ? options.state_bytes : default_state_bytes(),
                     .fallback = options.session.fallback};
  const auto release = [checkpoint = checkpoint_](const Tensor& tensor) { checkpoint->release(tensor); };
  const SelectionOptions selecting = selection_options(folder_, model, release);
  Selection selection = candidates ? select(measured_model(), *candidates, selecting) : select(measured_model(), choice, selecting);
  threads_ = std::make_shared<ThreadPool>(selection.threads);
  placement_ = {.backend = std::string(selection.backend->name()),
                .device = selection.device,
                .implementation = {},
                .precision = selection.precision,
                .threads = threads_->threads(),
                .choice = std::move(selection.choice)};
  engine_options_.compile = {.precision = placement_.precision,
                             .device = placement_.device.name,
                             .threads = threads_,
                             .disabled_passes = options.session.disabled_passes,
                             .cache = cache_folder(),
                             .release = release};
  const std::string asked_for = placement_.backend;
  engine_ = first_engine(options.session.make_backend ? make_backend_(asked_for) : std::move(selection.backend));
  if (engine_->backend().name() != asked_for) {
    placement_.backend = engine_->backend().name();
    placement_.device = engine_->backend().devices().usable.front();
    placement_.precision = options_of_stand_in(engine_->backend(), engine_options_.compile).precision;
  }
  report_ = engine_->report();
  placement_.implementation = report_.implementation;
  load_milliseconds_ = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

/// The model as a calibration takes it: it reads prompts and adds tokens to them.
CalibrationModel GenerationSession::measured_model() const {
  CalibrationModel model = calibration_model(folder_.config, graph_);
  model.most_tokens = std::max<std::int64_t>(1, model.most_tokens - probed_tokens);
  model.compile = [this](const std::shared_ptr<const Backend>& backend, const CompileOptions& options) {
    GenerationEngineOptions engine = engine_options_;
    engine.compile = options;
    engine.compile.cache.clear();  // these models are large, and only the chosen one is worth its place on the disk
    return compile_generation_probe(backend, graph_, engine);
  };
  return model;
}

std::vector<std::string> GenerationSession::notes() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> notes = engine_->notes();
  add_notes(notes, notes_);
  return notes;
}

std::int64_t GenerationSession::state_bytes_for(std::int64_t tokens, const SourceText* source) const {
  const std::lock_guard lock(mutex_);
  return engine_->bytes_for(tokens, source);
}

std::shared_ptr<const SourceText> GenerationSession::source(TensorMap inputs) const {
  auto source = std::make_shared<const SourceText>(source_text(graph_, std::move(inputs)));
  check_ids(source->inputs.at("input_ids").values<std::int64_t>());
  if (source->tokens > most_source_tokens_)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("the text to read has {} tokens, more than the model's {} positions", source->tokens, most_source_tokens_));
  return source;
}

std::unique_ptr<GenerationEngine> GenerationSession::engine_on(std::shared_ptr<const Backend> backend) const {
  GenerationEngineOptions options = engine_options_;
  if (backend->name() != placement_.backend) options.compile = options_of_stand_in(*backend, options.compile);
  return std::make_unique<GenerationEngine>(std::move(backend), graph_, options);
}

/// The engine on the backend that was chosen; where that fails for want of memory, or because its device is lost twice, cpu's.
std::unique_ptr<GenerationEngine> GenerationSession::first_engine(std::shared_ptr<const Backend> backend) {
  const std::string name(backend->name());
  for (bool is_second = false;; is_second = true) {
    try {
      return engine_on(is_second ? make_backend_(name) : std::exchange(backend, nullptr));
    } catch (const Error& error) {
      const bool is_lost = error.kind() == ErrorKind::device_lost;
      if (!engine_options_.fallback || name == stand_in || (!is_lost && error.kind() != ErrorKind::out_of_memory)) throw;
      if (is_lost && !is_second) {
        notes_.push_back(fmt::format("{} stopped working ({}): it was set up anew", name, error.what()));
        continue;
      }
      std::string note;
      auto engine = engine_on_cpu(is_lost ? fmt::format("{} stopped working again ({})", name, error.what())
                                          : fmt::format("{} has no room for the model ({})", name, error.what()),
                                  note);
      notes_.push_back(std::move(note));
      return engine;
    }
  }
}

std::unique_ptr<GenerationEngine> GenerationSession::engine_on_cpu(const std::string& reason, std::string& note) const {
  try {
    std::shared_ptr<const Backend> cpu = make_backend_(stand_in);
    const Precision precision = options_of_stand_in(*cpu, engine_options_.compile).precision;
    note = fmt::format("{}: the model runs on cpu from now on", reason);
    if (precision != engine_options_.compile.precision)
      note += fmt::format(" in {}, for it lacks {}", name_of(precision), name_of(engine_options_.compile.precision));
    return engine_on(std::move(cpu));
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("{}, and cpu failed: {}", reason, error.what()));
  }
}

void GenerationSession::replace(std::unique_ptr<GenerationEngine> engine) {
  const std::lock_guard lock(mutex_);
  engine_ = std::move(engine);
}

StepResult GenerationSession::step(std::span<const StepInput> inputs) {
  check(inputs);
  try {
    StepResult result{.logits = engine_->step(inputs)};
    was_lost_ = false;
    return result;
  } catch (const StateFull&) {
    throw;
  } catch (const Error& error) {
    if (!engine_options_.fallback || error.kind() != ErrorKind::out_of_memory) throw;
    std::vector<float> logits;
    int pieces = 0;
    step_in_pieces(inputs, error, logits, pieces);
    std::int64_t tokens = 0;
    for (const StepInput& input : inputs) tokens += static_cast<std::int64_t>(input.tokens.size());
    return {.logits = Tensor::from<float>(logits, {static_cast<std::int64_t>(logits.size()) / vocabulary_, vocabulary_}),
            .notes = {fmt::format("{} ran out of memory in a step of {} tokens ({}): it ran in {} pieces", engine_->backend().name(),
                                  tokens, error.what(), pieces)}};
  }
}

/// Cuts what ran out of memory with `error`: first by its texts, then what is read from what goes on, then a text by its tokens.
void GenerationSession::step_in_pieces(std::span<const StepInput> inputs, const Error& error, std::vector<float>& logits, int& pieces) {
  const auto run = [&](std::span<const StepInput> half) {
    try {
      const Tensor part = engine_->step(half);
      logits.insert(logits.end(), part.values<float>().begin(), part.values<float>().end());
      ++pieces;
    } catch (const StateFull&) {
      throw;
    } catch (const Error& again) {
      if (again.kind() != ErrorKind::out_of_memory) throw;
      step_in_pieces(half, again, logits, pieces);
    }
  };
  if (inputs.size() > 1) {
    run(inputs.first(inputs.size() / 2));
    run(inputs.subspan(inputs.size() / 2));
    return;
  }
  const StepInput& whole = inputs.front();
  if (whole.tokens.size() < (whole.source ? 1 : 2)) throw error;
  const std::size_t middle = whole.source ? 0 : whole.tokens.size() / 2;
  run(std::array{
      StepInput{.sequence = whole.sequence, .tokens = whole.tokens.first(middle), .wants_logits = false, .source = whole.source}});
  run(std::array{StepInput{.sequence = whole.sequence, .tokens = whole.tokens.subspan(middle), .wants_logits = whole.wants_logits}});
}

std::optional<std::string> GenerationSession::recover(const Error& error) {
  const bool is_lost = error.kind() == ErrorKind::device_lost;
  const std::string name(engine_->backend().name());
  if (!engine_options_.fallback || name == stand_in || (!is_lost && error.kind() != ErrorKind::out_of_memory)) return std::nullopt;
  std::string reason = fmt::format("{} ran out of memory ({})", name, error.what());
  if (is_lost && !std::exchange(was_lost_, true)) {
    try {
      replace(engine_on(make_backend_(name)));
      return fmt::format("{} stopped working ({}): it was set up anew and the text computed again", name, error.what());
    } catch (const Error& again) {
      reason = fmt::format("{} stopped working ({}) and could not be set up anew ({})", name, error.what(), again.what());
    }
  } else if (is_lost) {
    reason = fmt::format("{} stopped working again ({})", name, error.what());
  }
  std::string note;
  replace(engine_on_cpu(reason, note));
  const std::lock_guard lock(mutex_);
  notes_.push_back(note);
  return note;
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
    const bool has_source = this->has_source(input.sequence);
    if (reads_source_ != (has_source || input.source != nullptr) || (has_source && input.source))
      throw Error(ErrorKind::invalid_argument,
                  "a text to read goes with the first step of each sequence of a model with an encoder, and no other");
    check_ids(input.tokens);
    const std::int64_t all = tokens(input.sequence) + static_cast<std::int64_t>(input.tokens.size());
    if (all > most_tokens_)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("a text of {} tokens is longer than the model's {} positions", all, most_tokens_));
  }
}

}  // namespace accelerate
