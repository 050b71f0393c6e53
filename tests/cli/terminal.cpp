#include "cli/terminal.h"

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace accelerate {

Terminal::Terminal(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{ACCELERATE_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const winsize size{.ws_row = 40, .ws_col = 500, .ws_xpixel = 0, .ws_ypixel = 0};
  process_ = forkpty(&terminal_, nullptr, nullptr, &size);
  if (process_ < 0) throw std::runtime_error("no terminal can be made");
  if (process_ > 0) return;
  setenv("TERM", "vt100", 1);
  setenv("LC_ALL", "C.UTF-8", 1);
  execv(ACCELERATE_PROGRAM, pointers.data());
  _exit(127);
}

Terminal::~Terminal() {
  if (process_ > 0) {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  close(terminal_);
}

void Terminal::type(std::string_view keys) {
  while (!keys.empty()) {
    const ssize_t count = write(terminal_, keys.data(), keys.size());
    if (count < 0) throw std::runtime_error("the program does not read what is typed");
    keys.remove_prefix(static_cast<std::size_t>(count));
  }
}

bool Terminal::read_more() {
  pollfd ready{.fd = terminal_, .events = POLLIN, .revents = 0};
  if (poll(&ready, 1, 60'000) <= 0) throw std::runtime_error("the program shows nothing more; it showed: " + shown_);
  char bytes[4096];
  const ssize_t count = read(terminal_, bytes, sizeof bytes);
  if (count <= 0) return false;  // the program's end closes the terminal
  shown_.append(bytes, static_cast<std::size_t>(count));
  return true;
}

std::string Terminal::wait_for(std::string_view text) {
  for (;;) {
    if (const std::size_t found = shown_.find(text); found != std::string::npos) {
      std::string before = shown_.substr(0, found + text.size());
      shown_.erase(0, before.size());
      return before;
    }
    if (!read_more()) throw std::runtime_error("the program ended; it showed: " + shown_);
  }
}

int Terminal::wait_for_end() {
  while (read_more()) {
  }
  int status = 0;
  waitpid(process_, &status, 0);
  process_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace accelerate
