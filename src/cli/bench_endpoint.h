#pragma once

#include <cstdint>
#include <vector>

#include "cli/options.h"

namespace accelerate::cli {

struct EndpointBenchOptions {
  std::string model;
  std::vector<std::int64_t> lengths;  ///< tokens of the texts, which callers ask for in turn
  std::int64_t callers = 1;           ///< that each wait for an answer before they ask again
  double seconds = 1;
  bool json = false;
  ComputeOptions compute;
};

/// Measures an endpoint that many callers ask for one embedding at a time, beside the same texts given to the library at once, and
/// prints both. Texts in, tokenizer included.
void bench_endpoint(const EndpointBenchOptions& options);

}  // namespace accelerate::cli
