#include "cli/run_tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "cli/nearest_pairs.h"
#include "cli/run_generation.h"
#include "ipfs_accelerate/error.h"
#include "tasks/zero_shot.h"

namespace accelerate::cli {
namespace {

std::vector<std::string> texts_of(std::span<const RunInput> inputs) {
  std::vector<std::string> texts;
  for (const RunInput& input : inputs) texts.push_back(input.text);
  return texts;
}

std::string_view cut_note(bool truncated) { return truncated ? "  (too long: the end was not read)" : ""; }

/// Labels and scores as one line.
std::string line_of_labels(const Classification& classification) {
  std::vector<std::string> labels;
  for (const LabelScore& label : classification.labels) labels.push_back(fmt::format("{} {:.4f}", label.label, label.score));
  return fmt::format("{}{}", fmt::join(labels, ", "), cut_note(classification.truncated));
}

/// A task of one session.
class SessionRunner : public TaskRunner {
 public:
  virtual const Session& session() const = 0;

  const ModelFolder& folder() const override { return session().folder(); }
  const Placement& placement() const override { return session().placement(); }
  double load_milliseconds() const override { return session().load_milliseconds(); }
};

class EmbedRunner final : public SessionRunner {
 public:
  EmbedRunner(const ModelFolder& folder, const SessionOptions& session, const TaskOptions& options)
      : embedder_(folder, session), options_(options) {
    run({}, {});  // refuses options that the model has not before any text is read
  }

  const Session& session() const override { return embedder_.model().session(); }

  void run(std::span<const RunInput> inputs, const Progress& progress) override {
    embeddings_ = embedder_.embed(
        texts_of(inputs),
        {.truncate = options_.truncate, .prompt_name = options_.prompt_name, .prompt = options_.prompt, .dimensions = options_.dimensions},
        progress);
  }

  AnswerJson json(std::size_t i) const override { return to_json(embeddings_, i); }

  void append_fields(std::string& line, std::size_t i) const override { accelerate::append_fields(line, embeddings_, i); }

  const std::vector<std::string>& notes(std::size_t i) const override { return embeddings_.notes[i]; }

  std::string text(std::size_t i) const override {
    if (options_.nearest > 0) return {};
    constexpr std::size_t shown = 6;
    const std::span<const float> values = embeddings_[i];
    return fmt::format("[{:.4f}{}]  {} numbers, {} tokens{}", fmt::join(values.first(std::min(shown, values.size())), ", "),
                       values.size() > shown ? ", …" : "", values.size(), embeddings_.tokens[i], cut_note(embeddings_.truncated[i]));
  }

  std::string closing_text(std::span<const RunInput> inputs) const override {
    std::string result;
    for (const NearPair& pair : nearest_pairs(embeddings_, options_.nearest))
      result += fmt::format("{:.4f}  {}\n        {}\n", pair.cosine, inputs[pair.first].text, inputs[pair.second].text);
    return result;
  }

 private:
  Embedder embedder_;
  TaskOptions options_;
  Embeddings embeddings_;
};

class FillMaskRunner final : public SessionRunner {
 public:
  FillMaskRunner(const ModelFolder& folder, const SessionOptions& session, const TaskOptions& options)
      : filler_(folder, session), options_(options) {}

  const Session& session() const override { return filler_.model().session(); }

  void run(std::span<const RunInput> inputs, const Progress& progress) override {
    constexpr std::size_t usual = 5;
    filled_ = filler_.fill(texts_of(inputs), options_.top_k == 0 ? usual : options_.top_k, {.truncate = options_.truncate}, progress);
  }

  AnswerJson json(std::size_t i) const override { return to_json(filled_[i]); }

  const std::vector<std::string>& notes(std::size_t i) const override { return filled_[i].notes; }

  std::string text(std::size_t i) const override {
    std::string result;
    for (const std::vector<MaskCandidate>& candidates : filled_[i].masks) {
      std::vector<std::string> words;
      for (const MaskCandidate& candidate : candidates) words.push_back(fmt::format("{} {:.3f}", candidate.token, candidate.score));
      result += fmt::format("{}{}", result.empty() ? "" : "\n    ", fmt::join(words, ", "));
    }
    return fmt::format("{}{}", result, cut_note(filled_[i].truncated));
  }

