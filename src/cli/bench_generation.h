#pragma once

#include <cstdint>

#include "cli/options.h"

namespace accelerate::cli {

struct GenerationBenchOptions {
  std::string model;
  std::int64_t batch = 1;
  std::int64_t prompt = 0;    ///< tokens of each prompt
  std::int64_t generate = 0;  ///< tokens generated after each
  std::int64_t rounds = 3;
  std::uint64_t seed = 0;
  bool json = false;
  ComputeOptions compute;
};

/// Measures how fast a model reads prompts and goes on with them, and prints it.
void bench_generation(const GenerationBenchOptions& options);

}  // namespace accelerate::cli
