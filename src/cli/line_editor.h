#pragma once

#include <memory>
#include <string>

namespace accelerate::cli {

/// What came from the terminal.
enum class LineEnd { entered, interrupted, end_of_input };

/// Lines from the terminal with editing and a history, as libedit has them: the keys of ~/.editrc, emacs' without it.
class LineEditor {
 public:
  /// Standard input and output are a terminal.
  LineEditor();
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// Shows `prompt` and waits for a line, which it puts into `line` without its end. interrupted: Ctrl-C was pressed, and what
  /// was typed is gone. end_of_input: Ctrl-D on an empty line.
  LineEnd read(const std::string& prompt, std::string& line);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace accelerate::cli
