#include "runtime/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include "backends/hybrid.h"
#include "backends/sequence_pieces.h"
#include "passes/pass.h"

namespace accelerate {
namespace {

constexpr std::string_view stand_in = "cpu";

/// What `call` gives; memory that the process lacks is an error like that of a device.
template <typename Call>
auto with_memory_errors(std::string_view backend, const Call& call) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::out_of_memory, fmt::format("backend {}: no memory left in this process", backend));
  }
}

/// Those of the inputs that the compiled graph reads.
TensorMap inputs_read(const Graph& graph, const TensorMap& inputs) {
  TensorMap result = inputs;
  std::erase_if(
      result, [&](const auto& input) { return std::ranges::find(graph.inputs(), input.first, &NamedValue::name) == graph.inputs().end(); });
  return result;
}

/// The batch that the inputs are; nothing where they have no sequences that could be taken apart.
std::optional<Piece> batch_of(const SizeMap& sizes, const TensorMap& inputs) {
  const auto begins = inputs.find("sequences");
  if (begins == inputs.end() || !sizes.contains("tokens")) return std::nullopt;
  return whole_batch(begins->second.values<std::int64_t>(), sizes.find("tokens")->second);
}

}  // namespace

void add_notes(std::vector<std::string>& notes, const std::vector<std::string>& more) {
  for (const std::string& note : more)
    if (std::ranges::find(notes, note) == notes.end()) notes.push_back(note);
}

/// A backend, and the graph that it compiled.
struct RecoveringRunner::Engine {
  std::shared_ptr<const Backend> backend;
  std::unique_ptr<Executable> executable;
  Precision precision;

  TensorMap run(const TensorMap& inputs) const {
    return with_memory_errors(backend->name(), [&] { return executable->run(inputs_read(executable->report().graph, inputs)); });
  }
};

RecoveringRunner::RecoveringRunner(std::shared_ptr<const Backend> backend, const Graph& graph, CompileOptions options,
                                   RecoveryOptions recovery)
    : graph_(remove_dead_nodes(graph)),
      options_(std::move(options)),
      recovery_(std::move(recovery)),
      separable_(is_separable(graph_)),
      asked_for_(backend->name()) {
  std::vector<std::string> notes;
  try {
    engine_ = compile(std::move(backend));
  } catch (const Error& error) {
    if (!can_recover(asked_for_, error)) throw;
    engine_ = error.kind() == ErrorKind::device_lost
                  ? renewed_engine(nullptr, error, notes)
                  : stay_on_cpu(fmt::format("{} has no room for the model ({})", asked_for_, error.what()), notes);
  }
  report_ = engine_->executable->report();
  backend_ = engine_->backend->name();
  precision_ = engine_->precision;
  add_notes(report_.notes, notes);
}

RecoveringRunner::~RecoveringRunner() = default;

RunResult RecoveringRunner::run(const TensorMap& inputs) const {
  RunResult result{.outputs = {}, .notes = report_.notes};
  EnginePointer engine = current_engine(result.notes);
  for (bool renewed = false;;) {
    try {
      result.outputs = run_whole_or_cut(*engine, inputs, result.notes);
      return result;
    } catch (const Error& error) {
      const std::string name(engine->backend->name());
      if (!can_recover(name, error)) throw;
      if (error.kind() == ErrorKind::out_of_memory) {
        engine = cpu_engine(fmt::format("{} ran out of memory ({}): the request ran on cpu", name, error.what()), result.notes);
      } else if (!std::exchange(renewed, true)) {
        engine = renewed_engine(std::move(engine), error, result.notes);
      } else {
        engine = stay_on_cpu(fmt::format("{} stopped working again ({})", name, error.what()), result.notes);
      }
    }
  }
}

RecoveringRunner::EnginePointer RecoveringRunner::compile(std::shared_ptr<const Backend> backend) const {
  const std::string name(backend->name());
  const CompileOptions options = name == asked_for_ ? options_ : options_of_stand_in(*backend, options_);
  auto engine = std::make_shared<Engine>(Engine{.backend = std::move(backend), .executable = nullptr, .precision = options.precision});
  engine->executable = with_memory_errors(name, [&] {
    if (!recovery_.fallback || name == stand_in || supports_all(*engine->backend, graph_)) return engine->backend->compile(graph_, options);
    return compile_hybrid(*engine->backend, *recovery_.make_backend(stand_in), graph_, options);
  });
  return engine;
}

bool RecoveringRunner::can_recover(std::string_view backend, const Error& error) const {
  return recovery_.fallback && backend != stand_in && (error.kind() == ErrorKind::out_of_memory || error.kind() == ErrorKind::device_lost);
}

