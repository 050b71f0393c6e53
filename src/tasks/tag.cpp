#include "tasks/tag.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ipfs_accelerate/error.h"
#include "tasks/scores.h"

namespace accelerate {
namespace {

constexpr std::array<std::string_view, 5> strategies{"none", "simple", "first", "average", "max"};

bool groups_words(Aggregation aggregation) { return aggregation != Aggregation::none && aggregation != Aggregation::simple; }

/// A token or word and its label.
struct Labelled {
  std::string_view label;
  float score;
  TextSpan span;  ///< bytes
};

struct LabelParts {
  bool begins;  ///< whether it begins an entity: "B-PER"
  std::string_view kind;
};

LabelParts parts_of(std::string_view label) {
  if (label.starts_with("B-")) return {true, label.substr(2)};
  if (label.starts_with("I-")) return {false, label.substr(2)};
  return {false, label};
}

/// The label of a group, as transformers names it: what stands behind the first dash, if there is one.
std::string_view group_label(std::string_view label) { return label.substr(label.find('-') + 1); }

Entity entity_of(std::string_view text, std::string_view label, std::span<const Labelled> parts) {
  double sum = 0;
  for (const Labelled& part : parts) sum += part.score;
  const TextSpan bytes{parts.front().span.begin, parts.back().span.end};
  return {.label = std::string(label),
          .text = std::string(text.substr(static_cast<std::size_t>(bytes.begin), static_cast<std::size_t>(bytes.end - bytes.begin))),
          .score = static_cast<float>(sum / static_cast<double>(parts.size())),
          .span = {characters_in(text, bytes.begin), characters_in(text, bytes.end)}};
}

Labelled labelled(std::span<const float> scores, TextSpan span, std::span<const std::string> labels) {
  const std::size_t best = largest(scores, 1).front();
  return {labels[best], scores[best], span};
}

std::vector<float> mean_of(std::span<const TokenScores> tokens) {
  std::vector<float> mean(tokens.front().scores.size());
  for (const TokenScores& token : tokens)
    for (std::size_t label = 0; label < mean.size(); ++label) mean[label] += token.scores[label];
  for (float& value : mean) value /= static_cast<float>(tokens.size());
  return mean;
}

/// The scores that count for a word of these tokens.
std::vector<float> word_scores(std::span<const TokenScores> tokens, Aggregation aggregation) {
  if (aggregation == Aggregation::average) return mean_of(tokens);
  if (aggregation == Aggregation::first) return tokens.front().scores;
  const auto surest = [](const TokenScores& token) { return std::ranges::max(token.scores); };
  return std::ranges::max_element(tokens, {}, surest)->scores;
}

/// The tokens, or the words that they make up, with their labels.
std::vector<Labelled> labelled_parts(std::span<const TokenScores> tokens, std::span<const std::string> labels, Aggregation aggregation) {
  const bool by_words = groups_words(aggregation);
  std::vector<Labelled> parts;
  for (std::size_t begin = 0; begin < tokens.size();) {
    std::size_t end = begin + 1;
    while (by_words && end < tokens.size() && tokens[end].continues_word) ++end;
    const std::span<const TokenScores> word = tokens.subspan(begin, end - begin);
    const TextSpan span{word.front().span.begin, word.back().span.end};
    parts.push_back(labelled(by_words ? word_scores(word, aggregation) : word.front().scores, span, labels));
    begin = end;
  }
  return parts;
}

}  // namespace

Aggregation aggregation_named(std::string_view name) {
  const auto found = std::ranges::find(strategies, name);
  if (found != strategies.end()) return static_cast<Aggregation>(found - strategies.begin());
  throw Error(ErrorKind::invalid_argument, fmt::format("aggregation '{}' is not one of none, simple, first, average, max", name));
}

std::vector<Entity> entities_of(std::string_view text, std::span<const TokenScores> tokens, std::span<const std::string> labels,
                                Aggregation aggregation) {
  const std::vector<Labelled> parts = labelled_parts(tokens, labels, aggregation);
  std::vector<Entity> entities;
  for (std::size_t begin = 0; begin < parts.size();) {
    const std::string_view kind = parts_of(parts[begin].label).kind;
    std::size_t end = begin + 1;
    const auto goes_on = [&](const Labelled& part) { return parts_of(part.label).kind == kind && !parts_of(part.label).begins; };
    while (aggregation != Aggregation::none && end < parts.size() && goes_on(parts[end])) ++end;
    const std::string_view label = aggregation == Aggregation::none ? parts[begin].label : group_label(parts[begin].label);
    if (label != "O") entities.push_back(entity_of(text, label, std::span(parts).subspan(begin, end - begin)));
    begin = end;
  }
  return entities;
}

Tagger::Tagger(std::shared_ptr<const Session> session) : model_(session), labels_(session->folder().config.labels()) {}

/// Whether the token goes on with the word before it: where the tokenizer marks such tokens, one that is written otherwise than
/// its part of the text; else one that no space stands before. transformers' pipeline decides so too.
bool Tagger::continues_word(std::string_view text, std::int64_t id, TextSpan span) const {
  if (id == model_.tokenizer().id_of(SpecialToken::unk)) return false;
  const auto begin = static_cast<std::size_t>(span.begin);
  if (!model_.tokenizer().marks_continuations()) return begin > 0 && text.substr(begin - 1, 2).find(' ') == std::string_view::npos;
  const std::string token = model_.tokenizer().token_of(id);
  return characters_in(token, static_cast<std::int64_t>(token.size())) != characters_in(text, span.end) - characters_in(text, span.begin);
}

PreparedCall<std::vector<TaggedText>> Tagger::prepare(std::span<const std::string> tagged, const TagOptions& options) const {
  const auto results = std::make_shared<std::vector<TaggedText>>(tagged.size());
  Encodings all = model_.encode(inputs_of(tagged), {.truncate = options.truncate});
  const auto read = [this, results, texts = std::vector<std::string>(tagged.begin(), tagged.end()),
                     aggregation = options.aggregation](const BatchResult& batch) {
    const bool by_words = groups_words(aggregation);
    for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
      const Encodings& encodings = batch.encodings;
      const std::size_t input = batch.inputs[i];
      const auto begin = static_cast<std::size_t>(encodings.begins[i]);
      const auto count = static_cast<std::size_t>(encodings.begins[i + 1]) - begin;
      const std::span<const float> logits = batch.token_rows("logits", i);
      std::vector<TokenScores> tokens;
      for (std::size_t t = begin; t < begin + count; ++t) {
        if (encodings.special[t] != 0) continue;
        tokens.push_back({.scores = softmax(logits.subspan((t - begin) * labels_.size(), labels_.size())),
                          .span = encodings.offsets[t],
                          .continues_word = by_words && continues_word(texts[input], encodings.ids[t], encodings.offsets[t])});
      }
      (*results)[input] = {.entities = entities_of(texts[input], tokens, labels_, aggregation),
                           .tokens = static_cast<std::int64_t>(count),
                           .truncated = encodings.truncated[i] != 0,
                           .notes = batch.notes};
    }
  };
  return {.call = {.encodings = std::move(all), .receive = read}, .answer = [results] { return std::move(*results); }};
}

}  // namespace accelerate
