#pragma once

#include <CLI/CLI.hpp>
#include <map>
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

/// Whether a command has no --top-k of its own.
enum class WithTopK : bool { no, yes };

/// Adds --max-new-tokens, --greedy, --sample, --temperature and the rest, and returns what was added.
std::vector<const CLI::Option*> add_generation_flags(CLI::App& command, GenerationFlags& flags, WithTopK with_top_k = WithTopK::yes);

/// Sets the flags of those names, without dashes before them, to these values; an empty one is for flags that have none. Throws
/// invalid_argument for a name or value that the command line would not take.
void parse_generation_flags(const std::map<std::string, std::string>& values, GenerationFlags& flags);

/// The names that parse_generation_flags() knows, with commas.
std::string generation_flag_names();

/// The flags as the library takes them. Throws invalid_argument for flags that exclude each other or are not well formed,
/// and as reading a schema's file does.
GenerationOptions generation_options(const GenerationFlags& flags);

}  // namespace accelerate::cli
