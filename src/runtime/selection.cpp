#include "runtime/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/cache_folder.h"
#include "base/file_lock.h"
#include "ipfs_accelerate/error.h"
#include "runtime/calibration_file.h"
#include "runtime/hardware.h"
#include "runtime/kept_choice.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

Selection at(const Place& place, int threads, Choice choice) {
  return {.backend = place.backend, .device = place.device, .precision = place.precision, .threads = threads, .choice = std::move(choice)};
}

/// The place where a candidate runs; nothing when it is none of the candidates'.
const Place* place_of(const Candidate& candidate, const Candidates& candidates) {
  const auto found = std::ranges::find_if(candidates.places, [&](const Place& place) {
    return place.backend->name() == candidate.backend && place.device.name == candidate.device && place.precision == candidate.precision;
  });
  return found == candidates.places.end() ? nullptr : &*found;
}

/// A lock in the folder, which is made where it is missing; nothing, and the reason in `note`, where that cannot be.
std::optional<FileLock> lock_of(const fs::path& file, std::string& note) {
  try {
    std::error_code failure;
    fs::create_directories(file.parent_path(), failure);
    return std::optional<FileLock>(std::in_place, fs::path(file).replace_extension(".lock"));
  } catch (const Error& error) {
    note = fmt::format("the calibration is not kept: {}", error.what());
    return std::nullopt;
  }
}

Calibration measured_and_kept(const CalibrationModel& model, const Candidates& candidates, const SelectionOptions& options,
                              const std::string& key, KeptCalibration& kept) {
  Calibration calibration = calibrate(model, candidates, options.calibration);
  if (!kept.note.empty()) return calibration;
  try {
    write_calibration(kept.file, {.key = key, .model = options.model, .machine = processor_model(), .calibration = calibration});
  } catch (const Error& error) {
    kept.note = fmt::format("the calibration is not kept: {}", error.what());
  }
  return calibration;
}

}  // namespace

fs::path calibration_folder() {
  const fs::path cache = cache_folder();
  return cache.empty() ? cache : cache / "calibrations";
}

KeptCalibration calibration_of(const CalibrationModel& model, const Candidates& candidates, const SelectionOptions& options) {
  const std::string key = calibration_key(model.graph, candidates, options.calibration.disabled_passes);
  KeptCalibration kept{.calibration = {}, .file = {}, .note = {}};
  if (options.folder.empty()) {
    kept.note = "the calibration is not kept: neither ACCELERATE_CACHE, XDG_CACHE_HOME nor HOME names a folder";
    kept.calibration = calibrate(model, candidates, options.calibration);
    return kept;
  }
  kept.file = options.folder / (key + ".json");
  const auto read = [&] {
    std::optional<StoredCalibration> stored;
    if (!options.recalibrate) stored = read_calibration(kept.file, key);
    if (stored) kept.calibration = std::move(stored->calibration);
    return stored.has_value();
  };
  if (read()) return kept;
  const std::optional<FileLock> lock = lock_of(kept.file, kept.note);
  if (lock && read()) return kept;  // another process measured while this one waited
  kept.calibration = measured_and_kept(model, candidates, options, key, kept);
  if (!kept.note.empty()) kept.file.clear();
  return kept;
}

Selection select(const CalibrationModel& model, const Candidates& candidates, const SelectionOptions& options) {
  Choice choice{.why = candidates.fixed ? Reason::fixed : Reason::only, .preference = candidates.wish.preference};
  if (const std::string input = unknown_input(model.graph); !candidates.single() && !input.empty())
    choice.note = fmt::format("nothing was measured, as input '{}' cannot be made up: the first of {} ways is taken", input,
                              candidates.places.size() * candidates.thread_counts.size());
  if (candidates.single() || !choice.note.empty()) return at(candidates.places.front(), candidates.thread_counts.front(), choice);

  const KeptCalibration kept = calibration_of(model, candidates, options);
  std::optional<Decision> decision = decide(kept.calibration.measurements, candidates.wish);
  const Candidate* chosen = decision ? &kept.calibration.measurements[decision->chosen].candidate : nullptr;
  const Place* place = chosen != nullptr ? place_of(*chosen, candidates) : nullptr;
  if (place == nullptr)
    throw Error(ErrorKind::unavailable, fmt::format("no way to run this model agrees with float32 to {}", candidates.wish.accuracy));
  choice.why = Reason::measured;
  choice.alternatives = std::move(decision->alternatives);
  choice.note = kept.note.empty() ? doubt_about(kept.calibration) : kept.note;
  return at(*place, chosen->threads, std::move(choice));
}

Selection select(const CalibrationModel& model, const ChoiceOptions& choice, const SelectionOptions& options) {
  if (choice.backend != "auto") return select(model, find_candidates(choice), options);
  const std::string key = choice_key(model.graph, choice, options);
  if (std::optional<Selection> kept = kept_selection(key, choice, options)) return std::move(*kept);
  const Candidates candidates = find_candidates(choice);
  Selection selection = select(model, candidates, options);
  if (selection.choice.why == Reason::measured)
    note_calibration(key, calibration_key(model.graph, candidates, options.calibration.disabled_passes), options);
  return selection;
}

}  // namespace accelerate
