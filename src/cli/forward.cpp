// `forward`: one pass over tensors from a file, as transformers' forward() does it.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/output.h"
#include "formats/safetensors.h"
#include "runtime/rectangle.h"
#include "tasks/answers_json.h"

namespace accelerate::cli {
namespace {

struct ForwardOptions {
  std::string model;
  std::string inputs;
  std::string outputs;
  bool json = false;
  ComputeOptions compute;
};

void forward(const ForwardOptions& options) {
  const Session session(open_model_folder(options.model), session_options(options.compute));
  const auto [outputs, notes] = run_rectangle(session, SafetensorsFile::open(options.inputs).tensors());
  write_safetensors(options.outputs, outputs);

  Output out;
  if (options.json) {
    nlohmann::ordered_json report{{"outputs", nlohmann::ordered_json::object()}};
    add_placement(report, session);
    for (const auto& [name, tensor] : outputs) report["outputs"][name] = tensor.shape();
    if (!notes.empty()) report["notes"] = notes;
    out.line(report.dump());
  } else {
    for (const auto& [name, tensor] : outputs) out.line(fmt::format("{} {} {}", name, name_of(tensor.dtype()), shape_text(tensor.shape())));
    out.line(text_of(session.placement(), session.folder().random_weights));
    write_notes(out, notes);
  }
  out.finish();
}

}  // namespace

void add_forward_command(CLI::App& app) {
  CLI::App& command = *app.add_subcommand("forward", "One forward pass over tensors from a file");
  const auto options = std::make_shared<ForwardOptions>();
  add_model_argument(command, options->model);
  command
      .add_option("--inputs", options->inputs,
                  "safetensors file with input_ids [batch, tokens] and, where wanted, attention_mask, token_type_ids, position_ids")
      ->required()
      ->type_name("FILE");
  command.add_option("--outputs", options->outputs, "safetensors file for what the model's head gives, zeros at padding")
      ->required()
      ->type_name("FILE");
  add_json_option(command, options->json);
  add_compute_options(command, options->compute);
  add_examples(command, "  ipfs-accelerate forward models/bert --inputs batch.safetensors --outputs states.safetensors");
  command.callback([options] { forward(*options); });
}

}  // namespace accelerate::cli
