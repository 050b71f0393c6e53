// `run`: texts in, answers out.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "cli/commands.h"
#include "cli/generation_flags.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress_bar.h"
#include "cli/run_file.h"
#include "cli/run_inputs.h"
#include "cli/run_tasks.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cli {
namespace {

// Inputs that are computed and written together: memory stays bounded however many there are.
constexpr std::size_t chunk_size = 8192;

struct RunOptions {
  std::string model;
  std::string task;
  RunSources sources;
  std::string output;
  std::string on_error = "fail";
  bool restart = false;
  TaskOptions answers;
  GenerationFlags generation;
  nlohmann::ordered_json generation_settings = nlohmann::ordered_json::object();  ///< the flags of generation that are given, by name
  std::string aggregation = "simple";
  std::string prompt_text;
  bool no_truncate = false;
  bool json = false;
  ComputeOptions compute;
};

/// Runs the inputs from number `begin` on. Messages count a part's inputs from 0, so those of later parts say where it begins.
void run_part(TaskRunner& runner, std::span<const RunInput> part, std::size_t begin, const Progress& progress) {
  try {
    runner.run(part, progress);
  } catch (const Error& error) {
    if (begin == 0 || error.kind() == ErrorKind::cancelled) throw;
    throw Error(error.kind(), fmt::format("counting from input {}: {}", begin, error.what()));
  }
}

/// Answers the inputs chunk by chunk and hands each answer's number and place in its chunk to `show`.
void run_in_chunks(TaskRunner& runner, std::span<const RunInput> inputs, std::size_t chunk,
                   const std::function<void(std::size_t number, std::size_t place)>& show) {
  ProgressBar bar("texts");
  for (std::size_t begin = 0; begin < inputs.size(); begin += chunk) {
    const std::span<const RunInput> part = inputs.subspan(begin, std::min(chunk, inputs.size() - begin));
    run_part(runner, part, begin, [&](std::size_t done, std::size_t total) {
      throw_if_interrupted();
      bar.update(begin + part.size() * done / std::max<std::size_t>(total, 1), inputs.size());
    });
    for (std::size_t i = 0; i < part.size(); ++i) show(begin + i, i);
  }
}

void run_to_json(TaskRunner& runner, std::span<const RunInput> inputs, Output& out) {
  run_in_chunks(runner, inputs, chunk_size, [&](std::size_t number, std::size_t place) {
    AnswerJson object{{"index", number}};
    object.update(runner.json(place));
    add_placement(object, runner.placement(), runner.folder());
    out.line(line_of(object));
  });
}

void run_to_text(TaskRunner& runner, std::span<const RunInput> inputs, Output& out) {
  const auto start = std::chrono::steady_clock::now();
  std::string answers;
  std::vector<std::string> notes;
  run_in_chunks(runner, inputs, inputs.size(), [&](std::size_t number, std::size_t place) {
    if (const std::string text = runner.text(place); !text.empty()) answers += fmt::format("{:>3} {}\n", number, text);
    add_notes(notes, runner.notes(place));
  });
  const double milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  out.write(answers + runner.closing_text(inputs));
  out.line(fmt::format("\n{} text{} in {:.1f} ms: {}; loaded in {:.0f} ms", inputs.size(), inputs.size() == 1 ? "" : "s", milliseconds,
                       text_of(runner.placement(), runner.folder().random_weights), runner.load_milliseconds()));
  write_notes(out, notes);
}

/// The file that a run over a file reads: of JSON lines or texts, with answers that go to a file too, and nothing beside it.
std::optional<std::string> input_file(const RunOptions& options) {
  const RunSources& sources = options.sources;
  const std::string& file = sources.json_lines.empty() ? sources.text_file : sources.json_lines;
  const bool alone = sources.arguments.empty() && (sources.json_lines.empty() || sources.text_file.empty());
  if (options.output.empty() || file.empty() || file == "-" || !alone || options.answers.nearest > 0) return std::nullopt;
  return file;
}

/// Everything among the options that answers depend on, as texts by the options' names.
nlohmann::ordered_json settings_of(const RunOptions& options) {
  const TaskOptions& answers = options.answers;
  nlohmann::ordered_json settings{{"--top-k", fmt::format("{}", answers.top_k)},
                                  {"--no-truncate", options.no_truncate ? "on" : "off"},
                                  {"--prompt", answers.prompt_name.value_or("")},
                                  {"--prompt-text", answers.prompt ? fmt::format("\"{}\"", *answers.prompt) : ""},
                                  {"--dimensions", answers.dimensions ? fmt::format("{}", *answers.dimensions) : ""},
                                  {"--labels", fmt::format("{}", fmt::join(options.sources.labels, ","))},
                                  {"--hypothesis", answers.hypothesis},
                                  {"--multi-label", answers.multi_label ? "on" : "off"},
                                  {"--aggregation", options.aggregation},
                                  {"--context", options.sources.context},
                                  {"--source-language", answers.source_language},
                                  {"--target-language", answers.target_language},
                                  {"--passes", fmt::format("{}", fmt::join(options.compute.passes, ","))}};
  settings.update(options.generation_settings);
  if (answers.generation.json_schema) settings["--json-schema"] = *answers.generation.json_schema;
  return settings;
}

void run_to_file(TaskRunner& runner, const RunOptions& options, const std::string& input, Task task) {
  const auto start = std::chrono::steady_clock::now();
  const FileRunResult result = run_file(runner, {.input = input,
                                                 .is_text = options.sources.json_lines.empty(),
                                                 .output = options.output,
                                                 .task = task,
                                                 .sources = options.sources,
                                                 .skip_errors = options.on_error == "skip",
                                                 .restart = options.restart,
                                                 .settings = settings_of(options)});
  if (options.json) return;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::uint64_t now = result.answers - result.continued;
  Output out;
  out.line(fmt::format("{} answers in {}{}{}", result.answers, options.output,
                       result.continued == 0 ? "" : fmt::format(", {} of them from before", result.continued),
                       result.skipped == 0 ? "" : fmt::format(", {} of them errors", result.skipped)));
  out.line(fmt::format("{:.1f} s, {:.1f} lines/s: {}; loaded in {:.0f} ms", seconds, static_cast<double>(now) / std::max(seconds, 1e-9),
                       text_of(runner.placement(), runner.folder().random_weights), runner.load_milliseconds()));
  out.finish();
}

/// The texts without spaces around them; what is nothing else is left out.
std::vector<std::string> trimmed(const std::vector<std::string>& texts) {
  std::vector<std::string> result;
  for (const std::string& text : texts)
    if (const std::size_t begin = text.find_first_not_of(' '); begin != std::string::npos)
      result.push_back(text.substr(begin, text.find_last_not_of(' ') + 1 - begin));
  return result;
}

void check(const RunOptions& options, Task task) {
  const auto refuse = [](const std::string& reason) { throw Error(ErrorKind::invalid_argument, reason); };
  if (options.answers.nearest > 0 && (task != Task::embed || options.json))
    refuse("--nearest: shows pairs of embeddings to people; it goes with --task embed and without --json");
  const bool generates = task == Task::generate || task == Task::chat || task == Task::translate || task == Task::summarize;
  if (!generates && !options.generation_settings.empty())
    refuse(fmt::format("{}: goes with --task generate, chat, translate and summarize", options.generation_settings.begin().key()));
  if (task != Task::translate && !(options.answers.source_language + options.answers.target_language).empty())
    refuse("--source-language and --target-language: go with --task translate");
  if ((options.restart || options.on_error != "fail") && !input_file(options))
    refuse("--restart and --on-error are for runs over a file: --input or --text-file alone, with --output");
}

void run(RunOptions options, bool prefers) {
  const ModelFolder folder = open_model_folder(options.model);
  const bool names_language = !(options.answers.source_language + options.answers.target_language).empty();
  const bool reads_and_writes = head_of(folder.config) == Head::conditional_generation;
  const Task task = choose_task(options.task.empty() && names_language && reads_and_writes ? "translate" : options.task, folder.config);
  check(options, task);
  options.answers.truncate = !options.no_truncate;
  options.sources.labels = trimmed(options.sources.labels);
  options.answers.aggregation = aggregation_named(options.aggregation);
  options.answers.generation = generation_options(options.generation);
  if (options.answers.top_k > 0) options.answers.generation.top_k = static_cast<std::int64_t>(options.answers.top_k);
  const std::optional<std::string> file = input_file(options);
  if (file && !prefers) options.compute.prefer = "throughput";
  const std::vector<RunInput> inputs = file ? std::vector<RunInput>() : read_inputs(options.sources, task);
  Output out(options.output);
  const std::unique_ptr<TaskRunner> runner = make_task_runner(task, folder, session_options(options.compute), options.answers);
  if (file) return run_to_file(*runner, options, *file, task);
  if (options.json)
    run_to_json(*runner, inputs, out);
  else
    run_to_text(*runner, inputs, out);
  out.finish();
}

void add_input_options(CLI::App& command, RunOptions& options) {
  RunSources& sources = options.sources;
  const auto add = [&command](const char* name, auto& value, const char* text, const char* type) {
    command.add_option(name, value, text)->group("Input and output")->type_name(type);
  };
  add("--text-file", sources.text_file, "texts, one a line", "FILE");
  add("--input", sources.json_lines,
      R"(JSON lines: "text", or objects with text; text, pair; text, labels; question, context; query, documents; prompt; messages)",
      "FILE");
  add("--context", sources.context, "answer: the text in which the INPUT questions are answered", "TEXT");
  add("--query", sources.query, "rerank: what the INPUT documents are ranked for", "TEXT");
  add("--output", options.output, "file for the answers; from a file, it grows as FILE.partial and a stopped run goes on", "FILE");
  command.add_option("--on-error", options.on_error, "a line of a file that has no answer: fail, or skip, which notes why in its place")
      ->check(CLI::IsMember({"fail", "skip"}).description(""))
      ->capture_default_str()
      ->type_name("WAY")
      ->group("Input and output");
  command.add_flag("--restart", options.restart, "throw away what a stopped run left in FILE.partial")->group("Input and output");
  add_json_option(command, options.json);
}

void add_answer_options(CLI::App& command, RunOptions& options) {
  TaskOptions& answers = options.answers;
  const auto add = [&command](const char* name, auto& value, const char* text, const char* type) {
    return command.add_option(name, value, text)->group("Answers")->type_name(type);
  };
  add("--top-k", answers.top_k,
      "candidates of fill-mask (5), labels and documents of the others (all); generate, chat, …: draw among the K most probable", "N");
  add("--nearest", answers.nearest, "embed: show the N pairs of texts that are most alike", "N");
  CLI::Option* prompt = add("--prompt", answers.prompt_name, "embed: which of the model's prompts stands before each text", "NAME");
  add("--prompt-text", options.prompt_text, "embed: the prompt itself; '' for none", "TEXT")->excludes(prompt);
  add("--dimensions", answers.dimensions, "embed: keep the first N numbers", "N");
  add("--labels", options.sources.labels, "zero-shot: what a text may be about", "A,B,")->delimiter(',')->allow_extra_args(false);
  add("--hypothesis", answers.hypothesis, "zero-shot: what is said of a text, with {} for a label (This example is {}.)", "TEXT");
  command.add_flag("--multi-label", answers.multi_label, "zero-shot: several labels may fit")->group("Answers");
  add("--source-language", answers.source_language, "translate: of the texts, as the model writes it (en, en_XX)", "L");
  add("--target-language", answers.target_language, "translate: of the answers", "L");
  add("--aggregation", options.aggregation, "tag: what an entity is: none (a token), simple (if left out), first, average, max", "WAY");
  command.add_flag("--no-truncate", options.no_truncate, "refuse texts that are too long; otherwise they are cut, and the answer says so")
      ->group("Answers");
}

}  // namespace

