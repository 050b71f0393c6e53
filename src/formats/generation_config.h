// What a model folder says about generating text.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "ipfs_accelerate/generation.h"

namespace accelerate {

/// A generation_config.json.
struct GenerationConfig {
  GenerationOptions options;       ///< what the file gives; the rest is empty
  std::vector<std::string> notes;  ///< a line for each field that asks for what is not supported, and so has no effect
};

/// The fields of the generation_config.json in `text`; fields that are not known have no effect. Throws invalid_file naming
/// `source`, the file, and the field for a value that is not possible.
GenerationConfig parse_generation_config(std::string_view text, const std::string& source);

/// The generation_config.json of a model folder; without one, what older folders write among the fields of config.json;
/// without that, nothing; or what a GGUF file says of the tokens that begin and end texts. Throws as parse_generation_config.
GenerationConfig read_generation_config(const std::filesystem::path& folder);

}  // namespace accelerate
