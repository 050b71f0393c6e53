#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "ipfs_accelerate/generation.h"

namespace accelerate::cli {

/// How text is generated, as the command line says it.
struct GenerationFlags {
  GenerationOptions options;
  bool greedy = false;
  bool sample = false;
  bool ignore_eos = false;
  std::string early_stopping;
  std::string json_schema;              ///< a file
  std::vector<std::string> logit_bias;  ///< "ID=BIAS"
};

/// Adds --max-new-tokens, --greedy, --sample, --temperature and the rest.
void add_generation_flags(CLI::App& command, GenerationFlags& flags);

/// The flags as the library takes them. Throws invalid_argument for flags that exclude each other or are not well formed,
/// and as reading a schema's file does.
GenerationOptions generation_options(const GenerationFlags& flags);

}  // namespace accelerate::cli
