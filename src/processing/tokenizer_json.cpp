#include "processing/tokenizer_json.h"

namespace accelerate::tokenizer_json {
namespace {

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) text += i + j <= bytes.size() ? digits[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

Json pieces_of(const std::vector<TemplatePiece>& pieces) {
  Json list = Json::array();
  for (const TemplatePiece& piece : pieces) {
    const bool is_text = piece.text == "$A" || piece.text == "$B";
    list.push_back(
        {{is_text ? "Sequence" : "SpecialToken", {{"id", is_text ? piece.text.substr(1) : piece.text}, {"type_id", piece.type_id}}}});
  }
  return list;
}

}  // namespace

Json part(std::string_view type, Json fields) {
  fields["type"] = type;
  return fields;
}

Json replace_text(std::string_view text, std::string_view by) {
  return part("Replace", {{"pattern", {{"String", text}}}, {"content", by}});
}

Json replace_regex(std::string_view pattern, std::string_view by) {
  return part("Replace", {{"pattern", {{"Regex", pattern}}}, {"content", by}});
}

Json normalizers(std::vector<Json> parts) { return part("Sequence", {{"normalizers", std::move(parts)}}); }

Json pre_tokenizers(std::vector<Json> parts) { return part("Sequence", {{"pretokenizers", std::move(parts)}}); }

Json metaspace(std::string_view prepend) { return part("Metaspace", {{"replacement", "▁"}, {"prepend_scheme", prepend}, {"split", true}}); }

Json precompiled(std::string_view charsmap) { return part("Precompiled", {{"precompiled_charsmap", base64(charsmap)}}); }

Json template_processing(const std::vector<TemplatePiece>& single, const std::vector<TemplatePiece>& pair,
                         const std::vector<TemplateToken>& tokens) {
  Json special = Json::object();
  for (const TemplateToken& token : tokens)
    special[std::string(token.text)] = {{"id", token.text}, {"ids", {token.id}}, {"tokens", {token.text}}};
  return part("TemplateProcessing", {{"single", pieces_of(single)}, {"pair", pieces_of(pair)}, {"special_tokens", std::move(special)}});
}

}  // namespace accelerate::tokenizer_json
