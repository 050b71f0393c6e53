#include "runtime/session.h"

#include <fmt/format.h>

#include <chrono>

#include "base/cache_folder.h"
#include "ipfs_accelerate/error.h"
#include "runtime/backend_choice.h"
#include "runtime/default_inputs.h"
#include "runtime/positions.h"

namespace accelerate {

std::string Placement::isa() const {
  return implementation.starts_with(backend + " ") ? implementation.substr(backend.size() + 1) : std::string();
}

Session::Session(ModelFolder folder, const SessionOptions& options)
    : folder_(std::move(folder)), head_(options.head ? *options.head : head_of(folder_.config)) {
  const auto start = std::chrono::steady_clock::now();
  const Precision precision = choose_precision(options.precision);
  BackendChoice choice = choose_backend(options.backend);
  architecture_of(folder_.config);  // before the weights are opened: a model that cannot run is refused for that reason

  checkpoint_ = std::make_shared<Checkpoint>(folder_.transformer);
  Graph graph = build_graph(folder_.config, *checkpoint_, head_);
  if (options.adapt) graph = options.adapt(graph);

  threads_ = std::make_shared<ThreadPool>(options.threads);
  CompileOptions compile{.precision = precision,
                         .threads = threads_,
                         .disabled_passes = options.disabled_passes,
                         .cache = cache_folder(),
                         .release = [checkpoint = checkpoint_](const Tensor& tensor) { checkpoint->release(tensor); }};
  const BackendFactory make_backend = options.make_backend ? options.make_backend : backend_named;
  const std::string chosen(choice.backend->name());
  if (options.make_backend) choice.backend = make_backend(chosen);
  runner_ = std::make_unique<RecoveringRunner>(std::move(choice.backend), graph, std::move(compile),
                                               RecoveryOptions{.fallback = options.fallback, .make_backend = make_backend});
  if (runner_->backend() != chosen) choice.device = make_backend(runner_->backend())->devices().usable.front();
  placement_ = {.backend = runner_->backend(),
                .device = std::move(choice.device),
                .implementation = report().implementation,
                .precision = runner_->precision(),
                .threads = threads_->threads()};
  most_tokens_ = accelerate::most_tokens(folder_.config, report().graph);
  load_milliseconds_ = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

RunResult Session::run(const TensorMap& inputs) const {
  check_sequences(inputs);
  TensorMap complete = inputs;
  add_default_inputs(report().graph, complete);
  return runner_->run(complete);
}

void Session::check_sequences(const TensorMap& inputs) const {
  const auto found = inputs.find("sequences");
  if (found == inputs.end()) throw Error(ErrorKind::invalid_argument, "input 'sequences' is missing");
  const std::span<const std::int64_t> begins = found->second.values<std::int64_t>();
  if (begins.size() < 2 || begins.front() != 0)
    throw Error(ErrorKind::invalid_argument, "input 'sequences': expected at least one sequence, the first beginning at 0");
  for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
    const std::int64_t length = begins[i + 1] - begins[i];
    if (length < 1) throw Error(ErrorKind::invalid_argument, fmt::format("sequence {} has {} tokens, expected at least 1", i, length));
    if (length > most_tokens_)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("sequence {}: a text of {} tokens is longer than the model's {} positions", i, length, most_tokens_));
  }
}

}  // namespace accelerate
