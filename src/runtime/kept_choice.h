// Which calibration answered some options before: known without asking any backend what devices it has, which loads its module.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "runtime/selection.h"

namespace accelerate {

/// What the candidates of these options for this graph follow from, as far as that is seen without loading a backend's module: the
/// graph, the machine, the modules' files, and what the system shows of devices.
std::string choice_key(const Graph& graph, const ChoiceOptions& choice, const SelectionOptions& options);

/// The selection by the calibration that was noted for `key`, when that is still kept and its device is still there.
std::optional<Selection> kept_selection(const std::string& key, const ChoiceOptions& choice, const SelectionOptions& options);

/// Notes that the calibration `calibration` answers `key`. What cannot be written is found out again by the next process.
void note_calibration(const std::string& key, const std::string& calibration, const SelectionOptions& options);

}  // namespace accelerate
