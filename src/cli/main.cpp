// The program ipfs-accelerate: reads the command line, runs the sub-command that it names, reports errors.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <new>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "ipfs_accelerate/error.h"

namespace {

using accelerate::ErrorKind;

/// Prints the error in one line, as JSON when the caller asked for JSON, and returns the exit code.
int report(ErrorKind kind, std::string message, bool json) {
  std::ranges::replace(message, '\n', ' ');
  if (json) {
    const nlohmann::json error{{"error", {{"kind", name_of(kind)}, {"message", message}}}};
    message = error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  } else {
    message = "ipfs-accelerate: " + message;
  }
  std::fprintf(stderr, "%s\n", message.c_str());
  return exit_code(kind);
}

/// "--passes -name" as one word: the name of a pass begins like an option, which the parser would take it for.
std::vector<std::string> words_of(int count, char** words) {
  std::vector<std::string> result(words + 1, words + count);
  for (std::size_t i = 0; i + 1 < result.size(); ++i) {
    if (result[i] != "--passes" || !result[i + 1].starts_with('-') || result[i + 1].starts_with("--")) continue;
    result[i] += "=" + result[i + 1];
    result.erase(result.begin() + static_cast<std::ptrdiff_t>(i) + 1);
  }
  return result;
}

void add_commands(CLI::App& app) {
  using namespace accelerate::cli;
  app.set_version_flag("--version", "ipfs-accelerate " ACCELERATE_VERSION);
  app.require_subcommand(1);
  app.footer(
      "\nExit codes: 2 wrong use, 3 not found, 4 damaged file, 5 unsupported, 6 unavailable here, 7 out of memory,\n"
      "8 read or write refused, 9 device lost, 10 overloaded, 11 timed out, 130 interrupted. `ipfs-accelerate COMMAND --help` tells "
      "more.\n");
  app.get_formatter()->column_width(24);
  add_run_command(app);
  add_process_command(app);
  add_forward_command(app);
  add_generate_command(app);
  add_chat_command(app);
  add_bench_command(app);
  add_models_command(app);
  add_devices_command(app);
  add_serve_command(app);
  add_endpoints_command(app);
  add_completion_command(app);
}

/// Throws invalid_argument when the word that must be a sub-command of `app`, or of that one, is none.
void expect_known_commands(const CLI::App& app, std::span<const std::string> words) {
  if (words.empty() || words.front().starts_with('-') || app.get_subcommands({}).empty()) return;
  std::string known;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == words.front()) return expect_known_commands(*command, words.subspan(1));
    known += (known.empty() ? "" : ", ") + command->get_name();
  }
  throw accelerate::Error(ErrorKind::invalid_argument, "command '" + words.front() + "' is not one of " + known);
}

int run(std::vector<std::string> words, bool json) {
  CLI::App app("Runs Hugging Face models.", "ipfs-accelerate");
  try {
    add_commands(app);
    expect_known_commands(app, words);
    std::ranges::reverse(words);  // the order in which CLI11 takes a list
    app.parse(std::move(words));
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return report(ErrorKind::invalid_argument, error.what(), json);
  }
}

}  // namespace

int main(int count, char** arguments) {
  accelerate::cli::catch_interrupts();
  std::vector<std::string> words = words_of(count, arguments);
  const bool json = std::ranges::find(words, "--json") != words.end();
  try {
    return run(std::move(words), json);
  } catch (const accelerate::Error& error) {
    return report(error.kind(), error.what(), json);
  } catch (const std::bad_alloc&) {
    return report(ErrorKind::out_of_memory, "out of memory", json);
  } catch (const std::exception& error) {
    return report(ErrorKind::internal, error.what(), json);
  }
}
