#include "runtime/session_choice.h"

#include <algorithm>

#include "base/cache_folder.h"
#include "ipfs_accelerate/error.h"
#include "passes/pass.h"
#include "runtime/positions.h"

namespace accelerate {

ChoiceOptions choice_options(const SessionOptions& options) {
  return {.backend = options.backend,
          .precision = options.precision,
          .threads = options.threads,
          .prefer = options.prefer,
          .accuracy = options.accuracy};
}

Graph session_graph(const ModelFolder& folder, WeightSource& weights, const SessionOptions& options) {
  const Graph graph = build_graph(folder.config, weights, options.head ? *options.head : head_of(folder.config));
  return remove_dead_nodes(options.adapt ? options.adapt(graph) : graph);
}

CalibrationModel calibration_model(const Config& config, const Graph& graph) {
  return {.graph = graph,
          .vocabulary = config.integer_or("vocab_size", 1),
          .most_tokens = std::max<std::int64_t>(most_tokens(config, graph), 1)};
}

SelectionOptions selection_options(const ModelFolder& folder, const SessionOptions& options,
                                   const std::function<void(const Tensor&)>& release) {
  return {.model = folder.name(),
          .folder = calibration_folder(),
          .calibration = {
              .disabled_passes = options.disabled_passes, .cache = cache_folder(), .release = release, .progress = options.calibrating}};
}

Explanation explain_choice(const ModelFolder& folder, const SessionOptions& options, bool recalibrate) {
  Candidates candidates = find_candidates(choice_options(options));
  architecture_of(folder.config);
  const auto checkpoint = std::make_shared<Checkpoint>(folder.transformer);
  const Graph graph = session_graph(folder, *checkpoint, options);
  if (const std::string input = unknown_input(graph); !input.empty())
    throw Error(ErrorKind::unsupported, "input '" + input + "' of the model cannot be made up, so nothing can be measured");

  SelectionOptions selection = selection_options(folder, options, [checkpoint](const Tensor& tensor) { checkpoint->release(tensor); });
  selection.recalibrate = recalibrate;
  KeptCalibration kept = calibration_of(calibration_model(folder.config, graph), candidates, selection);
  std::optional<Decision> decision = decide(kept.calibration.measurements, candidates.wish);
  if (!decision) throw Error(ErrorKind::unavailable, "no way to run this model agrees with float32 as far as is asked for");
  return {.candidates = std::move(candidates), .kept = std::move(kept), .decision = std::move(*decision)};
}

}  // namespace accelerate
