// The sub-commands, one a file. Each function adds its sub-command to `app`; parsing a command line that names it runs it,
// and what it throws is the program's error.
#pragma once

#include <CLI/CLI.hpp>

namespace accelerate::cli {

void add_run_command(CLI::App& app);
void add_process_command(CLI::App& app);
void add_forward_command(CLI::App& app);
void add_generate_command(CLI::App& app);
void add_chat_command(CLI::App& app);
void add_bench_command(CLI::App& app);
void add_devices_command(CLI::App& app);
void add_models_command(CLI::App& app);
void add_serve_command(CLI::App& app);
void add_endpoints_command(CLI::App& app);
void add_completion_command(CLI::App& app);

// Those of `models`.
void add_models_list_command(CLI::App& models);
void add_models_show_command(CLI::App& models);
void add_models_create_command(CLI::App& models);
void add_models_verify_command(CLI::App& models);

}  // namespace accelerate::cli
