// How a session chooses where to run, and the explanation of that choice.
#pragma once

#include <functional>

#include "runtime/selection.h"
#include "runtime/session.h"

namespace accelerate {

/// The options as finding candidates takes them.
ChoiceOptions choice_options(const SessionOptions& options);

/// The graph that a session compiles: the model's, changed as the options ask, and without inputs that nothing reads.
Graph session_graph(const ModelFolder& folder, WeightSource& weights, const SessionOptions& options);

/// The model as a calibration takes it; it refers to the graph.
CalibrationModel calibration_model(const Config& config, const Graph& graph);

/// The options as selecting takes them, with what becomes of weights that are not read again.
SelectionOptions selection_options(const ModelFolder& folder, const SessionOptions& options,
                                   const std::function<void(const Tensor&)>& release);

/// How a session with these options would run the folder's model, and why.
struct Explanation {
  Candidates candidates;
  KeptCalibration kept;
  Decision decision;
};

/// Explains the choice that a session makes of these options. Measures where no calibration is kept, where `recalibrate` asks for
/// it, and where there is only one way too, so that there are figures. Throws as Session does.
Explanation explain_choice(const ModelFolder& folder, const SessionOptions& options, bool recalibrate);

}  // namespace accelerate