 private:
  MaskFiller filler_;
  TaskOptions options_;
  std::vector<FilledMasks> filled_;
};

class ClassifyRunner final : public SessionRunner {
 public:
  ClassifyRunner(const ModelFolder& folder, const SessionOptions& session, const TaskOptions& options)
      : classifier_(folder, session), options_(options) {}

  const Session& session() const override { return classifier_.model().session(); }

  void run(std::span<const RunInput> inputs, const Progress& progress) override {
    std::vector<TextInput> texts;
    for (const RunInput& input : inputs) {
      texts.push_back({.text = input.text});
      if (input.pair) texts.back().pair = *input.pair;
    }
    classified_ = classifier_.classify(texts, options_.top_k, {.truncate = options_.truncate}, progress);
  }

  AnswerJson json(std::size_t i) const override { return to_json(classified_[i]); }

  const std::vector<std::string>& notes(std::size_t i) const override { return classified_[i].notes; }

  std::string text(std::size_t i) const override { return line_of_labels(classified_[i]); }

 private:
  Classifier classifier_;
  TaskOptions options_;
  std::vector<Classification> classified_;
};

class ZeroShotRunner final : public SessionRunner {
 public:
  ZeroShotRunner(const ModelFolder& folder, const SessionOptions& session, const TaskOptions& options)
      : classifier_(folder, session), options_(options) {
    classifier_.classify({}, options_for({""}));  // refuses options before any text is read
  }

  const Session& session() const override { return classifier_.model().session(); }

  void run(std::span<const RunInput> inputs, const Progress& progress) override {
    classified_.assign(inputs.size(), {});
    std::map<std::vector<std::string>, std::vector<std::size_t>> by_labels;  // inputs of the same labels go together
    for (std::size_t i = 0; i < inputs.size(); ++i) by_labels[inputs[i].labels].push_back(i);
    for (const auto& [labels, places] : by_labels) {
      std::vector<std::string> texts;
      for (const std::size_t place : places) texts.push_back(inputs[place].text);
      std::vector<Classification> answers = classifier_.classify(texts, options_for(labels), progress);
      for (std::size_t i = 0; i < places.size(); ++i) classified_[places[i]] = std::move(answers[i]);
    }
    for (Classification& classification : classified_)
      if (options_.top_k != 0 && classification.labels.size() > options_.top_k) classification.labels.resize(options_.top_k);
  }

  AnswerJson json(std::size_t i) const override { return to_json(classified_[i]); }

  const std::vector<std::string>& notes(std::size_t i) const override { return classified_[i].notes; }

  std::string text(std::size_t i) const override { return line_of_labels(classified_[i]); }

 private:
  ZeroShotOptions options_for(std::vector<std::string> labels) const {
    ZeroShotOptions options{.labels = std::move(labels), .multi_label = options_.multi_label, .truncate = options_.truncate};
    if (!options_.hypothesis.empty()) options.hypothesis = options_.hypothesis;
    return options;
  }

  ZeroShotClassifier classifier_;
  TaskOptions options_;
  std::vector<Classification> classified_;
};

class RerankRunner final : public SessionRunner {
 public:
  RerankRunner(const ModelFolder& folder, const SessionOptions& session, const TaskOptions& options)
      : reranker_(folder, session), options_(options) {}

  const Session& session() const override { return reranker_.model().session(); }

  void run(std::span<const RunInput> inputs, const Progress& progress) override {
    queries_.clear();
    for (const RunInput& input : inputs) queries_.push_back({.query = input.text, .documents = input.documents});
    rankings_ = reranker_.rank(queries_, {.top_k = options_.top_k, .truncate = options_.truncate}, progress);
  }

  AnswerJson json(std::size_t i) const override { return to_json(rankings_[i]); }

  const std::vector<std::string>& notes(std::size_t i) const override { return rankings_[i].notes; }

