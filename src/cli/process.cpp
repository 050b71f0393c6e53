// `process`: what goes into a model, as the processors of transformers make it.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/output.h"
#include "formats/safetensors.h"
#include "processing/text_file.h"
#include "runtime/model_folder.h"

namespace accelerate::cli {
namespace {

struct ProcessOptions {
  std::string model;
  std::string text_file;
  std::string outputs;
  bool json = false;
};

void process(const ProcessOptions& options) {
  const ModelFolder folder = open_model_folder(options.model);
  const TensorMap tensors = process_text_file(Tokenizer::load(folder.transformer), options.text_file);
  write_safetensors(options.outputs, tensors);

  Output out;
  if (options.json) {
    nlohmann::ordered_json report{{"outputs", nlohmann::ordered_json::object()}};
    for (const auto& [name, tensor] : tensors) report["outputs"][name] = tensor.shape();
    out.line(report.dump());
  } else {
    for (const auto& [name, tensor] : tensors) out.line(fmt::format("{} {} {}", name, name_of(tensor.dtype()), shape_text(tensor.shape())));
  }
  out.finish();
}

}  // namespace

void add_process_command(CLI::App& app) {
  CLI::App& command = *app.add_subcommand("process", "Turns texts into a model's input tensors");
  const auto options = std::make_shared<ProcessOptions>();
  add_model_argument(command, options->model);
  command.add_option("--text-file", options->text_file, "texts, one a line")->required()->type_name("FILE");
  command.add_option("--outputs", options->outputs, "safetensors file for input_ids, attention_mask, …")->required()->type_name("FILE");
  add_json_option(command, options->json);
  add_examples(command, "  ipfs-accelerate process models/bert --text-file lines.txt --outputs batch.safetensors");
  command.callback([options] { process(*options); });
}

}  // namespace accelerate::cli
