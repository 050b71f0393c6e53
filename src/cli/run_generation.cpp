#include "cli/run_generation.h"

#include <fmt/format.h>

#include "ipfs_accelerate/error.h"
#include "runtime/recovery.h"
#include "tasks/generate.h"
#include "tasks/prompt_reader.h"

namespace accelerate::cli {
namespace {

class GenerationRunner final : public TaskRunner {
 public:
  GenerationRunner(const ModelFolder& folder, const SessionOptions& session, const GenerationOptions& options)
      : generator_(folder, {.session = session}),
        prompts_(folder, generator_.has_tokenizer() ? &generator_.tokenizer() : nullptr),
        options_(options),
        notes_(generator_.session().notes()) {
    add_notes(notes_, generator_.notes());
  }

  const ModelFolder& folder() const override { return generator_.session().folder(); }
  const Placement& placement() const override { return generator_.session().placement(); }
  double load_milliseconds() const override { return generator_.session().load_milliseconds(); }

  std::size_t least_inputs() const override { return 8; }

  void run(std::span<const RunInput> inputs, const Progress& progress) override {
    results_.clear();
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

  AnswerJson json(std::size_t i) const override { return to_json(results_[i], notes_); }

  std::string text(std::size_t i) const override {
    std::string lines;
    for (const GeneratedText& text : results_[i].texts) lines += (lines.empty() ? "" : "\n    ") + text.text;
    return lines;
  }

  const std::vector<std::string>& notes(std::size_t) const override { return notes_; }

 private:
  TextGenerator::Ticket submit(const RunInput& input, std::size_t i) {
    try {
      const Prompt prompt = input.messages.empty() ? Prompt(input.text) : Prompt(ChatPrompt{.messages = input.messages});
      return generator_.submit({.prompt = prompts_.tokens(prompt), .options = options_, .number = input.number});
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("input {}: {}", i, error.what()));
    }
  }

  TextGenerator generator_;
  PromptReader prompts_;
  GenerationOptions options_;
  std::vector<std::string> notes_;
  std::vector<GenerationResult> results_;
};

}  // namespace

std::unique_ptr<TaskRunner> make_generation_runner(Task task, const ModelFolder& folder, const SessionOptions& session,
                                                   const GenerationOptions& options) {
  if (task == Task::chat && ChatTemplates::load(folder.transformer).empty())
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: has no chat template, which task 'chat' needs; task 'generate' goes on from texts", folder.path.string()));
  return std::make_unique<GenerationRunner>(folder, session, options);
}

}  // namespace accelerate::cli
