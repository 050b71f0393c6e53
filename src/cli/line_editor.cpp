#include "cli/line_editor.h"

#include <histedit.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <stdexcept>

#include "cli/interrupt.h"

namespace accelerate::cli {
namespace {

constexpr int history_lines = 1000;
constexpr int longest_wait = 100;  // milliseconds

/// Reads a character; a Ctrl-C ends the wait, which libedit's own function would go on with.
int read_character(EditLine* /*editor*/, wchar_t* character) {
  std::mbstate_t state{};
  for (;;) {
    // The signal may come just before the wait, or to another thread; so no wait is long.
    if (is_interrupted()) return -1;
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    const int ready = poll(&input, 1, longest_wait);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    char byte = 0;
    const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return static_cast<int>(count);
    const std::size_t length = std::mbrtowc(character, &byte, 1, &state);
    if (length == static_cast<std::size_t>(-1)) {  // no character: shown as one, so that the line stays text
      *character = L'\uFFFD';
      return 1;
    }
    if (length != static_cast<std::size_t>(-2)) return 1;
  }
}

}  // namespace

class LineEditor::State {
 public:
  State() : editor_(el_init("ipfs-accelerate", stdin, stdout, stderr)), history_(history_init()) {
    if (editor_ == nullptr || history_ == nullptr) throw std::bad_alloc();
    HistEvent event;
    history(history_, &event, H_SETSIZE, history_lines);
    history(history_, &event, H_SETUNIQUE, 1);
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(editor_, EL_PROMPT, &State::prompt_of);
    el_set(editor_, EL_EDITOR, "emacs");
    el_set(editor_, EL_HIST, history, history_);
    el_set(editor_, EL_GETCFN, &read_character);
    el_set(editor_, EL_SIGNAL, 0);
    el_source(editor_, nullptr);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    history_end(history_);
    el_end(editor_);
  }

  LineEnd read(const std::string& prompt, std::string& line) {
    prompt_ = prompt;
    el_resize(editor_);
    // Before the prompt can be seen: a Ctrl-D that comes between it and libedit's own switch would be lost.
    el_set(editor_, EL_PREP_TERM, 1);
    int count = 0;
    const char* const text = el_gets(editor_, &count);
    if (take_interrupt()) {
      std::fputs("^C\n", stdout);
      el_reset(editor_);
      return LineEnd::interrupted;
    }
    if (text == nullptr || count <= 0) return LineEnd::end_of_input;
    line.assign(text, static_cast<std::size_t>(count));
    if (line.ends_with('\n')) line.pop_back();
    if (!line.empty()) {
      HistEvent event;
      history(history_, &event, H_ENTER, line.c_str());
    }
    return LineEnd::entered;
  }

 private:
  static char* prompt_of(EditLine* editor) {
    State* state = nullptr;
    el_get(editor, EL_CLIENTDATA, &state);
    return state->prompt_.data();
  }

  EditLine* editor_;
  History* history_;
  std::string prompt_;
};

LineEditor::LineEditor() {
  // What is typed is text in UTF-8, whatever the environment leaves unsaid.
  if (std::setlocale(LC_CTYPE, "") == nullptr || MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
  state_ = std::make_unique<State>();
}

LineEditor::~LineEditor() = default;

LineEnd LineEditor::read(const std::string& prompt, std::string& line) { return state_->read(prompt, line); }

}  // namespace accelerate::cli
