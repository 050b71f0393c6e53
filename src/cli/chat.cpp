// `chat`: a conversation at the terminal, or over lines of standard input.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/chat_commands.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/line_editor.h"
#include "cli/options.h"
#include "cli/output.h"
#include "ipfs_accelerate/error.h"
#include "tasks/answers_json.h"
#include "tasks/generate.h"
#include "tasks/prompt_reader.h"

namespace accelerate::cli {
namespace {

using Clock = std::chrono::steady_clock;
using OrderedJson = nlohmann::ordered_json;

struct ChatOptions {
  std::string model;
  std::string system;
  bool raw = false;
  bool json = false;
  ComputeOptions compute;
  GenerationFlags generation;
};

/// The text with a sign in place of what would steer the terminal.
std::string without_controls(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    const bool steers = (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
    if (steers)
      shown += "\uFFFD";
    else
      shown += c;
  }
  return shown;
}

double seconds_between(Clock::time_point begin, Clock::time_point end) { return std::chrono::duration<double>(end - begin).count(); }

/// An answer, and what it took.
struct ChatAnswer {
  GenerationResult result;
  std::int64_t remembered_tokens;  ///< of the prompt, that were not computed again
  double first_seconds;            ///< until its first token
  double seconds;
  bool stopped;  ///< by Ctrl-C

  const GeneratedText& text() const { return result.texts.front(); }

  /// Tokens a second after the first; 0 where there was no second.
  double speed() const {
    const double after_first = seconds - first_seconds;
    return text().tokens.size() > 1 && after_first > 0 ? static_cast<double>(text().tokens.size() - 1) / after_first : 0;
  }
};

class Chat {
 public:
  explicit Chat(const ChatOptions& options)
      : options_(options),
        generator_(open_model_folder(options.model), {.session = session_options(options.compute)}),
        prompts_(generator_.session().folder(), generator_.has_tokenizer() ? &generator_.tokenizer() : nullptr),
        conversation_(options.raw),
        commands_(conversation_, options.generation) {
    if (!options.raw && !prompts_.has_chat_template())
      throw Error(ErrorKind::unsupported,
                  fmt::format("{}: has no chat template, as models that were not taught to converse; --raw goes on from what is typed as "
                              "it stands, and so does `generate`",
                              options.model));
    if (commands_.options().num_return_sequences.value_or(1) > 1)
      throw Error(ErrorKind::invalid_argument, "--texts: a conversation goes on with one answer");
    conversation_.set_system(options.system);
  }

  /// Takes lines from the terminal until the end.
  void converse() {
    const ModelFolder& folder = generator_.session().folder();
    fmt::print("{}: {}. /help tells the commands.\n", folder.name(), text_of(generator_.session().placement(), folder.random_weights));
    for (const std::string& note : notes()) fmt::print("note: {}\n", note);
    throw_if_interrupted();
    LineEditor editor;
    for (;;) {
      std::string line;
      switch (read_line(editor, line)) {
        case LineEnd::end_of_input:
          fmt::print("\n");
          return;
        case LineEnd::interrupted:
          if (std::exchange(was_interrupted_, true)) throw Error(ErrorKind::cancelled, "interrupted");
          fmt::print("Ctrl-C again ends the program, and so do Ctrl-D and /quit.\n");
          continue;
        case LineEnd::entered:
          was_interrupted_ = false;
      }
      if (!answer_at_terminal(line)) return;
    }
  }

  /// Takes the lines of standard input, one message each. An error ends it.
  void answer_lines() {
    std::string line;
    for (std::size_t index = 0; std::getline(std::cin, line);) {
      std::string reply;
      const ChatStep step = commands_.take(line, reply);
      fmt::print(stderr, "{}", reply);
      if (step == ChatStep::quit) return;
      if (step == ChatStep::wait) continue;
      const ChatAnswer answer = this->answer(options_.json ? Show() : Show(show));
      if (answer.stopped) throw Error(ErrorKind::cancelled, "interrupted");
      Output out;
      out.line(options_.json ? json_of(answer, index++) : "");
      out.finish();
    }
    throw_if_interrupted();
  }

 private:
  static LineEnd read_line(LineEditor& editor, std::string& line) {
    LineEnd end = editor.read(">>> ", line);
    while (end == LineEnd::entered && line.ends_with('\\')) {
      line.back() = '\n';
      std::string further;
      end = editor.read("... ", further);
      line += further;
    }
    return end;
  }

