#include "tasks/embed.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <ranges>

#include "ipfs_accelerate/error.h"
#include "tasks/embedding_graph.h"

namespace accelerate {
namespace {

SessionOptions with_pooling(const ModelFolder& folder, SessionOptions options, const std::optional<SentenceTransformer>& sentence) {
  EmbeddingSettings settings{.folder = folder.path};
  if (sentence) {
    settings.modes = sentence->pooling.modes;
    settings.leaves_out_prompt = !sentence->pooling.include_prompt;
    settings.layers = sentence->layers;
  }
  options.head = Head::base;
  options.adapt = [settings](const Graph& graph) { return embedding_graph(graph, settings); };
  return options;
}

std::optional<std::int64_t> length_limit(const std::optional<SentenceTransformer>& sentence) {
  return sentence ? sentence->max_seq_length : std::nullopt;
}

/// x / max(‖x‖, 1e-12).
void scale_to_one(std::span<float> x) {
  double squares = 0;
  for (const float value : x) squares += static_cast<double>(value) * value;
  const double length = std::max(std::sqrt(squares), 1e-12);
  for (float& value : x) value = static_cast<float>(value / length);
}

/// 1 for the first `count` tokens of each input, 0 for the others: int64 [tokens].
Tensor first_tokens(const Encodings& batch, std::int64_t count) {
  Tensor tensor = Tensor::zeros(DType::int64, {batch.tokens()});
  const std::span<std::int64_t> marks = tensor.mutable_values<std::int64_t>();
  for (std::size_t i = 0; i + 1 < batch.begins.size(); ++i)
    std::fill(marks.begin() + batch.begins[i], marks.begin() + std::min(batch.begins[i] + count, batch.begins[i + 1]), 1);
  return tensor;
}

}  // namespace

std::span<const float> Embeddings::operator[](std::size_t text) const {
  const auto dimensions = static_cast<std::size_t>(values.dim(1));
  return values.values<float>().subspan(text * dimensions, dimensions);
}

EmbedResult result_of(Embeddings embeddings) {
  EmbedResult result{.vectors = std::move(embeddings.values),
                     .truncated = std::move(embeddings.truncated),
                     .tokens = std::move(embeddings.tokens),
                     .notes = {}};
  for (const std::vector<std::string>& notes : embeddings.notes) add_notes(result.notes, notes);
  return result;
}

Embedder::Embedder(const ModelFolder& folder, const SessionOptions& options)
    : Embedder(folder, options, read_sentence_transformer(folder.path)) {}

Embedder::Embedder(const ModelFolder& folder, const SessionOptions& options, std::optional<SentenceTransformer> sentence)
    : sentence_(sentence.value_or(SentenceTransformer{})), model_(folder, with_pooling(folder, options, sentence), length_limit(sentence)) {
  if (sentence_.do_lower_case)
    throw Error(ErrorKind::unsupported,
                "sentence_bert_config.json: 'do_lower_case' is true; lower-casing outside the tokenizer is not supported");
  const Graph& graph = model_.session().report().graph;
  dimensions_ = graph.type(graph.outputs().front().value).shape.back().value();
}

std::string Embedder::prompt_of(const EmbeddingOptions& options) const {
  if (options.prompt && options.prompt_name)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("prompt '{}': a prompt's name and its text exclude each other", *options.prompt_name));
  if (options.prompt) return *options.prompt;
  const std::optional<std::string>& name = options.prompt_name ? options.prompt_name : sentence_.default_prompt_name;
  if (!name) return {};
  if (const auto found = sentence_.prompts.find(*name); found != sentence_.prompts.end()) return found->second;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("prompt '{}' is not one of the model's{}{}", *name, sentence_.prompts.empty() ? ", which has none" : ": ",
                          fmt::join(sentence_.prompts | std::views::keys, ", ")));
}

std::int64_t Embedder::kept_dimensions(const EmbeddingOptions& options) const {
  if (!options.dimensions) return std::min(dimensions_, sentence_.truncate_dimensions.value_or(dimensions_));
  if (*options.dimensions >= 1 && *options.dimensions <= dimensions_) return *options.dimensions;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("dimensions: {}, expected 1 to {}, the numbers of the model's embeddings", *options.dimensions, dimensions_));
}

std::int64_t Embedder::tokens_left_out(const std::string& prompt) const {
  if (prompt.empty() || sentence_.pooling.include_prompt) return 0;
  const TextInput alone{.text = prompt};
  const Encodings encodings = model_.encode(std::span(&alone, 1));
  // The special token that would end the prompt stands after the text instead.
  return encodings.tokens() - (encodings.special.back() != 0 ? 1 : 0);
}

PreparedCall<Embeddings> Embedder::prepare(std::span<const std::string> texts, const EmbeddingOptions& options) const {
  const std::string prompt = prompt_of(options);
  const std::int64_t kept = kept_dimensions(options);
  const std::int64_t left_out = tokens_left_out(prompt);
  std::vector<std::string> prompted;
  if (!prompt.empty()) {
    for (const std::string& text : texts) prompted.push_back(prompt + text);
    texts = prompted;
  }
  Encodings encodings = model_.encode(inputs_of(texts), {.truncate = options.truncate});

  const auto result = std::make_shared<Embeddings>(Embeddings{.values = Tensor::zeros(DType::float32, {encodings.inputs(), kept}),
                                                              .tokens = {},
                                                              .truncated = {encodings.truncated.begin(), encodings.truncated.end()},
                                                              .notes = std::vector<std::vector<std::string>>(texts.size())});
  for (std::size_t i = 0; i < texts.size(); ++i) result->tokens.push_back(encodings.begins[i + 1] - encodings.begins[i]);
  const auto place = [this, result, kept](const BatchResult& batch) {
    const std::span<float> values = result->values.mutable_values<float>();
    for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
      const std::span<float> row = values.subspan(batch.inputs[i] * static_cast<std::size_t>(kept), static_cast<std::size_t>(kept));
      std::ranges::copy(batch.row("embedding", i).first(row.size()), row.begin());
      if (kept < dimensions_ && sentence_.normalizes()) scale_to_one(row);
      result->notes[batch.inputs[i]] = batch.notes;
    }
  };
  const auto mark_prompt = [left_out](const Encodings& batch, TensorMap& inputs) {
    inputs.insert_or_assign(std::string(prompt_input), first_tokens(batch, left_out));
  };
  return {.call = {.encodings = std::move(encodings),
                   .receive = place,
                   .add_inputs = left_out > 0 ? TextCall::AddInputs(mark_prompt) : TextCall::AddInputs()},
          .answer = [result] { return std::move(*result); }};
}

SessionOptions embedding_session(const ModelFolder& folder, SessionOptions options) {
  return with_pooling(folder, std::move(options), read_sentence_transformer(folder.path));
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
