#include "cli/run_tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/nearest_pairs.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cli {
namespace {

std::vector<std::string> texts_of(std::span<const RunInput> inputs) {
  std::vector<std::string> texts;
  for (const RunInput& input : inputs) texts.push_back(input.text);
  return texts;
}

std::string_view cut_note(bool truncated) { return truncated ? "  (too long: the end was not read)" : ""; }

class EmbedRunner final : public TaskRunner {
 public:
  EmbedRunner(const ModelFolder& folder, const SessionOptions& session, const TaskOptions& options)
      : embedder_(folder, session), options_(options) {}

  const Session& session() const override { return embedder_.model().session(); }

  void run(std::span<const RunInput> inputs, const Progress& progress) override {
    embeddings_ = embedder_.embed(texts_of(inputs), {.truncate = options_.truncate}, progress);
  }

  AnswerJson json(std::size_t i) const override { return to_json(embeddings_, i); }

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

class FillMaskRunner final : public TaskRunner {
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

class ClassifyRunner final : public TaskRunner {
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

  std::string text(std::size_t i) const override {
    std::vector<std::string> labels;
    for (const LabelScore& label : classified_[i].labels) labels.push_back(fmt::format("{} {:.4f}", label.label, label.score));
    return fmt::format("{}{}", fmt::join(labels, ", "), cut_note(classified_[i].truncated));
  }

 private:
  Classifier classifier_;
  TaskOptions options_;
  std::vector<Classification> classified_;
};

class TagRunner final : public TaskRunner {
 public:
  TagRunner(const ModelFolder& folder, const SessionOptions& session, const TaskOptions& options)
      : tagger_(folder, session), options_(options) {}

  const Session& session() const override { return tagger_.model().session(); }

  void run(std::span<const RunInput> inputs, const Progress& progress) override {
    tagged_ = tagger_.tag(texts_of(inputs), {.truncate = options_.truncate}, progress);
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

class AnswerRunner final : public TaskRunner {
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
  }
  throw Error(ErrorKind::internal, fmt::format("task '{}' has no runner", name_of(task)));
}

}  // namespace accelerate::cli