RecoveringRunner::EnginePointer RecoveringRunner::current_engine(std::vector<std::string>& notes) const {
  const std::lock_guard lock(mutex_);
  if (!engine_) engine_ = compile(recovery_.make_backend(asked_for_));
  add_notes(notes, moved_);
  return engine_;
}

/// The cpu's engine; `reason` becomes a note, and where there is no such engine, the error.
RecoveringRunner::EnginePointer RecoveringRunner::cpu_engine(const std::string& reason, std::vector<std::string>& notes) const {
  const std::lock_guard lock(cpu_mutex_);
  try {
    if (!cpu_) cpu_ = compile(recovery_.make_backend(stand_in));
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("{}, and that failed: {}", reason, error.what()));
  }
  const bool other_precision = cpu_->precision != options_.precision;
  notes.push_back(other_precision ? fmt::format("{} in {}, for it lacks {}", reason, name_of(cpu_->precision), name_of(options_.precision))
                                  : reason);
  return cpu_;
}

/// An engine on the backend, made anew; that of another request, where one was faster, and cpu's when it fails.
RecoveringRunner::EnginePointer RecoveringRunner::renewed_engine(EnginePointer lost, const Error& error,
                                                                 std::vector<std::string>& notes) const {
  std::string failure;
  {
    const std::lock_guard lock(mutex_);
    const std::string note = fmt::format("{} stopped working ({}): it was set up anew and the work repeated", asked_for_, error.what());
    try {
      if (!engine_ || engine_ == lost) {
        // What the device still holds for the old engine goes first.
        engine_.reset();
        lost.reset();
        engine_ = compile(recovery_.make_backend(asked_for_));
      }
      notes.push_back(note);
      return engine_;
    } catch (const Error& again) {
      failure = fmt::format("{} stopped working ({}) and could not be set up anew ({})", asked_for_, error.what(), again.what());
    }
  }
  return stay_on_cpu(failure, notes);
}

/// cpu's engine for this and every later request, whose notes will say so.
RecoveringRunner::EnginePointer RecoveringRunner::stay_on_cpu(const std::string& reason, std::vector<std::string>& notes) const {
  std::vector<std::string> moved;
  EnginePointer engine = cpu_engine(fmt::format("{}: the model runs on cpu from now on", reason), moved);
  add_notes(notes, moved);
  const std::lock_guard lock(mutex_);
  if (engine_ != engine) moved_ = std::move(moved);
  engine_ = engine;
  return engine;
}

TensorMap RecoveringRunner::run_whole_or_cut(const Engine& engine, const TensorMap& inputs, std::vector<std::string>& notes) const {
  try {
    return engine.run(inputs);
  } catch (const Error& error) {
    if (!recovery_.fallback || error.kind() != ErrorKind::out_of_memory || !separable_) throw;
    return run_cut(engine, inputs, error, notes);
  }
}

/// The whole batch in pieces, which halve as long as they are too large. Throws the error when one sequence is too much.
TensorMap RecoveringRunner::run_cut(const Engine& engine, const TensorMap& inputs, const Error& error,
                                    std::vector<std::string>& notes) const {
  const Graph& graph = engine.executable->report().graph;
  const SizeMap sizes = bind_inputs(graph, inputs_read(graph, inputs));
  const std::optional<Piece> whole = batch_of(sizes, inputs);
  if (!whole) throw error;
  const std::span<const std::int64_t> begins = inputs.find("sequences")->second.values<std::int64_t>();
  TensorMap outputs = empty_outputs(graph, sizes);
  std::vector<Piece> left;  // those that come first at the end
  const auto cut = [&](const Piece& piece, const Error& reason) {
    const auto halves = halves_of(piece, begins);
    if (!halves) throw reason;
    left.push_back(halves->second);
    left.push_back(halves->first);
  };
  int pieces = 0;
  for (cut(*whole, error); !left.empty();) {
    const Piece piece = left.back();
    left.pop_back();
    try {
      put_outputs(piece, graph, engine.run(inputs_of(piece, graph, inputs)), outputs);
      ++pieces;
    } catch (const Error& again) {
      if (again.kind() != ErrorKind::out_of_memory) throw;
      cut(piece, again);
    }
  }
  notes.push_back(fmt::format("{} ran out of memory with {} sequences of {} tokens together ({}): they ran in {} pieces",
                              engine.backend->name(), whole->sequences, whole->tokens, error.what(), pieces));
  return outputs;
}

}  // namespace accelerate
