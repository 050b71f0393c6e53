#include "tasks/tag.h"

#include <algorithm>

#include "tasks/scores.h"

namespace accelerate {
namespace {

struct LabelParts {
  bool begins;  ///< whether it begins an entity: "B-PER"
  std::string_view kind;
};

LabelParts parts_of(std::string_view label) {
  if (label.starts_with("B-")) return {true, label.substr(2)};
  if (label.starts_with("I-")) return {false, label.substr(2)};
  return {false, label};
}

Entity entity_of(std::string_view text, std::span<const TokenLabel> tokens) {
  float sum = 0;
  for (const TokenLabel& token : tokens) sum += token.score;
  const TextSpan bytes{tokens.front().span.begin, tokens.back().span.end};
  return {.label = std::string(parts_of(tokens.front().label).kind),
          .text = std::string(text.substr(static_cast<std::size_t>(bytes.begin), static_cast<std::size_t>(bytes.end - bytes.begin))),
          .score = sum / static_cast<float>(tokens.size()),
          .span = {characters_in(text, bytes.begin), characters_in(text, bytes.end)}};
}

}  // namespace

std::vector<Entity> entities_of(std::string_view text, std::span<const TokenLabel> tokens) {
  std::vector<Entity> entities;
  for (std::size_t begin = 0; begin < tokens.size();) {
    const std::string_view kind = parts_of(tokens[begin].label).kind;
    std::size_t end = begin + 1;
    while (end < tokens.size() && parts_of(tokens[end].label).kind == kind && !parts_of(tokens[end].label).begins) ++end;
    if (kind != "O") entities.push_back(entity_of(text, tokens.subspan(begin, end - begin)));
    begin = end;
  }
  return entities;
}

Tagger::Tagger(const ModelFolder& folder, const SessionOptions& options) : model_(folder, options), labels_(folder.config.labels()) {}

std::vector<TaggedText> Tagger::tag(std::span<const std::string> texts, const TextOptions& options, const Progress& progress) const {
  std::vector<TaggedText> results(texts.size());
  const auto read = [&](const BatchResult& batch) {
    for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
      const Encodings& encodings = batch.encodings;
      const auto begin = static_cast<std::size_t>(encodings.begins[i]);
      const auto count = static_cast<std::size_t>(encodings.begins[i + 1]) - begin;
      const std::span<const float> logits = batch.token_rows("logits", i);
      std::vector<TokenLabel> tokens;
      for (std::size_t t = 0; t < count; ++t) {
        if (encodings.special[begin + t] != 0) continue;
        const std::vector<float> scores = softmax(logits.subspan(t * labels_.size(), labels_.size()));
        const std::size_t best = largest(scores, 1).front();
        tokens.push_back({labels_[best], scores[best], encodings.offsets[begin + t]});
      }
      const std::size_t input = batch.inputs[i];
      results[input] = {.entities = entities_of(texts[input], tokens),
                        .tokens = static_cast<std::int64_t>(count),
                        .truncated = encodings.truncated[i] != 0,
                        .notes = batch.notes};
    }
  };
  model_.run(model_.encode(inputs_of(texts), options), read, progress);
  return results;
}

}  // namespace accelerate
