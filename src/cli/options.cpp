#include "cli/options.h"

#include <fmt/format.h>
#include "cli/calibration_line.h"

#include "ipfs_accelerate/error.h"

namespace accelerate::cli {

CLI::Validator within(double least, double most) {
  CLI::Validator range = CLI::Range(least, most);
  return range.description("");  // --help says enough with the option's own text
}

void add_model_argument(CLI::App& command, std::string& model) {
  command.add_option("MODEL", model, "model folder (config.json, tokenizer.json, *.safetensors) or .gguf file")->required()->type_name("");
}

void add_compute_options(CLI::App& command, ComputeOptions& options) {
  command.add_option("--backend", options.backend, "cpu, cuda, openvino, reference; auto: what serves best here")
      ->capture_default_str()
      ->type_name("NAME")
      ->group("Compute");
  command.add_option("--precision", options.precision, "fp32, bf16, fp16, int8, int4; auto: fp32, or what --accuracy allows")
      ->capture_default_str()
      ->type_name("NAME")
      ->group("Compute");
  command.add_option("--threads", options.threads, "threads; 0: what serves best, or one a core where nothing is auto")
      ->check(within(0, 4096))
      ->capture_default_str()
      ->type_name("N")
      ->group("Compute");
  command
      .add_option("--fallback", options.fallback,
                  "on: what a device cannot run, or has no memory for, runs in pieces or on cpu, and is noted")
      ->check(CLI::IsMember({"on", "off"}).description(""))
      ->capture_default_str()
      ->type_name("on|off")
      ->group("Compute");
  command.add_option("--prefer", options.prefer, "what best means to auto: latency, throughput or memory")
      ->capture_default_str()
      ->type_name("WISH")
      ->group("Compute");
  command.add_option("--accuracy", options.accuracy, "least agreement with fp32 that auto may take, such as 0.99; 1: fp32 itself")
      ->check(within(0, 1))
      ->capture_default_str()
      ->type_name("X")
      ->group("Compute");
  command.add_option("--passes", options.passes, "graph passes to switch off")->delimiter(',')->type_name("-NAME,")->group("Compute");
}

void add_json_option(CLI::App& command, bool& json) { command.add_flag("--json", json, "JSON for programs, errors as JSON on stderr"); }

void add_examples(CLI::App& command, std::string_view examples) { command.footer(fmt::format("Examples:\n{}\n", examples)); }

SessionOptions session_options(const ComputeOptions& options) {
  SessionOptions result{.backend = options.backend,
                        .precision = options.precision,
                        .threads = options.threads,
                        .prefer = options.prefer,
                        .accuracy = options.accuracy,
                        .calibrating = shown_calibration(),
                        .fallback = options.fallback == "on"};
  for (const std::string& pass : options.passes) {
    if (pass.size() < 2 || pass.front() != '-')
      throw Error(ErrorKind::invalid_argument, fmt::format("--passes: '{}', expected -NAME, the name of a pass to switch off", pass));
    result.disabled_passes.push_back(pass.substr(1));
  }
  return result;
}

}  // namespace accelerate::cli