void add_run_command(CLI::App& app) {
  CLI::App& command =
      *app.add_subcommand("run", "Texts in, answers out: embeddings, masked words, labels, entities, answers, rankings, texts");
  const auto options = std::make_shared<RunOptions>();
  add_model_argument(command, options->model);
  command.add_option("INPUT", options->sources.arguments, "texts; - reads them from standard input, one a line")->type_name("");
  command
      .add_option(
          "--task", options->task,
          "embed, fill-mask, classify, tag, answer, rerank, zero-shot, generate, chat, translate, summarize (the last four with the "
          "options of generate); left out: what the model is for")
      ->type_name("NAME");
  add_input_options(command, *options);
  add_answer_options(command, *options);
  const std::vector<const CLI::Option*> generation = add_generation_flags(command, options->generation, WithTopK::no);
  // They would fill the screen, and `generate --help` tells them.
  for (const CLI::Option* flag : generation) command.get_option("--" + flag->get_lnames().front())->group("");
  add_compute_options(command, options->compute);
  add_examples(command,
               "  ipfs-accelerate run models/minilm 'A boat leaves.' 'The ferry departs.' --nearest 1\n"
               "  ipfs-accelerate run models/minilm --input texts.jsonl --output vectors.jsonl   # stopped, the same command goes on\n"
               "  ipfs-accelerate run models/reranker --task rerank --query 'Who wrote it?' 'Ada did.' 'A boat leaves.'\n"
               "  ipfs-accelerate run models/t5 --task translate --source-language en --target-language de 'The house is small.'\n"
               "  ipfs-accelerate run models/qwen --task chat --input questions.jsonl --output answers.jsonl --max-new-tokens 200");
  command.callback([options, generation, &command] {
    for (const CLI::Option* flag : generation)
      if (flag->count() > 0)
        options->generation_settings["--" + flag->get_lnames().front()] = fmt::format("{}", fmt::join(flag->results(), "\n"));
    // An empty text is a prompt too, and tells that there is to be none.
    if (command.count("--prompt-text") > 0) options->answers.prompt = options->prompt_text;
    run(*options, command.count("--prefer") > 0);
  });
}

}  // namespace accelerate::cli
