#pragma once

#include <string>

#include "cli/options.h"

namespace accelerate::cli {

struct ExplainOptions {
  std::string model;
  bool recalibrate = false;
  bool json = false;
  ComputeOptions compute;
};

/// Prints how the model would run with these options, what else was measured, and what could not be.
void explain(const ExplainOptions& options);

}  // namespace accelerate::cli
