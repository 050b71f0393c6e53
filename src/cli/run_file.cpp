#include "cli/run_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "cli/interrupt.h"
#include "cli/line_reader.h"
#include "cli/progress_bar.h"
#include "cli/resumable_output.h"
#include "ipfs_accelerate/error.h"
#include "runtime/model_fingerprint.h"

namespace accelerate::cli {
namespace {

// A window ends with as many lines as take about so long, or with so many bytes, whichever comes first.
constexpr double window_seconds = 5;
constexpr std::size_t first_window = 64;
constexpr std::size_t smallest_window = 64;
constexpr std::size_t largest_window = 16384;
constexpr std::size_t window_bytes = 8 << 20;

/// A line of the input that wants an answer.
struct Line {
  std::uint64_t number = 0;  ///< from 1
  RunInput input = {};
  std::string fields = {};  ///< of its answer, as JSON without braces, once there is one
  std::string error = {};   ///< why there is none
};

/// Lines that are answered and written together.
struct Window {
  std::vector<Line> lines;
  LinePlace end;
};

class FileRunner {
 public:
  FileRunner(TaskRunner& runner, const FileRun& run)
      : runner_(runner), run_(run), reader_(run.input), output_(run.output, identity(), run.restart), bar_("lines") {
    AnswerJson placement = AnswerJson::object();
    const Placement& chosen = runner.model().placement;
    placement["backend"] = chosen.backend;
    placement["device"] = chosen.device.name;
    placement["implementation"] = chosen.implementation;
    placement["precision"] = std::string(name_of(chosen.precision));
    if (runner.model().folder.random_weights) placement["random_weights"] = true;
    placement_ = line_of(placement).substr(1);
  }

  FileRunResult run() {
    if (!reader_.skip_to(output_.progress().input))
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("{}.partial: has the answers to {} lines of {}, which {} does not begin with; start anew with --restart",
                              run_.output.string(), output_.progress().input.lines, output_.earlier_input(), run_.input.string()));
    progress_ = output_.progress();
    const std::uint64_t continued = progress_.answers;
    if (!output_.is_finished()) answer_lines();
    output_.finish();
    return {.answers = progress_.answers, .continued = continued, .skipped = progress_.skipped};
  }

 private:
  /// What the answers depend on, as texts.
  nlohmann::ordered_json identity() const {
    const Placement& placement = runner_.model().placement;
    nlohmann::ordered_json identity{
        {"input", run_.input.string()},
        {"task", std::string(name_of(run_.task))},
        {"model", fmt::format("{} {}", runner_.model().folder.name(), model_fingerprint(runner_.model().folder))},
        {"backend", placement.backend},
        {"precision", std::string(name_of(placement.precision))},
        {"format of the input", run_.is_text ? "text" : "JSON"}};
    identity.update(run_.settings);
    return identity;
  }

