// The parts of a tokenizer.json, as the `tokenizers` package writes them.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace accelerate::tokenizer_json {

/// A normalizer, pre-tokenizer or decoder of that type, with its fields.
Json part(std::string_view type, Json fields = Json::object());

Json replace_text(std::string_view text, std::string_view by);
Json replace_regex(std::string_view pattern, std::string_view by);

/// Normalizers one after another.
Json normalizers(std::vector<Json> parts);

/// Pre-tokenizers one after another.
Json pre_tokenizers(std::vector<Json> parts);

/// Spaces as "▁", before the text too where `prepend` is "always"; a pre-tokenizer and a decoder.
Json metaspace(std::string_view prepend);

/// SentencePiece's own replacements of characters.
Json precompiled(std::string_view charsmap);

/// One element of a template: a special token, or the text "$A" or "$B".
struct TemplatePiece {
  std::string_view text;
  int type_id = 0;
};

/// A special token of a template.
struct TemplateToken {
  std::string_view text;
  std::int64_t id = 0;
};

/// The post-processor that puts special tokens around one text, and around two.
Json template_processing(const std::vector<TemplatePiece>& single, const std::vector<TemplatePiece>& pair,
                         const std::vector<TemplateToken>& tokens);

}  // namespace accelerate::tokenizer_json
