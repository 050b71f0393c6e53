// Where a model's graph is to run: measured once a model and machine, kept on disk, chosen by the caller's wish.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "runtime/calibration.h"
#include "runtime/candidates.h"
#include "runtime/choice.h"

namespace accelerate {

/// What a graph is compiled with, and why.
struct Selection {
  std::shared_ptr<const Backend> backend;
  Device device;
  Precision precision = Precision::fp32;
  int threads = 1;
  Choice choice;
};

struct SelectionOptions {
  std::string model = {};             ///< the model's name, for people
  std::filesystem::path folder = {};  ///< where calibrations are kept; empty: nowhere
  bool recalibrate = false;           ///< measure even where a calibration is kept
  CalibrationOptions calibration = {};
};

/// A calibration, just made or kept from before.
struct KeptCalibration {
  Calibration calibration;
  std::filesystem::path file;  ///< where it is kept; empty: nowhere
  std::string note;            ///< why it could not be kept; empty where it is
};

/// The calibration of these candidates for this model: the one kept in the folder or, where that is missing, damaged or for
/// something else, a new one, which is then kept. Processes that want the same one wait for the first to measure it. Throws as
/// calibrate() does.
KeptCalibration calibration_of(const CalibrationModel& model, const Candidates& candidates, const SelectionOptions& options);

/// Chooses among the candidates; measures them where there are several. Throws as calibrate() does.
Selection select(const CalibrationModel& model, const Candidates& candidates, const SelectionOptions& options);

/// The same for options: among all backends' candidates, or, where these options were answered for this model before, by what was
/// measured then, and without asking the other backends anything. Throws as find_candidates does too.
Selection select(const CalibrationModel& model, const ChoiceOptions& choice, const SelectionOptions& options);

/// The folder of calibrations below cache_folder(); empty where there is none.
std::filesystem::path calibration_folder();

}  // namespace accelerate