  std::string text(std::size_t i) const override {
    std::string result = fmt::format("{}{}", queries_[i].query, cut_note(rankings_[i].truncated));
    for (const RankedDocument& document : rankings_[i].documents)
      result += fmt::format("\n    {:.4f}  {}  {}", document.score, document.index, queries_[i].documents[document.index]);
    return result;
  }

 private:
  Reranker reranker_;
  TaskOptions options_;
  std::vector<RankInput> queries_;
  std::vector<Ranking> rankings_;
};

class TagRunner final : public SessionRunner {
 public:
  TagRunner(const ModelFolder& folder, const SessionOptions& session, const TaskOptions& options)
      : tagger_(folder, session), options_(options) {}

  const Session& session() const override { return tagger_.model().session(); }

  void run(std::span<const RunInput> inputs, const Progress& progress) override {
    tagged_ = tagger_.tag(texts_of(inputs), {.aggregation = options_.aggregation, .truncate = options_.truncate}, progress);
  }

  AnswerJson json(std::size_t i) const override { return to_json(tagged_[i]); }

  const std::vector<std::string>& notes(std::size_t i) const override { return tagged_[i].notes; }

  std::string text(std::size_t i) const override {
    std::string result;
    for (const Entity& entity : tagged_[i].entities)
      result += fmt::format("{}{} {:.3f}  {}  ({} to {})", result.empty() ? "" : "\n    ", entity.label, entity.score, entity.text,
                            entity.span.begin, entity.span.end);
    return fmt::format("{}{}", result.empty() ? "no entity" : result, cut_note(tagged_[i].truncated));
  }

 private:
  Tagger tagger_;
  TaskOptions options_;
  std::vector<TaggedText> tagged_;
};

class AnswerRunner final : public SessionRunner {
 public:
  AnswerRunner(const ModelFolder& folder, const SessionOptions& session) : answerer_(folder, session) {}

  const Session& session() const override { return answerer_.model().session(); }

  void run(std::span<const RunInput> inputs, const Progress& progress) override {
    std::vector<Question> questions;
    for (const RunInput& input : inputs) questions.push_back({.question = input.text, .context = input.pair.value_or("")});
    answers_ = answerer_.answer(questions, progress);
  }

  AnswerJson json(std::size_t i) const override { return to_json(answers_[i]); }

  const std::vector<std::string>& notes(std::size_t i) const override { return answers_[i].notes; }

  std::string text(std::size_t i) const override {
    const Answer& answer = answers_[i];
    return fmt::format("{}  {:.4f}  ({} to {})", answer.text, answer.score, answer.span.begin, answer.span.end);
  }

 private:
  Answerer answerer_;
  std::vector<Answer> answers_;
};

}  // namespace

void TaskRunner::append_fields(std::string& line, std::size_t i) const {
  const std::string object = line_of(json(i));
  line.append(object, 1, object.size() - 2);
}

std::unique_ptr<TaskRunner> make_task_runner(Task task, const ModelFolder& folder, const SessionOptions& session,
                                             const TaskOptions& options) {
  switch (task) {
    case Task::embed:
      return std::make_unique<EmbedRunner>(folder, session, options);
    case Task::fill_mask:
      return std::make_unique<FillMaskRunner>(folder, session, options);
    case Task::classify:
      return std::make_unique<ClassifyRunner>(folder, session, options);
    case Task::tag:
      return std::make_unique<TagRunner>(folder, session, options);
    case Task::answer:
      return std::make_unique<AnswerRunner>(folder, session);
    case Task::rerank:
      return std::make_unique<RerankRunner>(folder, session, options);
    case Task::zero_shot:
      return std::make_unique<ZeroShotRunner>(folder, session, options);
    case Task::generate:
    case Task::chat:
    case Task::translate:
    case Task::summarize:
      return make_generation_runner(task, folder, session, options);
  }
  throw Error(ErrorKind::internal, fmt::format("task '{}' has no runner", name_of(task)));
}

}  // namespace accelerate::cli
