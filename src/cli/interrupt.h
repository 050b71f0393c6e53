#pragma once

namespace accelerate::cli {

/// Lets Ctrl-C ask for an end instead of ending the program at once; a second one ends it.
void catch_interrupts();

/// Whether Ctrl-C was pressed since take_interrupt() last said so.
bool is_interrupted();

/// The same, for whoever goes on after it: the next one asks for an end again.
bool take_interrupt();

/// Throws cancelled when Ctrl-C was pressed.
void throw_if_interrupted();

}  // namespace accelerate::cli
