// `run`: texts in, answers out.
#include <fmt/format.h>

#include <chrono>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress_bar.h"
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
  std::size_t nearest = 0;
  std::size_t top_k = 0;
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
    run_part(runner, part, begin, [&](std::size_t done, std::size_t) {
      throw_if_interrupted();
      bar.update(begin + done, inputs.size());
    });
    for (std::size_t i = 0; i < part.size(); ++i) show(begin + i, i);
  }
}

void run_to_json(TaskRunner& runner, std::span<const RunInput> inputs, Output& out) {
  run_in_chunks(runner, inputs, chunk_size, [&](std::size_t number, std::size_t place) {
    AnswerJson object{{"index", number}};
    object.update(runner.json(place));
    add_placement(object, runner.session());
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
  const Session& session = runner.session();
  out.write(answers + runner.closing_text(inputs));
  out.line(fmt::format("\n{} text{} in {:.1f} ms: {}; loaded in {:.0f} ms", inputs.size(), inputs.size() == 1 ? "" : "s", milliseconds,
                       text_of(session.placement(), session.folder().random_weights), session.load_milliseconds()));
  write_notes(out, notes);
}

void run(const RunOptions& options) {
  const ModelFolder folder = open_model_folder(options.model);
  const Task task = choose_task(options.task, folder.config);
  if (options.nearest > 0 && (task != Task::embed || options.json))
    throw Error(ErrorKind::invalid_argument,
                "--nearest: shows pairs of embeddings to people; it goes with --task embed and without --json");
  const std::vector<RunInput> inputs = read_inputs(options.sources, task);
  Output out(options.output);
  const std::unique_ptr<TaskRunner> runner =
      make_task_runner(task, folder, session_options(options.compute),
                       {.top_k = options.top_k, .nearest = options.nearest, .truncate = !options.no_truncate});
  if (options.json)
    run_to_json(*runner, inputs, out);
  else
    run_to_text(*runner, inputs, out);
  out.finish();
}

}  // namespace

void add_run_command(CLI::App& app) {
  CLI::App& command = *app.add_subcommand("run", "Texts in, answers out: embeddings, masked words, labels, entities, answers");
  const auto options = std::make_shared<RunOptions>();
  add_model_argument(command, options->model);
  command.add_option("INPUT", options->sources.arguments, "texts; - reads them from standard input, one a line")->type_name("");
  command.add_option("--task", options->task, "embed, fill-mask, classify, tag, answer; left out: what the model is for")
      ->type_name("NAME");
  command.add_option("--text-file", options->sources.text_file, "texts, one a line")->group("Input and output")->type_name("FILE");
  command.add_option("--input", options->sources.json_lines, R"(JSON lines: "text", {"text","pair"} or {"question","context"})")
      ->type_name("FILE")
      ->group("Input and output");
  command.add_option("--context", options->sources.context, "answer: the text in which the INPUT questions are answered")
      ->group("Input and output")
      ->type_name("TEXT");
  command.add_option("--output", options->output, "file for the answers, which appears when all are there")
      ->group("Input and output")
      ->type_name("FILE");
  add_json_option(command, options->json);
  command.add_option("--top-k", options->top_k, "candidates of fill-mask (5), labels of classify (all)")->group("Answers")->type_name("N");
  command.add_option("--nearest", options->nearest, "embed: show the N pairs of texts that are most alike")
      ->group("Answers")
      ->type_name("N");
  command.add_flag("--no-truncate", options->no_truncate, "refuse texts that are too long; otherwise they are cut, and the answer says so")
      ->group("Answers");
  add_compute_options(command, options->compute);
  add_examples(command,
               "  ipfs-accelerate run models/minilm 'A boat leaves.' 'The ferry departs.' --nearest 1\n"
               "  ipfs-accelerate run models/minilm --text-file lines.txt --json --output vectors.jsonl\n"
               "  ipfs-accelerate run models/squad 'Who?' --context 'Ada wrote the program.'");
  command.callback([options] { run(*options); });
}

}  // namespace accelerate::cli
