#include "cli/interrupt.h"

#include <csignal>

#include "ipfs_accelerate/error.h"

namespace accelerate::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;  // all that a signal handler may touch

void note_interrupt(int) { interrupted = 1; }

}  // namespace

void catch_interrupts() {
  struct sigaction action{};
  action.sa_handler = note_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
}

bool is_interrupted() { return interrupted != 0; }

bool take_interrupt() {
  if (interrupted == 0) return false;
  interrupted = 0;
  catch_interrupts();
  return true;
}

void throw_if_interrupted() {
  if (interrupted != 0) throw Error(ErrorKind::cancelled, "interrupted");
}

}  // namespace accelerate::cli
