#include "runtime/session.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "base/cache_folder.h"
#include "ipfs_accelerate/error.h"
#include "runtime/default_inputs.h"
#include "runtime/positions.h"
#include "runtime/session_choice.h"

namespace accelerate {

std::string Placement::isa() const {
  return implementation.starts_with(backend + " ") ? implementation.substr(backend.size() + 1) : std::string();
}

Session::Session(ModelFolder folder, const SessionOptions& options)
    : folder_(std::move(folder)), head_(options.head ? *options.head : head_of(folder_.config)) {
  const auto start = std::chrono::steady_clock::now();
  const ChoiceOptions choice = choice_options(options);
  wish_of(choice);  // what is wrong with the options comes before what is wrong with the folder
  std::optional<Candidates> candidates;
  if (choice.backend != "auto") candidates = find_candidates(choice);
  architecture_of(folder_.config);  // before the weights are opened: a model that cannot run is refused for that reason

  checkpoint_ = std::make_shared<Checkpoint>(folder_.transformer);
  const Graph graph = session_graph(folder_, *checkpoint_, options);
  most_tokens_ = accelerate::most_tokens(folder_.config, graph);
  most_decoder_tokens_ = accelerate::most_decoder_tokens(folder_.config, graph);
  const auto release = [checkpoint = checkpoint_](const Tensor& tensor) { checkpoint->release(tensor); };
  const CalibrationModel measured = calibration_model(folder_.config, graph);
  const SelectionOptions selecting = selection_options(folder_, options, release);
  Selection selection = candidates ? select(measured, *candidates, selecting) : select(measured, choice, selecting);

  threads_ = std::make_shared<ThreadPool>(selection.threads);
  const BackendFactory make_backend = options.make_backend ? options.make_backend : backend_named;
  const std::string chosen(selection.backend->name());
  if (options.make_backend) selection.backend = make_backend(chosen);
  runner_ = std::make_unique<RecoveringRunner>(std::move(selection.backend), graph,
                                               CompileOptions{.precision = selection.precision,
                                                              .device = selection.device.name,
                                                              .threads = threads_,
                                                              .disabled_passes = options.disabled_passes,
                                                              .cache = cache_folder(),
                                                              .release = release},
                                               RecoveryOptions{.fallback = options.fallback, .make_backend = make_backend});
  if (runner_->backend() != chosen) selection.device = make_backend(runner_->backend())->devices().usable.front();
  placement_ = {.backend = runner_->backend(),
                .device = std::move(selection.device),
                .implementation = report().implementation,
                .precision = runner_->precision(),
                .threads = threads_->threads(),
                .choice = std::move(selection.choice)};
  load_milliseconds_ = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

RunResult Session::run(const TensorMap& inputs) const {
  check_sequences(inputs);
  TensorMap complete = inputs;
  add_default_inputs(report().graph, complete);
  return runner_->run(complete);
}

void Session::check_sequences(const TensorMap& inputs) const {
  if (!inputs.contains("sequences")) throw Error(ErrorKind::invalid_argument, "input 'sequences' is missing");
  for (const auto& [name, most] : {std::pair("sequences", most_tokens_), std::pair("decoder_sequences", most_decoder_tokens_)}) {
    const auto found = inputs.find(name);
    if (found == inputs.end()) continue;
    const std::span<const std::int64_t> begins = found->second.values<std::int64_t>();
    if (begins.size() < 2 || begins.front() != 0)
      throw Error(ErrorKind::invalid_argument, fmt::format("input '{}': expected at least one sequence, the first beginning at 0", name));
    for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
      const std::int64_t length = begins[i + 1] - begins[i];
      if (length < 1) throw Error(ErrorKind::invalid_argument, fmt::format("sequence {} has {} tokens, expected at least 1", i, length));
      if (length > most)
        throw Error(ErrorKind::invalid_argument,
                    fmt::format("sequence {}: a text of {} tokens is longer than the model's {} positions", i, length, most));
    }
  }
}

}  // namespace accelerate
