// `generate`: continues texts.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

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

/// Rows [first, first + count) of whole numbers with one row a token.
Tensor rows_of(const Tensor& tensor, std::int64_t first, std::int64_t count) {
  const std::int64_t columns = tensor.dim(0) == 0 ? 0 : tensor.size() / tensor.dim(0);
  const auto values =
      tensor.values<std::int64_t>().subspan(static_cast<std::size_t>(first * columns), static_cast<std::size_t>(count * columns));
  std::vector<std::int64_t> shape(tensor.shape().begin(), tensor.shape().end());
  shape[0] = count;
  return Tensor::from<std::int64_t>(std::vector(values.begin(), values.end()), std::move(shape));
}

std::vector<std::int64_t> numbers_of(const Tensor& tensor) {
  const auto values = tensor.values<std::int64_t>();
  return {values.begin(), values.end()};
}

/// A request a row of input_ids, with its tokens where attention_mask is 1. For an encoder, their columns in the row are their
/// positions and other tensors are its inputs; decoder_input_ids are what the answer begins with.
std::vector<GenerationRequest> requests_of(TensorMap tensors, bool has_encoder) {
  std::optional<Tensor> begins;
  if (const auto given = tensors.find("decoder_input_ids"); has_encoder && given != tensors.end()) {
    begins = whole_numbers(given->second, given->first);
    tensors.erase(given);
  }
  const PaddedLayout layout = padded_layout(tensors);
  if (begins && (begins->rank() != 2 || begins->dim(0) != layout.rows))
    throw Error(ErrorKind::invalid_argument,
                fmt::format("decoder_input_ids is {}, expected [{}, tokens]", shape_text(begins->shape()), layout.rows));
  const TensorMap ragged = ragged_inputs(tensors, layout);
  std::vector<GenerationRequest> requests;
  for (std::size_t row = 0; row + 1 < layout.begins.size(); ++row) {
    const std::int64_t first = layout.begins[row];
    const std::int64_t count = layout.begins[row + 1] - first;
    GenerationRequest& request = requests.emplace_back();
    request.prompt = numbers_of(rows_of(ragged.at("input_ids"), first, count));
    if (!has_encoder) continue;
    for (const auto& [name, tensor] : ragged)
      if (name != "input_ids" && name != "sequences") request.source.emplace(name, rows_of(tensor, first, count));
    if (begins) request.begin = numbers_of(rows_of(*begins, static_cast<std::int64_t>(row), 1));
  }
  return requests;
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

  std::vector<GenerationRequest> requests;
  if (options.inputs.empty())
    for (const std::string& prompt : options.prompts) requests.push_back({.prompt = generator.encode(prompt)});
  else
    requests = requests_of(SafetensorsFile::open(options.inputs).tensors(), generator.session().reads_source());

  const auto start = std::chrono::steady_clock::now();
  const bool shows = !options.json && requests.size() == 1 && options.outputs.empty();
  const auto show = [](std::string_view piece) {
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    std::fflush(stdout);
    return true;
  };
  std::vector<TextGenerator::Ticket> tickets;
  for (GenerationRequest& request : requests) {
    request.options = generation;
    request.number = tickets.size();
    if (shows) request.receive = show;
    tickets.push_back(generator.submit(std::move(request)));
  }
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
