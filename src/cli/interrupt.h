#pragma once

namespace accelerate::cli {

/// Lets Ctrl-C ask for an end instead of ending the program at once; a second one ends it.
void catch_interrupts();

/// Throws cancelled when Ctrl-C was pressed.
void throw_if_interrupted();

}  // namespace accelerate::cli
