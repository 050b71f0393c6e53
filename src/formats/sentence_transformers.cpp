#include "formats/sentence_transformers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/file.h"
#include "base/json.h"
#include "formats/torch_activation.h"

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

struct KindName {
  Kind kind;
  std::string_view name;
};

constexpr std::array kinds{
    KindName{Kind::transformer, "Transformer"}, KindName{Kind::pooling, "Pooling"},     KindName{Kind::dense, "Dense"},
    KindName{Kind::layer_norm, "LayerNorm"},    KindName{Kind::normalize, "Normalize"}, KindName{Kind::dropout, "Dropout"},
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
  const auto known = std::ranges::find(kinds, name, &KindName::name);
  return known == kinds.end() ? std::nullopt : std::optional(known->kind);
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

void read_model_settings(SentenceTransformer& model, const std::filesystem::path& folder) {
  const std::optional<Config> config = read_if_there(folder / "config_sentence_transformers.json");
  if (!config) return;
  if (config->has("truncate_dim")) model.truncate_dimensions = config->integer("truncate_dim");
  if (config->has("prompts")) model.prompts = config->text_map("prompts");
  if (!config->has("default_prompt_name")) return;
  model.default_prompt_name = config->text("default_prompt_name");
  if (!model.prompts.contains(*model.default_prompt_name)) config->refuse("default_prompt_name", "the name of one of its prompts");
}

/// Throws unless the module reads and writes the sentence's embedding, as modules after the pooling do by default.
void expect_embedding(const Config& config) {
  for (const char* field : {"module_input_name", "module_output_name"})
    if (config.text_or(field, "sentence_embedding") != "sentence_embedding")
      config.refuse(field, "sentence_embedding", ErrorKind::unsupported);
}

EmbeddingLayer read_layer(const SentenceModule& module, const std::filesystem::path& folder) {
  EmbeddingLayer layer{.kind = module.kind, .path = module.path};
  const std::filesystem::path file = folder / module.path / "config.json";
  if (module.kind == Kind::dense) layer.dense = parse_dense(Config::read(file));
  if (module.kind == Kind::layer_norm) layer.norm_dimension = Config::read(file).integer("dimension");
  if (module.kind == Kind::normalize)  // whose file versions before 5 did not write
    if (const std::optional<Config> config = read_if_there(file)) expect_embedding(*config);
  return layer;
}

}  // namespace

std::string_view name_of(PoolingMode mode) { return std::ranges::find(modes, mode, &ModeNames::mode)->name; }

PoolingSettings parse_pooling(const Config& config) {
  return {.modes = modes_of(config),
          .dimension = config.integer(config.has("embedding_dimension") ? "embedding_dimension" : "word_embedding_dimension"),
          .include_prompt = config.boolean_or("include_prompt", true)};
}

DenseSettings parse_dense(const Config& config) {
  expect_embedding(config);
  DenseSettings dense{.inputs = config.integer("in_features"),
                      .outputs = config.integer("out_features"),
                      .bias = config.boolean_or("bias", true),
                      .residual = config.boolean_or("use_residual", false)};
  if (config.has("activation_function")) dense.activation = torch_activation(config, "activation_function");
  return dense;
}

std::vector<SentenceModule> parse_modules(std::string_view text, const std::string& source) {
  std::vector<SentenceModule> result;
  for (const Config& module : Config::parse_list(text, source)) {
    const std::optional<Kind> kind = kind_of(module.text("type"));
    if (!kind)
      module.refuse("type", "sentence_transformers' Transformer, Pooling, Dense, LayerNorm, Normalize or Dropout", ErrorKind::unsupported);
    std::string path = module.text("path");
    if (!stays_inside(path)) module.refuse("path", "a folder inside the model's");
    result.push_back({.kind = *kind, .path = std::move(path)});
  }
  const auto is_layer = [](const SentenceModule& module) { return module.kind != Kind::transformer && module.kind != Kind::pooling; };
  const bool in_order = !result.empty() && result[0].kind == Kind::transformer && (result.size() == 1 || result[1].kind == Kind::pooling) &&
                        std::ranges::all_of(std::span(result).subspan(std::min<std::size_t>(2, result.size())), is_layer);
  if (!in_order)
    throw Error(ErrorKind::invalid_file,
                fmt::format("{}: has {} modules, expected a Transformer, a Pooling and then layers, in this order", source, result.size()));
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
  for (const SentenceModule& module : std::span(modules_of_model).subspan(1)) {
    if (module.kind == Kind::pooling)
      model.pooling = parse_pooling(Config::read(folder / module.path / "config.json"));
    else if (module.kind != Kind::dropout)  // which does something in training alone
      model.layers.push_back(read_layer(module, folder));
  }
  read_transformer_settings(model);
  read_model_settings(model, folder);
  return model;
}

}  // namespace accelerate