  void answer_lines() {
    total_ = reader_.place().lines + reader_.count_lines();
    try {
      while (true) {
        const auto start = std::chrono::steady_clock::now();
        Window window = read_window();
        if (window.end.lines == progress_.input.lines) return;
        answer(window);
        write(window);
        adapt_window(window.lines.size(), std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::cancelled) throw;
      throw Error(ErrorKind::cancelled, fmt::format("{}: {} of {} lines are done; the same command goes on from there", error.what(),
                                                    progress_.input.lines, total_));
    }
  }

  /// The next lines; none where the file ends. A line that is broken ends the window, unless errors are skipped.
  Window read_window() {
    Window window;
    std::size_t bytes = 0;
    std::string text;
    bool broken = false;
    while (!broken && window.lines.size() < window_lines_ && bytes < window_bytes && reader_.next(text)) {
      bytes += text.size();
      if (!run_.is_text && text.find_first_not_of(" \t\r") == std::string::npos) continue;
      Line& line = window.lines.emplace_back(Line{.number = reader_.place().lines});
      try {
        line.input = run_.is_text ? RunInput{.text = std::move(text)} : parse_input(text, place_of(line));
        complete_input(line.input, run_.sources, run_.task);
      } catch (const Error& error) {
        line.error = at_place(error.what(), line);
        broken = !run_.skip_errors;
      }
    }
    window.end = reader_.place();
    return window;
  }

  std::string place_of(const Line& line) const { return fmt::format("{} line {}", run_.input.string(), line.number); }

  /// The message with the line's place in front, in place of the number that the input has in its call.
  std::string at_place(std::string_view message, const Line& line) const {
    const std::string place = place_of(line);
    if (message.starts_with(place)) return std::string(message);
    constexpr std::string_view only_input = "input 0: ";
    if (message.starts_with(only_input)) message.remove_prefix(only_input.size());
    return fmt::format("{}: {}", place, message);
  }

  /// Fills the lines' answers.
  void answer(Window& window) {
    std::vector<RunInput> inputs;
    std::vector<Line*> lines;
    for (Line& line : window.lines) {
      if (!line.error.empty()) continue;
      inputs.push_back(std::move(line.input));
      lines.push_back(&line);
    }
    done_ = 0;
    answer(inputs, lines);
  }

  /// Answers inputs[i] in *lines[i]. Inputs of which one cannot be answered are halved until that one is alone.
  void answer(std::span<const RunInput> inputs, std::span<Line* const> lines) {
    if (inputs.empty()) return;
    try {
      runner_.run(inputs, [&](std::size_t done, std::size_t total) {
        throw_if_interrupted();
        bar_.update(progress_.input.lines + done_ + inputs.size() * done / std::max<std::size_t>(total, 1), total_);
      });
      for (std::size_t i = 0; i < inputs.size(); ++i) runner_.append_fields(lines[i]->fields, i);
      done_ += inputs.size();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::invalid_argument) throw;
      if (inputs.size() == 1) {
        lines.front()->error = at_place(error.what(), *lines.front());
        return;
      }
      const std::size_t half = inputs.size() / 2;
      answer(inputs.first(half), lines.first(half));
      answer(inputs.subspan(half), lines.subspan(half));
    }
  }

  /// Appends the window's answers to the output, up to the first error where errors are not skipped, which it throws.
  void write(const Window& window) {
    std::string text;
    const Line* failed = nullptr;
    for (const Line& line : window.lines) {
      if (!line.error.empty() && !run_.skip_errors) {
        failed = &line;
        break;
      }
      text += fmt::format(R"({{"index":{},)", progress_.answers++);
      if (line.error.empty()) {
        text += line.fields;
        text += ',';
        text += placement_;
      } else {
        ++progress_.skipped;
        text += line_of(AnswerJson{{"line", line.number}, {"error", line.error}}).substr(1);
      }
      text += '\n';
    }
    progress_.input = window.end;
    if (failed == nullptr) return output_.append(text, progress_);
    keep_until(*failed, text);
    throw Error(ErrorKind::invalid_argument, failed->error);
  }

  /// Appends the answers to the lines before `failed`, so that a run with that line mended goes on from there.
  void keep_until(const Line& failed, std::string_view text) {
    LineReader reader(run_.input);
    std::string line;
    if (!reader.skip_to(output_.progress().input)) return;  // the file changes under our hands
    while (reader.place().lines + 1 < failed.number && reader.next(line)) continue;
    progress_.input = reader.place();
    output_.append(text, progress_);
  }

  void adapt_window(std::size_t lines, double seconds) {
    if (lines == 0 || seconds <= 0) return;
    const double wanted = static_cast<double>(lines) * window_seconds / seconds;
    window_lines_ = std::clamp(static_cast<std::size_t>(std::min(wanted, 1e9)), smallest_window, largest_window);
  }

  TaskRunner& runner_;
  const FileRun& run_;
  LineReader reader_;
  ResumableOutput output_;
  ProgressBar bar_;
  std::string placement_;  // what ends each answer: its fields and the closing brace
  RunProgress progress_;   // with the lines that were just answered
  std::uint64_t total_ = 0;
  std::size_t done_ = 0;  // inputs of this window
  std::size_t window_lines_ = first_window;
};

}  // namespace

FileRunResult run_file(TaskRunner& runner, const FileRun& run) { return FileRunner(runner, run).run(); }

}  // namespace accelerate::cli
