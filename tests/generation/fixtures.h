// What tools/make_generation_fixtures.py recorded of transformers.
#pragma once

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "formats/generation_config.h"
#include "generation/settings.h"

namespace accelerate {

inline Json generation_fixture(const std::string& name) {
  const std::filesystem::path file = std::filesystem::path(ACCELERATE_TEST_DATA) / "generation/fixtures" / name;
  return parse_json(read_text_file(file, 1U << 20U), name);
}

/// A case's options; those that no generation_config.json has are read here.
inline GenerationOptions options_of(const Json& options) {
  GenerationOptions result = parse_generation_config(options.dump(), "options").options;
  if (options.contains("presence_penalty")) result.presence_penalty = options["presence_penalty"].get<double>();
  if (options.contains("frequency_penalty")) result.frequency_penalty = options["frequency_penalty"].get<double>();
  if (options.contains("logit_bias")) result.logit_bias = options["logit_bias"].get<std::vector<std::pair<std::int64_t, double>>>();
  if (!result.max_new_tokens) result.max_new_tokens = 20;
  return result;
}

/// Numbers, of which null stands for minus infinity.
inline std::vector<float> floats_of(const Json& values) {
  std::vector<float> floats;
  for (const Json& value : values) floats.push_back(value.is_null() ? -std::numeric_limits<float>::infinity() : value.get<float>());
  return floats;
}

}  // namespace accelerate
