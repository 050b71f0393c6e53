#include "cli/run_generation.h"

#include <fmt/format.h>

#include "ipfs_accelerate/error.h"
#include "runtime/recovery.h"
#include "tasks/generate.h"
#include "tasks/prompt_reader.h"
#include "tasks/write.h"

namespace accelerate::cli {
namespace {

class GenerationRunner final : public TaskRunner {
 public:
  GenerationRunner(Task task, const ModelFolder& folder, const SessionOptions& session, const TaskOptions& options)
      : generator_(folder, {.session = session}),
        prompts_(folder, generator_.has_tokenizer() ? &generator_.tokenizer() : nullptr),
        options_(options.generation),
        notes_(generator_.session().notes()) {
    add_notes(notes_, generator_.notes());
    if (task == Task::translate || task == Task::summarize)
      writer_.emplace(generator_, WriteOptions{.task = task,
                                               .source_language = options.source_language,
                                               .target_language = options.target_language,
                                               .truncate = options.truncate,
                                               .generation = options.generation});
  }

  const ModelFolder& folder() const override { return generator_.session().folder(); }
  const Placement& placement() const override { return generator_.session().placement(); }
  double load_milliseconds() const override { return generator_.session().load_milliseconds(); }

  std::size_t least_inputs() const override { return 8; }

  void run(std::span<const RunInput> inputs, const Progress& progress) override {
    results_.clear();
    truncated_.assign(inputs.size(), false);
    std::vector<TextGenerator::Ticket> tickets;
    try {
      for (std::size_t i = 0; i < inputs.size(); ++i) tickets.push_back(submit(inputs[i], i));
      for (TextGenerator::Ticket& ticket : tickets) {
        do {
          if (progress) progress(results_.size(), inputs.size());
        } while (!ticket.wait_for(std::chrono::milliseconds(50)));
        results_.push_back(ticket.get());
      }
    } catch (...) {
      for (TextGenerator::Ticket& ticket : tickets) ticket.cancel();
      throw;
    }
  }

  AnswerJson json(std::size_t i) const override {
    AnswerJson object = to_json(results_[i], notes_);
    if (writer_) object["truncated"] = bool{truncated_[i]};
    return object;
  }

  std::string text(std::size_t i) const override {
    std::string lines;
    for (const GeneratedText& text : results_[i].texts) lines += (lines.empty() ? "" : "\n    ") + text.text;
    return truncated_[i] ? lines + "  (too long: the end was not read)" : lines;
  }

  const std::vector<std::string>& notes(std::size_t) const override { return notes_; }

 private:
  TextGenerator::Ticket submit(const RunInput& input, std::size_t i) {
    try {
      if (writer_) {
        TextToAnswer text = writer_->prepare(input.text);
        truncated_[i] = text.truncated;
        text.request.number = input.number;
        return generator_.submit(std::move(text.request));
      }
      const Prompt prompt = input.messages.empty() ? Prompt(input.text) : Prompt(ChatPrompt{.messages = input.messages});
      return generator_.submit({.prompt = prompts_.tokens(prompt), .options = options_, .number = input.number});
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("input {}: {}", i, error.what()));
    }
  }

  TextGenerator generator_;
  PromptReader prompts_;
  std::optional<TextWriter> writer_;  ///< of translate and summarize
  GenerationOptions options_;
  std::vector<std::string> notes_;
  std::vector<GenerationResult> results_;
  std::vector<bool> truncated_;
};

}  // namespace

std::unique_ptr<TaskRunner> make_generation_runner(Task task, const ModelFolder& folder, const SessionOptions& session,
                                                   const TaskOptions& options) {
  if (task == Task::chat && ChatTemplates::load(folder.transformer).empty())
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: has no chat template, which task 'chat' needs; task 'generate' goes on from texts", folder.path.string()));
  return std::make_unique<GenerationRunner>(task, folder, session, options);
}

}  // namespace accelerate::cli
