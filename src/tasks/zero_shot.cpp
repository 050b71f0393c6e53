#include "tasks/zero_shot.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "ipfs_accelerate/error.h"
#include "tasks/scores.h"

namespace accelerate {
namespace {

/// Where the label stands that says "it follows"; the end where there is none.
auto find_entailment(std::span<const std::string> labels) {
  const auto entails = [](std::string_view label) {
    constexpr std::string_view word = "entail";
    const auto equal = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; };
    return std::ranges::equal(label.substr(0, word.size()), word, equal);
  };
  return std::ranges::find_if(labels, entails);
}

std::size_t entailment_of(const Config& config) {
  const std::vector<std::string> labels = config.labels();
  if (knows_entailment(labels)) return static_cast<std::size_t>(find_entailment(labels) - std::span<const std::string>(labels).begin());
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

bool knows_entailment(std::span<const std::string> labels) { return labels.size() > 1 && find_entailment(labels) != labels.end(); }

ZeroShotClassifier::ZeroShotClassifier(std::shared_ptr<const Session> session)
    : model_(session),
      entailment_(entailment_of(session->folder().config)),
      contradiction_(entailment_ == 0 ? session->folder().config.labels().size() - 1 : 0) {}

/// The scores of all pairs of a text and a hypothesis, and what becomes of them.
struct ZeroShotClassifier::Work {
  std::vector<std::string> labels;
  bool one_by_one = false;    ///< each label is scored by itself
  std::vector<float> scores;  ///< [texts · labels]
  std::vector<Classification> results;

  std::vector<Classification> answer() {
    for (std::size_t text = 0; text < results.size(); ++text) {
      const std::span<const float> own = std::span(scores).subspan(text * labels.size(), labels.size());
      const std::vector<float> final_scores = one_by_one ? std::vector<float>(own.begin(), own.end()) : softmax(own);
      for (const std::size_t label : largest(final_scores, labels.size()))
        results[text].labels.push_back({labels[label], final_scores[label]});
    }
    return std::move(results);
  }
};

PreparedCall<std::vector<Classification>> ZeroShotClassifier::prepare(std::span<const std::string> texts,
                                                                      const ZeroShotOptions& options) const {
  check(options);
  const std::size_t count = options.labels.size();
  std::vector<std::string> hypotheses;
  for (const std::string& label : options.labels) hypotheses.push_back(filled(options.hypothesis, label));
  std::vector<TextInput> pairs;
  for (const std::string& text : texts)
    for (const std::string& hypothesis : hypotheses) pairs.push_back({.text = text, .pair = hypothesis});

  const auto work = std::make_shared<Work>(Work{.labels = options.labels,
                                                .one_by_one = options.multi_label || count == 1,
                                                .scores = std::vector<float>(pairs.size()),
                                                .results = std::vector<Classification>(texts.size())});
  const auto read = [this, work, count](const BatchResult& batch) {
    for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
      const std::size_t pair = batch.inputs[i];
      const std::span<const float> logits = batch.row("logits", i);
      const std::array both{logits[contradiction_], logits[entailment_]};
      work->scores[pair] = work->one_by_one ? softmax(both)[1] : logits[entailment_];
      Classification& result = work->results[pair / count];
      result.tokens += batch.encodings.begins[i + 1] - batch.encodings.begins[i];
      result.truncated |= batch.encodings.truncated[i] != 0;
      add_notes(result.notes, batch.notes);
    }
  };
  // The hypothesis stays whole: without its end it would say something else.
  const TextOptions reading{.truncate = options.truncate, .truncation = TruncationStrategy::only_first};
  return {.call = {.encodings = model_.encode(pairs, reading), .receive = read}, .answer = [work] { return work->answer(); }};
}

}  // namespace accelerate
