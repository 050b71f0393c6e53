// Calibrations on disk, one file a model, machine and set of candidates, so that each is measured once.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/calibration.h"

namespace accelerate {

/// A calibration with what it holds for.
struct StoredCalibration {
  std::string key;      ///< calibration_key()
  std::string model;    ///< its folder's name, for people
  std::string machine;  ///< its processor, for people
  Calibration calibration;
};

/// The file's text: JSON.
std::string text_of(const StoredCalibration& stored);

/// Reads such a text. Throws invalid_file, naming `source`, the field, its value and what was expected, for any other.
StoredCalibration parse_calibration(std::string_view text, const std::string& source);

/// What the stored calibration must have been measured for, in 16 hexadecimal digits: this version of the library; the graph,
/// and its weights' types, sizes and some of their bytes; the processor, its instruction set, cores and memory limit; the
/// candidates with their devices' descriptions.
std::string calibration_key(const Graph& graph, const Candidates& candidates, std::span<const std::string> disabled_passes);

/// The calibration in `file`; nothing when there is none, it is damaged, or it is another key's.
std::optional<StoredCalibration> read_calibration(const std::filesystem::path& file, std::string_view key);

/// Writes the calibration as `file`, whose folder is made where it is missing. Throws io or not_found.
void write_calibration(const std::filesystem::path& file, const StoredCalibration& stored);

}  // namespace accelerate
