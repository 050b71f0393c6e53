#include "tasks/embed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ipfs_accelerate/error.h"
#include "tasks/embedding_graph.h"

namespace accelerate {
namespace {

SessionOptions with_pooling(SessionOptions options, const std::optional<SentenceTransformer>& sentence) {
  EmbeddingSettings settings;
  if (sentence) settings = {.modes = sentence->pooling.modes, .normalize = sentence->normalize};
  options.head = Head::base;
  options.adapt = [settings](const Graph& graph) { return embedding_graph(graph, settings); };
  return options;
}

/// The text that the folder puts before every input.
std::string default_prompt(const SentenceTransformer& sentence) {
  if (!sentence.default_prompt_name) return {};
  const auto prompt = sentence.prompts.find(*sentence.default_prompt_name);
  if (prompt == sentence.prompts.end())
    throw Error(ErrorKind::invalid_file,
                fmt::format("config_sentence_transformers.json: default_prompt_name is '{}', which is none of its prompts",
                            *sentence.default_prompt_name));
  if (!prompt->second.empty() && !sentence.pooling.include_prompt)
    throw Error(ErrorKind::unsupported, "pooling that leaves out the prompt's tokens is not supported");
  return prompt->second;
}

std::optional<std::int64_t> length_limit(const std::optional<SentenceTransformer>& sentence) {
  return sentence ? sentence->max_seq_length : std::nullopt;
}

}  // namespace

std::span<const float> Embeddings::operator[](std::size_t text) const {
  const auto dimensions = static_cast<std::size_t>(values.dim(1));
  return values.values<float>().subspan(text * dimensions, dimensions);
}

Embedder::Embedder(const ModelFolder& folder, const SessionOptions& options)
    : Embedder(folder, options, read_sentence_transformer(folder.path)) {}

Embedder::Embedder(const ModelFolder& folder, const SessionOptions& options, std::optional<SentenceTransformer> sentence)
    : model_(folder, with_pooling(options, sentence), length_limit(sentence)) {
  if (sentence && sentence->do_lower_case)
    throw Error(ErrorKind::unsupported,
                "sentence_bert_config.json: 'do_lower_case' is true; lower-casing outside the tokenizer is not supported");
  if (sentence) prompt_ = default_prompt(*sentence);
  const Graph& graph = model_.session().report().graph;
  dimensions_ = graph.type(graph.outputs().front().value).shape.back().value();
}

Embeddings Embedder::embed(std::span<const std::string> texts, const TextOptions& options, const Progress& progress) const {
  std::vector<std::string> prompted;
  if (!prompt_.empty()) {
    for (const std::string& text : texts) prompted.push_back(prompt_ + text);
    texts = prompted;
  }
  const Encodings encodings = model_.encode(inputs_of(texts), options);

  Embeddings result{.values = Tensor::zeros(DType::float32, {encodings.inputs(), dimensions_}),
                    .tokens = {},
                    .truncated = {encodings.truncated.begin(), encodings.truncated.end()},
                    .notes = std::vector<std::vector<std::string>>(texts.size())};
  for (std::size_t i = 0; i < texts.size(); ++i) result.tokens.push_back(encodings.begins[i + 1] - encodings.begins[i]);
  const std::span<float> values = result.values.mutable_values<float>();
  const auto place = [&](const BatchResult& batch) {
    for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
      std::ranges::copy(batch.row("embedding", i), values.begin() + static_cast<std::ptrdiff_t>(batch.inputs[i]) * dimensions_);
      result.notes[batch.inputs[i]] = batch.notes;
    }
  };
  model_.run(encodings, place, progress);
  return result;
}

SessionOptions embedding_session(const ModelFolder& folder, SessionOptions options) {
  return with_pooling(std::move(options), read_sentence_transformer(folder.path));
}

float cosine(std::span<const float> a, std::span<const float> b) {
  double product = 0;
  double squares_of_a = 0;
  double squares_of_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += static_cast<double>(a[i]) * b[i];
    squares_of_a += static_cast<double>(a[i]) * a[i];
    squares_of_b += static_cast<double>(b[i]) * b[i];
  }
  const double lengths = std::sqrt(squares_of_a * squares_of_b);
  return lengths == 0 ? 0.0F : static_cast<float>(product / lengths);
}

}  // namespace accelerate
