#include "formats/sentence_transformers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/json.h"

namespace accelerate {
namespace {

using Kind = SentenceModule::Kind;

struct ModeNames {
  PoolingMode mode;
  std::string_view name;
  std::string_view old_field;
};

// In the order in which the old form joins several.
constexpr std::array modes{
    ModeNames{PoolingMode::cls, "cls", "pooling_mode_cls_token"},
    ModeNames{PoolingMode::max, "max", "pooling_mode_max_tokens"},
    ModeNames{PoolingMode::mean, "mean", "pooling_mode_mean_tokens"},
    ModeNames{PoolingMode::mean_sqrt_length, "mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens"},
    ModeNames{PoolingMode::weighted_mean, "weightedmean", "pooling_mode_weightedmean_tokens"},
    ModeNames{PoolingMode::last_token, "lasttoken", "pooling_mode_lasttoken"},
};

// The names that a transformer's settings had over the years.
constexpr std::array transformer_settings{
    "sentence_bert_config.json",   "sentence_roberta_config.json",     "sentence_distilbert_config.json", "sentence_camembert_config.json",
    "sentence_albert_config.json", "sentence_xlm-roberta_config.json", "sentence_xlnet_config.json",
};

/// The module's kind, by the last part of its Python class; the packages above it moved between versions.
std::optional<Kind> kind_of(std::string_view python_class) {
  if (!python_class.starts_with("sentence_transformers.")) return std::nullopt;
  const std::string_view name = python_class.substr(python_class.rfind('.') + 1);
  if (name == "Transformer") return Kind::transformer;
  if (name == "Pooling") return Kind::pooling;
  if (name == "Normalize") return Kind::normalize;
  return std::nullopt;
}

std::vector<PoolingMode> modes_of(const Config& config) {
  std::vector<PoolingMode> result;
  if (config.has("pooling_mode")) {
    const auto names = config.is_text("pooling_mode") ? std::vector{config.text("pooling_mode")} : config.texts("pooling_mode");
    for (const std::string& name : names) {
      const auto known = std::ranges::find(modes, name, &ModeNames::name);
      if (known == modes.end()) config.refuse("pooling_mode", "cls, max, mean, mean_sqrt_len_tokens, weightedmean or lasttoken");
      result.push_back(known->mode);
    }
    if (result.empty()) config.refuse("pooling_mode", "at least one mode");
    return result;
  }
  for (const ModeNames& mode : modes)
    if (config.boolean_or(mode.old_field, false)) result.push_back(mode.mode);
  if (result.empty()) result.push_back(PoolingMode::mean);  // sentence_transformers' default
  return result;
}

std::optional<Config> read_if_there(const std::filesystem::path& file) {
  std::error_code error;
  return std::filesystem::exists(file, error) ? std::optional(Config::read(file)) : std::nullopt;
}

void read_transformer_settings(SentenceTransformer& model) {
  for (const char* name : transformer_settings) {
    const std::optional<Config> config = read_if_there(model.transformer_folder / name);
    if (!config) continue;
    if (config->has("max_seq_length")) model.max_seq_length = config->integer("max_seq_length");
    model.do_lower_case = config->boolean_or("do_lower_case", false);
    return;
  }
}

void read_prompts(SentenceTransformer& model, const std::filesystem::path& folder) {
  const std::optional<Config> config = read_if_there(folder / "config_sentence_transformers.json");
  if (!config) return;
  if (config->has("prompts")) model.prompts = config->text_map("prompts");
  if (!config->has("default_prompt_name")) return;
  model.default_prompt_name = config->text("default_prompt_name");
  if (!model.prompts.contains(*model.default_prompt_name)) config->refuse("default_prompt_name", "the name of one of its prompts");
}

}  // namespace

std::string_view name_of(PoolingMode mode) { return std::ranges::find(modes, mode, &ModeNames::mode)->name; }

PoolingSettings parse_pooling(const Config& config) {
  return {.modes = modes_of(config),
          .dimension = config.integer(config.has("embedding_dimension") ? "embedding_dimension" : "word_embedding_dimension"),
          .include_prompt = config.boolean_or("include_prompt", true)};
}

std::vector<SentenceModule> parse_modules(std::string_view text, const std::string& source) {
  std::vector<SentenceModule> result;
  for (const Config& module : Config::parse_list(text, source)) {
    const std::optional<Kind> kind = kind_of(module.text("type"));
    if (!kind) module.refuse("type", "sentence_transformers' Transformer, Pooling or Normalize", ErrorKind::unsupported);
    std::string path = module.text("path");
    if (!stays_inside(path)) module.refuse("path", "a folder inside the model's");
    result.push_back({.kind = *kind, .path = std::move(path)});
  }
  constexpr std::array chain{Kind::transformer, Kind::pooling, Kind::normalize};
  const bool in_order = result.size() >= 2 && result.size() <= chain.size() &&
                        std::ranges::equal(result, std::span(chain).first(result.size()), {}, &SentenceModule::kind);
  if (!in_order)
    throw Error(
        ErrorKind::invalid_file,
        fmt::format("{}: has {} modules, expected Transformer, Pooling and perhaps Normalize in this order", source, result.size()));
  return result;
}

std::optional<SentenceTransformer> read_sentence_transformer(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "modules.json";
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return std::nullopt;
  constexpr std::size_t max_modules_bytes = 1 << 20;
  const std::vector<SentenceModule> modules_of_model = parse_modules(read_text_file(file, max_modules_bytes), file.string());

  SentenceTransformer model;
  model.transformer_folder = folder / modules_of_model[0].path;
  model.pooling = parse_pooling(Config::read(folder / modules_of_model[1].path / "config.json"));
  model.normalize = modules_of_model.size() == 3;
  read_transformer_settings(model);
  read_prompts(model, folder);
  return model;
}

}  // namespace accelerate
