#include "runtime/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "ipfs_accelerate/error.h"
#include "runtime/positions.h"
#include "runtime/session_choice.h"

namespace accelerate {
namespace {

bool reads(const Graph& graph, std::string_view input) {
  return std::ranges::find(graph.inputs(), input, &NamedValue::name) != graph.inputs().end();
}

}  // namespace

std::string Placement::isa() const {
  return implementation.starts_with(backend + " ") ? implementation.substr(backend.size() + 1) : std::string();
}

Session::Session(ModelFolder folder, const SessionOptions& options)
    : folder_(std::move(folder)), head_(options.head ? *options.head : head_of(folder_.config)) {
  const auto start = std::chrono::steady_clock::now();
  const Candidates candidates = find_candidates(choice_options(options));
  architecture_of(folder_.config);  // before the weights are opened: a model that cannot run is refused for that reason

  checkpoint_ = std::make_shared<Checkpoint>(folder_.transformer);
  Graph graph = build_graph(folder_.config, *checkpoint_, head_);
  if (options.adapt) graph = options.adapt(graph);

  most_tokens_ = accelerate::most_tokens(folder_.config, graph);
  const auto release = [checkpoint = checkpoint_](const Tensor& tensor) { checkpoint->release(tensor); };
  Selection selection = select(calibration_model(folder_.config, graph), candidates, selection_options(folder_, options, release));

  threads_ = std::make_shared<ThreadPool>(selection.threads);
  executable_ = selection.backend->compile(std::move(graph), {.precision = selection.precision,
                                                              .device = selection.device.name,
                                                              .threads = threads_,
                                                              .disabled_passes = options.disabled_passes,
                                                              .release = release});
  placement_ = {.backend = std::string(selection.backend->name()),
                .device = std::move(selection.device),
                .implementation = report().implementation,
                .precision = selection.precision,
                .threads = threads_->threads(),
                .choice = std::move(selection.choice)};
  load_milliseconds_ = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

TensorMap Session::run(TensorMap inputs) const {
  check_sequences(inputs);
  std::erase_if(inputs, [&](const auto& input) { return !reads(report().graph, input.first); });
  return executable_->run(inputs);
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
