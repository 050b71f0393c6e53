// `generate`: continues texts.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "cli/commands.h"
#include "cli/generation_flags.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output.h"
#include "formats/safetensors.h"
#include "ipfs_accelerate/error.h"
#include "processing/text_batch.h"
#include "tasks/answers_json.h"
#include "tasks/generate.h"

namespace accelerate::cli {
namespace {

struct GenerateOptions {
  std::string model;
  std::vector<std::string> prompts;
  std::string inputs;
  std::string outputs;
  bool json = false;
  ComputeOptions compute;
  GenerationFlags generation;
};

/// The results of requests, in their order; Ctrl-C ends all of them.
std::vector<GenerationResult> results_of(std::span<TextGenerator::Ticket> tickets) {
  const auto poll = [&] {
    try {
      throw_if_interrupted();
    } catch (...) {
      for (TextGenerator::Ticket& ticket : tickets) ticket.cancel();
      throw;
    }
  };
  std::vector<GenerationResult> results;
  for (TextGenerator::Ticket& ticket : tickets) {
    while (!ticket.wait_for(std::chrono::milliseconds(20))) poll();
    results.push_back(ticket.get());
  }
  return results;
}

/// The prompts of `inputs`: the tokens of each row of input_ids where attention_mask is 1.
std::vector<std::vector<std::int64_t>> prompts_of(const TensorMap& tensors) {
  const PaddedLayout layout = padded_layout(tensors);
  const Tensor ids = ragged_inputs(tensors, layout).at("input_ids");
  std::vector<std::vector<std::int64_t>> prompts;
  for (std::size_t row = 0; row + 1 < layout.begins.size(); ++row) {
    const auto own = ids.values<std::int64_t>().subspan(static_cast<std::size_t>(layout.begins[row]),
                                                        static_cast<std::size_t>(layout.begins[row + 1] - layout.begins[row]));
    prompts.emplace_back(own.begin(), own.end());
  }
  return prompts;
}

/// The texts' tokens as int64 `sequences` [texts, tokens of the longest], zeros behind the shorter ones.
TensorMap sequences_of(std::span<const GenerationResult> results) {
  std::size_t longest = 0;
  std::int64_t rows = 0;
  for (const GenerationResult& result : results)
    for (const GeneratedText& text : result.texts) {
      longest = std::max(longest, text.tokens.size());
      ++rows;
    }
  Tensor sequences = Tensor::zeros(DType::int64, {rows, static_cast<std::int64_t>(longest)});
  auto row = sequences.mutable_values<std::int64_t>().begin();
  for (const GenerationResult& result : results)
    for (const GeneratedText& text : result.texts) {
      std::ranges::copy(text.tokens, row);
      row += static_cast<std::ptrdiff_t>(longest);
    }
  return {{"sequences", std::move(sequences)}};
}

void report(const GenerateOptions& options, const TextGenerator& generator, std::span<const GenerationResult> results, double seconds) {
  Output out;
  std::vector<std::string> notes = generator.notes();
  if (options.json) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      std::vector<std::string> own = results[i].notes;
      add_notes(own, notes);
      AnswerJson object{{"index", i}};
      object.update(to_json(results[i], own));
      add_placement(object, generator.session().placement(), generator.session().folder());
      out.line(line_of(object));
    }
    return out.finish();
  }
  std::size_t tokens = 0;
  for (const GenerationResult& result : results)
    for (const GeneratedText& text : result.texts) tokens += text.tokens.size();
  out.line(fmt::format("{} tokens in {:.2f} s, {}", tokens, seconds,
                       text_of(generator.session().placement(), generator.session().folder().random_weights)));
  for (const GenerationResult& result : results) add_notes(notes, result.notes);
  write_notes(out, notes);
  out.finish();
}

void generate(const GenerateOptions& options) {
  if (options.prompts.empty() == options.inputs.empty()) throw Error(ErrorKind::invalid_argument, "expected either --prompt or --inputs");
  TextGenerator generator(open_model_folder(options.model), {.session = session_options(options.compute)});
  const GenerationOptions generation = generation_options(options.generation);

  std::vector<std::vector<std::int64_t>> prompts;
  if (options.inputs.empty())
    for (const std::string& prompt : options.prompts) prompts.push_back(generator.encode(prompt));
  else
    prompts = prompts_of(SafetensorsFile::open(options.inputs).tensors());

  const auto start = std::chrono::steady_clock::now();
  const bool shows = !options.json && prompts.size() == 1 && options.outputs.empty();
  const auto show = [](std::string_view piece) {
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    std::fflush(stdout);
    return true;
  };
  std::vector<TextGenerator::Ticket> tickets;
  for (std::size_t i = 0; i < prompts.size(); ++i)
    tickets.push_back(
        generator.submit({.prompt = prompts[i], .options = generation, .number = i, .receive = shows ? ReceiveText(show) : ReceiveText()}));
  const std::vector<GenerationResult> results = results_of(tickets);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  if (!options.outputs.empty()) write_safetensors(options.outputs, sequences_of(results));
  if (!options.json) {
    Output out;
    if (shows && results.front().texts.size() == 1 && generation.num_beams.value_or(1) == 1)
      out.line("");
    else if (generator.has_tokenizer())
      for (const GenerationResult& result : results)
        for (const GeneratedText& text : result.texts) out.line(text.text);
    out.finish();
  }
  report(options, generator, results, seconds);
}

}  // namespace

void add_generate_command(CLI::App& app) {
  CLI::App& command = *app.add_subcommand("generate", "Continues texts");
  const auto options = std::make_shared<GenerateOptions>();
  add_model_argument(command, options->model);
  command.add_option("--prompt", options->prompts, "text to continue; may be given several times")->type_name("TEXT");
  command.add_option("--inputs", options->inputs, "safetensors file with input_ids [batch, tokens] and, where wanted, attention_mask")
      ->type_name("FILE");
  command.add_option("--outputs", options->outputs, "safetensors file for the new tokens: sequences [batch, tokens]")->type_name("FILE");
  add_json_option(command, options->json);
  add_generation_flags(command, options->generation);
  add_compute_options(command, options->compute);
  add_examples(command,
               "  ipfs-accelerate generate models/gpt2 --prompt 'Once upon a time' --max-new-tokens 40\n"
               "  ipfs-accelerate generate models/llama --prompt 'The capital of France' --sample --temperature 0.7 --top-p 0.9 --seed 1");
  command.callback([options] { generate(*options); });
}

}  // namespace accelerate::cli
