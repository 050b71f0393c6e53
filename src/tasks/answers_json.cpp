#include "tasks/answers_json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "tasks/write.h"

namespace accelerate {
namespace {

/// The object with "notes" where there are any.
AnswerJson with_notes(AnswerJson object, const std::vector<std::string>& notes) {
  if (!notes.empty()) object["notes"] = notes;
  return object;
}

/// A ratio as people write it: 1.37.
template <typename AnyJson>
AnyJson ratio(const std::optional<double>& value) {
  if (!value || !std::isfinite(*value)) return nullptr;
  return static_cast<typename AnyJson::number_float_t>(std::round(*value * 100) / 100);
}

template <typename AnyJson>
AnyJson choice_json(const Choice& choice) {
  AnyJson alternatives = AnyJson::array();
  for (const RejectedCandidate& row : choice.alternatives) {
    AnyJson alternative{{"backend", row.candidate.backend},
                        {"device", row.candidate.device},
                        {"precision", std::string(name_of(row.candidate.precision))},
                        {"threads", row.candidate.threads},
                        {"slower", ratio<AnyJson>(row.slower)}};
    if (row.larger) alternative["larger"] = ratio<AnyJson>(row.larger);
    if (!row.reason.empty()) alternative["reason"] = row.reason;
    alternatives.push_back(std::move(alternative));
  }
  AnyJson object{{"why", std::string(name_of(choice.why))}, {"prefer", std::string(name_of(choice.preference))}};
  object["alternatives"] = std::move(alternatives);
  if (!choice.note.empty()) object["note"] = choice.note;
  return object;
}

template <typename AnyJson>
void append_placement(AnyJson& object, const Placement& placement, const ModelFolder& folder) {
  object["backend"] = placement.backend;
  object["device"] = placement.device.name;
  object["implementation"] = placement.implementation;
  object["precision"] = std::string(name_of(placement.precision));
  object["choice"] = choice_json<AnyJson>(placement.choice);
  if (folder.random_weights) object["random_weights"] = true;
}

}  // namespace

AnswerJson to_json(const Embeddings& embeddings, std::size_t text) {
  const std::span<const float> values = embeddings[text];
  return with_notes({{"embedding", std::vector<float>(values.begin(), values.end())},
                     {"tokens", embeddings.tokens[text]},
                     {"truncated", static_cast<bool>(embeddings.truncated[text])}},
                    embeddings.notes[text]);
}

AnswerJson to_json(const FilledMasks& filled) {
  AnswerJson masks = AnswerJson::array();
  for (const std::vector<MaskCandidate>& candidates : filled.masks) {
    AnswerJson list = AnswerJson::array();
    for (const MaskCandidate& candidate : candidates)
      list.push_back({{"token", candidate.token}, {"token_id", candidate.token_id}, {"score", candidate.score}});
    masks.push_back(std::move(list));
  }
  return with_notes({{"masks", std::move(masks)}, {"tokens", filled.tokens}, {"truncated", filled.truncated}}, filled.notes);
}

AnswerJson to_json(const Classification& classification) {
  AnswerJson labels = AnswerJson::array();
  for (const LabelScore& label : classification.labels) labels.push_back({{"label", label.label}, {"score", label.score}});
  return with_notes({{"labels", std::move(labels)}, {"tokens", classification.tokens}, {"truncated", classification.truncated}},
                    classification.notes);
}

AnswerJson to_json(const Ranking& ranking) {
  AnswerJson documents = AnswerJson::array();
  for (const RankedDocument& document : ranking.documents) documents.push_back({{"index", document.index}, {"score", document.score}});
  return with_notes({{"ranking", std::move(documents)}, {"tokens", ranking.tokens}, {"truncated", ranking.truncated}}, ranking.notes);
}

AnswerJson to_json(const TaggedText& tagged) {
  AnswerJson entities = AnswerJson::array();
  for (const Entity& entity : tagged.entities)
    entities.push_back(
        {{"label", entity.label}, {"text", entity.text}, {"score", entity.score}, {"begin", entity.span.begin}, {"end", entity.span.end}});
  return with_notes({{"entities", std::move(entities)}, {"tokens", tagged.tokens}, {"truncated", tagged.truncated}}, tagged.notes);
}

AnswerJson to_json(const WrittenText& written) {
  return {{"text", written.text},
          {"prompt_tokens", written.prompt_tokens},
          {"tokens", written.tokens},
          {"truncated", written.truncated},
          {"finish_reason", std::string(name_of(written.finish_reason))}};
}

AnswerJson to_json(const Answer& answer) {
  return with_notes({{"answer", answer.text},
                     {"score", answer.score},
                     {"begin", answer.span.begin},
                     {"end", answer.span.end},
                     {"tokens", answer.tokens},
                     {"truncated", false}},
                    answer.notes);
}

void append_fields(std::string& line, const Embeddings& embeddings, std::size_t text) {
  // The shortest digits that read back as the same float32, which no other way of writing it beats in speed or size.
  std::array<char, 32> digits;
  const auto append = [&](auto number) {
    const auto [end, failure] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    line.append(digits.data(), end);
  };
  line += R"("embedding":[)";
  bool first = true;
  for (const float value : embeddings[text]) {
    if (!std::exchange(first, false)) line += ',';
    if (std::isfinite(value))
      append(value);
    else
      line += "null";
  }
  line += R"(],"tokens":)";
  append(embeddings.tokens[text]);
  line += embeddings.truncated[text] ? R"(,"truncated":true)" : R"(,"truncated":false)";
  if (!embeddings.notes[text].empty()) line += R"(,"notes":)" + line_of(embeddings.notes[text]);
}

void add_placement(AnswerJson& object, const Placement& placement, const ModelFolder& folder) {
  append_placement(object, placement, folder);
}
void add_placement(nlohmann::ordered_json& object, const Session& session) {
  append_placement(object, session.placement(), session.folder());
}
void add_placement(nlohmann::ordered_json& object, const Placement& placement, const ModelFolder& folder) {
  append_placement(object, placement, folder);
}

std::string line_of(const AnswerJson& object) { return object.dump(-1, ' ', false, AnswerJson::error_handler_t::replace); }

}  // namespace accelerate
