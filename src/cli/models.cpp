// `models`: what is in model folders.
#include "cli/commands.h"

namespace accelerate::cli {

void add_models_command(CLI::App& app) {
  CLI::App& models = *app.add_subcommand("models", "Lists, shows, creates and verifies model folders");
  models.require_subcommand(1);
  add_models_list_command(models);
  add_models_show_command(models);
  add_models_create_command(models);
  add_models_verify_command(models);
}

}  // namespace accelerate::cli
