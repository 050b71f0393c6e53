// Options that several sub-commands have.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "runtime/session.h"

namespace accelerate::cli {

/// Where and how to compute.
struct ComputeOptions {
  std::string backend = "auto";
  std::string precision = "auto";
  int threads = 0;
  std::string fallback = "on";
  std::string prefer = "latency";
  double accuracy = 1;
  std::vector<std::string> passes;  ///< "-name": switched off
};

/// Accepts numbers from `least` to `most`.
CLI::Validator within(double least, double most);

/// Adds MODEL, a required folder.
void add_model_argument(CLI::App& command, std::string& model);

/// Adds --backend, --precision, --threads, --fallback, --prefer, --accuracy and --passes.
void add_compute_options(CLI::App& command, ComputeOptions& options);

/// Adds --json.
void add_json_option(CLI::App& command, bool& json);

/// Adds lines of examples below the options in --help.
void add_examples(CLI::App& command, std::string_view examples);

/// The options as a session takes them; what it measures it shows where standard error is a terminal. Throws invalid_argument for a pass
/// that is not written "-name".
SessionOptions session_options(const ComputeOptions& options);

}  // namespace accelerate::cli