  /// False: the conversation is over. What goes wrong is shown, and the conversation is as it was.
  bool answer_at_terminal(const std::string& line) {
    const Conversation before = conversation_;
    try {
      std::string reply;
      const ChatStep step = commands_.take(line, reply);
      fmt::print("{}", reply);
      if (step == ChatStep::quit) return false;
      if (step == ChatStep::wait) return true;
      const ChatAnswer answer = this->answer([](std::string_view piece) { show(without_controls(piece)); });
      fmt::print("\n{}\n", report_of(answer));
      was_interrupted_ = answer.stopped;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::cancelled) throw;
      conversation_ = before;
      fmt::print("{}\n", error.what());
    }
    return true;
  }

  using Show = std::function<void(std::string_view piece)>;

  static void show(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  /// Lets the model answer and adds that to the conversation. `show` is told of each piece.
  ChatAnswer answer(const Show& show) {
    const auto receive = [show](std::string_view piece) {
      show(piece);
      return true;
    };
    const std::int64_t shared_before = generator_.report().shared_tokens;
    const Clock::time_point start = Clock::now();
    TextGenerator::Ticket ticket = generator_.submit({.prompt = prompts_.tokens(conversation_.prompt()),
                                                      .options = commands_.options(),
                                                      .number = number_++,
                                                      .receive = show ? ReceiveText(receive) : ReceiveText()});
    bool stopped = false;
    while (!ticket.wait_for(std::chrono::milliseconds(10))) {
      if (!take_interrupt()) continue;
      if (stopped) throw Error(ErrorKind::cancelled, "interrupted");
      stopped = true;
      ticket.cancel();
    }
    ChatAnswer answer{.result = ticket.get(), .remembered_tokens = 0, .first_seconds = 0, .seconds = 0, .stopped = stopped};
    answer.seconds = seconds_between(start, Clock::now());
    answer.first_seconds = answer.result.first_token ? seconds_between(start, *answer.result.first_token) : answer.seconds;
    answer.remembered_tokens = generator_.report().shared_tokens - shared_before;
    if (show && commands_.options().num_beams.value_or(1) > 1) show(answer.text().text);  // which a beam search knows at the end
    conversation_.add("assistant", answer.text().text);
    return answer;
  }

  std::string report_of(const ChatAnswer& answer) const {
    const std::string how = answer.stopped                                        ? ", stopped; Ctrl-C again ends the program"
                            : answer.text().finish_reason == FinishReason::length ? ", the most that it may have"
                                                                                  : "";
    return fmt::format("\033[2m[{} tokens{}; {:.1f} tokens/s, the first after {:.2f} s; {} of the {} before it were remembered]\033[0m",
                       answer.text().tokens.size(), how, answer.speed(), answer.first_seconds, answer.remembered_tokens,
                       answer.result.prompt_tokens);
  }

  std::string json_of(const ChatAnswer& answer, std::size_t index) const {
    OrderedJson object{{"index", index},
                       {"message", {{"role", "assistant"}, {"content", answer.text().text}}},
                       {"finish_reason", name_of(answer.text().finish_reason)},
                       {"prompt_tokens", answer.result.prompt_tokens},
                       {"remembered_tokens", answer.remembered_tokens},
                       {"generated_tokens", answer.text().tokens.size()},
                       {"first_token_seconds", answer.first_seconds},
                       {"seconds", answer.seconds}};
    add_placement(object, generator_.session().placement(), generator_.session().folder());
    if (const std::vector<std::string> all = notes(); !all.empty()) object["notes"] = all;
    return object.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
  }

  std::vector<std::string> notes() const {
    std::vector<std::string> notes = generator_.session().notes();
    add_notes(notes, generator_.notes());
    return notes;
  }

  const ChatOptions& options_;
  TextGenerator generator_;
  PromptReader prompts_;
  Conversation conversation_;
  ChatCommands commands_;
  std::uint64_t number_ = 0;  ///< of the answer, so that another try draws anew
  bool was_interrupted_ = false;
};

void chat(const ChatOptions& options) {
  Chat chat(options);
  if (!options.json && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1)
    chat.converse();
  else
    chat.answer_lines();
}

}  // namespace

void add_chat_command(CLI::App& app) {
  CLI::App& command = *app.add_subcommand("chat", "A conversation, at the terminal or over lines of standard input");
  const auto options = std::make_shared<ChatOptions>();
  add_model_argument(command, options->model);
  command.add_option("--system", options->system, "message before the conversation that tells the model how to answer")->type_name("TEXT");
  command.add_flag("--raw", options->raw, "go on from what is typed as it stands, without a chat template");
  add_json_option(command, options->json);
  add_generation_flags(command, options->generation);
  add_compute_options(command, options->compute);
  add_examples(command,
               "  ipfs-accelerate chat models/qwen --system 'Answer in one sentence.'   # /help tells the commands\n"
               "  printf 'Hello.\\nAnd in French?\\n' | ipfs-accelerate chat models/qwen --json");
  command.callback([options] { chat(*options); });
}

}  // namespace accelerate::cli
