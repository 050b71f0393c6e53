#include "tasks/zero_shot.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "ipfs_accelerate/error.h"
#include "tasks/scores.h"

namespace accelerate {
namespace {

std::size_t entailment_of(const Config& config) {
  const std::vector<std::string> labels = config.labels();
  const auto entails = [](std::string_view label) {
    constexpr std::string_view word = "entail";
    const auto equal = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; };
    return std::ranges::equal(label.substr(0, word.size()), word, equal);
  };
  const auto found = std::ranges::find_if(labels, entails);
  if (found != labels.end() && labels.size() > 1) return static_cast<std::size_t>(found - labels.begin());
  throw Error(
      ErrorKind::unsupported,
      fmt::format("zero-shot: the model's labels are {}, expected one that begins with 'entail' among others", fmt::join(labels, ", ")));
}

/// The hypothesis with `label` in place of each {}.
std::string filled(std::string_view hypothesis, std::string_view label) {
  std::string result;
  for (std::size_t place = hypothesis.find("{}"); place != std::string_view::npos; place = hypothesis.find("{}")) {
    result += hypothesis.substr(0, place);
    result += label;
    hypothesis.remove_prefix(place + 2);
  }
  return result += hypothesis;
}

void check(const ZeroShotOptions& options) {
  if (options.labels.empty()) throw Error(ErrorKind::invalid_argument, "zero-shot: no labels, expected at least one");
  if (options.hypothesis.find("{}") == std::string::npos)
    throw Error(ErrorKind::invalid_argument, fmt::format("hypothesis '{}': has no {{}}, where the label goes", options.hypothesis));
}

}  // namespace

ZeroShotClassifier::ZeroShotClassifier(std::shared_ptr<const Session> session)
    : model_(session),
      entailment_(entailment_of(session->folder().config)),
      contradiction_(entailment_ == 0 ? session->folder().config.labels().size() - 1 : 0) {}

std::vector<Classification> ZeroShotClassifier::classify(std::span<const std::string> texts, const ZeroShotOptions& options,
                                                         const Progress& progress) const {
  check(options);
  const std::size_t count = options.labels.size();
  std::vector<std::string> hypotheses;
  for (const std::string& label : options.labels) hypotheses.push_back(filled(options.hypothesis, label));
  std::vector<TextInput> pairs;
  for (const std::string& text : texts)
    for (const std::string& hypothesis : hypotheses) pairs.push_back({.text = text, .pair = hypothesis});

  std::vector<Classification> results(texts.size());
  std::vector<float> scores(pairs.size());
  const bool one_by_one = options.multi_label || count == 1;
  const auto read = [&](const BatchResult& batch) {
    for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
      const std::size_t pair = batch.inputs[i];
      const std::span<const float> logits = batch.row("logits", i);
      const std::array both{logits[contradiction_], logits[entailment_]};
      scores[pair] = one_by_one ? softmax(both)[1] : logits[entailment_];
      Classification& result = results[pair / count];
      result.tokens += batch.encodings.begins[i + 1] - batch.encodings.begins[i];
      result.truncated |= batch.encodings.truncated[i] != 0;
      add_notes(result.notes, batch.notes);
    }
  };
  // The hypothesis stays whole: without its end it would say something else.
  model_.run(model_.encode(pairs, {.truncate = options.truncate, .truncation = TruncationStrategy::only_first}), read, progress);

  for (std::size_t text = 0; text < texts.size(); ++text) {
    const std::span<const float> own = std::span(scores).subspan(text * count, count);
    const std::vector<float> final_scores = one_by_one ? std::vector<float>(own.begin(), own.end()) : softmax(own);
    for (const std::size_t label : largest(final_scores, count))
      results[text].labels.push_back({options.labels[label], final_scores[label]});
  }
  return results;
}

}  // namespace accelerate
