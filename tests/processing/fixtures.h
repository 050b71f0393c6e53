// The tokenizers that tools/make_tokenizer_fixtures.py made, with what Python's package gives for hard texts.
#pragma once

#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/json.h"

namespace accelerate {

inline std::filesystem::path fixture_folder(const std::string& tokenizer) {
  return std::filesystem::path(ACCELERATE_TEST_DATA) / "processing/fixtures" / tokenizer;
}

inline std::string fixture_text(const std::string& tokenizer, const std::string& file) {
  return read_text_file(fixture_folder(tokenizer) / file, 1U << 20U);
}

inline Json fixture_json(const std::string& tokenizer, const std::string& file) { return parse_json(fixture_text(tokenizer, file), file); }

}  // namespace accelerate
