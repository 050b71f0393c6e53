#include "tasks/create_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/file.h"
#include "formats/config.h"
#include "formats/safetensors.h"
#include "ipfs_accelerate/error.h"
#include "models/random_weights.h"
#include "runtime/positions.h"
#include "tasks/synthetic_tokenizer.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

void write_text(const fs::path& path, const std::string& text) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
  write_file_atomically(path, std::span(&bytes, 1));
}

void write_json(const fs::path& path, const Json& value) { write_text(path, value.dump(2) + "\n"); }

void make_folder(const fs::path& folder, bool overwrite) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) throw Error(ErrorKind::io, fmt::format("{}: cannot make the folder: {}", folder.string(), failure.message()));
  if (overwrite) return;
  const bool empty = fs::is_empty(folder, failure);
  if (failure) throw Error(ErrorKind::io, fmt::format("{}: {}", folder.string(), failure.message()));
  if (!empty) throw Error(ErrorKind::invalid_argument, fmt::format("{}: has files already; --force writes over them", folder.string()));
}

void write_sentence_files(const fs::path& folder, const SentenceShape& sentence, std::int64_t hidden) {
  const auto module = [](int index, std::string_view path, std::string_view type) {
    return Json{
        {"idx", index}, {"name", std::to_string(index)}, {"path", path}, {"type", fmt::format("sentence_transformers.models.{}", type)}};
  };
  Json modules = Json::array({module(0, "", "Transformer"), module(1, "1_Pooling", "Pooling")});
  if (sentence.normalize) modules.push_back(module(2, "2_Normalize", "Normalize"));
  make_folder(folder / "1_Pooling", true);
  write_json(folder / "1_Pooling" / "config.json", {{"word_embedding_dimension", hidden},
                                                    {"pooling_mode_cls_token", sentence.pooling == PoolingMode::cls},
                                                    {"pooling_mode_mean_tokens", sentence.pooling == PoolingMode::mean}});
  write_json(folder / "sentence_bert_config.json", {{"max_seq_length", sentence.max_seq_length}, {"do_lower_case", false}});
  write_json(folder / "modules.json", modules);
}

bool generates(const Config& config) {
  const std::span<const Head> heads = architecture_of(config).heads;
  return std::ranges::find(heads, Head::causal_lm) != heads.end();
}

/// Whether the model has an encoder that reads a text to be answered.
bool answers(const Config& config) {
  const std::span<const Head> heads = architecture_of(config).heads;
  return std::ranges::find(heads, Head::conditional_generation) != heads.end();
}

/// The id that the field has, the first of a list; nothing where it has none.
std::optional<std::int64_t> token_id(const Config& config, std::string_view field) {
  if (!config.has(field)) return std::nullopt;
  if (!config.is_list(field)) return config.integer(field, {.minimum = 0});
  const std::vector<std::int64_t> ids = config.integers(field, {.minimum = 0});
  return ids.empty() ? std::nullopt : std::optional(ids.front());
}

}  // namespace

CreatedModel create_model(Json config, const fs::path& folder, const CreateModelOptions& options) {
  config["random_weights"] = true;
  config["dtype"] = "float32";
  if (options.head)
    config["architectures"] = Json::array({class_name(Config::parse(config.dump(), "config.json").model_type(), *options.head)});
  const Config parsed = Config::parse(config.dump(), "config.json");

  RandomWeights weights(options.seed);
  const Graph graph = build_graph(parsed, weights, head_of(parsed));
  const SyntheticTokenizer tokenizer = synthetic_tokenizer({.model_type = parsed.model_type(),
                                                            .generates = generates(parsed) || answers(parsed),
                                                            .ends = answers(parsed),
                                                            .begin_id = token_id(parsed, "bos_token_id"),
                                                            .end_id = token_id(parsed, "eos_token_id"),
                                                            .vocabulary = parsed.integer("vocab_size"),
                                                            .pad_token_id = parsed.integer_or("pad_token_id", 0, {.minimum = 0}),
                                                            .most_tokens = most_tokens(parsed, graph)});

  make_folder(folder, options.overwrite);
  write_json(folder / "config.json", config);
  write_text(folder / "tokenizer.json", tokenizer.tokenizer.dump() + "\n");
  write_json(folder / "tokenizer_config.json", tokenizer.settings);
  if (options.sentence) write_sentence_files(folder, *options.sentence, hidden_size_of(parsed));
  write_safetensors(folder / "model.safetensors", weights.tensors(),
                    {{"format", "pt"}, {"random_weights", "true"}, {"seed", std::to_string(options.seed)}});

  CreatedModel created{.tensors = weights.tensors().size()};
  for (const auto& [name, tensor] : weights.tensors()) created.parameters += tensor.size();
  return created;
}

}  // namespace accelerate
