#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/file_descriptor.h"
#include "cli/line_reader.h"

namespace accelerate::cli {

/// How far a run over a file is.
struct RunProgress {
  LinePlace input;            ///< where the lines begin that are not answered yet
  std::uint64_t answers = 0;  ///< written
  std::uint64_t skipped = 0;  ///< of these, errors in place of an answer
  std::uint64_t bytes = 0;    ///< of all answers
};

/// A file of answers that grows while a run goes on, and survives its end at any moment.
///
/// Until it is whole, the answers are in FILE.partial, and FILE.state tells what run they belong to and how far it got. The
/// state is replaced only once the answers that it counts are on the disk; so a later run cuts off whatever else is there and
/// goes on, and no answer is lost, doubled or half written. In the end FILE.partial becomes FILE, and the state is removed.
class ResumableOutput {
 public:
  /// Begins `path`, or goes on with it. `run` is an object of texts that tells what the answers depend on. Throws
  /// invalid_argument, naming what differs, where the answers so far belong to another run, unless `restart` throws them away;
  /// invalid_file for a damaged state; io where another process is at it or the system refuses.
  ResumableOutput(std::filesystem::path path, nlohmann::ordered_json run, bool restart);

  /// Of the run so far.
  const RunProgress& progress() const { return progress_; }

  /// The path of the input that the run so far read; empty for a new one.
  const std::string& earlier_input() const { return earlier_input_; }

  /// Whether all is written and a run was stopped just before the file took its name.
  bool is_finished() const { return finished_; }

  /// Appends answers, of which `progress` tells how far the run is with them, and makes them last.
  void append(std::string_view answers, RunProgress progress);

  /// Gives the file its name.
  void finish();

 private:
  bool read_state(bool restart);
  void write_state();

  std::filesystem::path path_;
  std::filesystem::path partial_;
  std::filesystem::path state_;
  nlohmann::ordered_json run_;
  FileDescriptor file_;
  RunProgress progress_;
  std::string earlier_input_;
  bool finished_ = false;
};

}  // namespace accelerate::cli
