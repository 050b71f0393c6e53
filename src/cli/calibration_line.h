#pragma once

#include "runtime/calibration.h"

namespace accelerate::cli {

/// Shows on standard error, where that is a terminal, that ways to run a model are being measured, and which; Ctrl-C ends it.
/// The line is wiped when the last copy of what is returned goes.
CalibrationProgress shown_calibration();

}  // namespace accelerate::cli
