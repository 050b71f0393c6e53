// `models create`: a folder with random weights of a known shape.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/output.h"
#include "ipfs_accelerate/error.h"
#include "tasks/create_model.h"
#include "tasks/task.h"

namespace accelerate::cli {
namespace {

constexpr std::size_t largest_config = 16 << 20;

struct CreateOptions {
  std::vector<std::string> words;  // NAME DIR, or DIR with --config
  std::string config;
  std::string task;
  std::uint64_t seed = 0;
  bool force = false;
  bool json = false;
};

void create(const CreateOptions& options) {
  const bool named = options.config.empty();
  if (options.words.size() != (named ? 2U : 1U))
    throw Error(ErrorKind::invalid_argument,
                named ? "models create: expected NAME DIR, or --config FILE DIR" : "models create --config FILE: expected DIR");
  const std::string& folder = options.words.back();

  CreateModelOptions create_options{.seed = options.seed, .head = {}, .sentence = {}, .overwrite = options.force};
  const ModelShape* const shape = named ? &shape_named(options.words.front()) : nullptr;
  accelerate::Json config = named ? config_of(*shape) : parse_json(read_text_file(options.config, largest_config), options.config);
  if (!config.is_object()) throw Error(ErrorKind::invalid_file, fmt::format("{}: is no JSON object", options.config));
  if (!options.task.empty()) {
    const Config parsed = Config::parse(config.dump(), named ? options.words.front() : options.config);
    create_options.head = head_of(task_named(options.task), architecture_of(parsed).heads);
  }
  if (named && create_options.head.value_or(shape->head) == Head::base) create_options.sentence = shape->sentence;
  const CreatedModel created = create_model(std::move(config), folder, create_options);

  Output out;
  if (options.json) {
    out.line(nlohmann::ordered_json{
        {"path", folder},
        {"tensors", created.tensors},
        {"parameters", created.parameters},
        {"seed", options.seed},
        {"random_weights",
         true}}.dump());
  } else {
    out.line(fmt::format("{}: {} tensors, {} parameters, random weights from seed {}", folder, created.tensors, created.parameters,
                         options.seed));
  }
  out.finish();
}

}  // namespace

void add_models_create_command(CLI::App& models) {
  CLI::App& command = *models.add_subcommand("create", "A model folder with random weights, marked as random wherever it is shown");
  const auto options = std::make_shared<CreateOptions>();
  command.add_option("NAME DIR", options->words, "known shape (see models list) and folder to make; with --config, the folder alone")
      ->required()
      ->expected(1, 2)
      ->type_name("");
  command.add_option("--config", options->config, "a config.json to take the sizes from, in place of NAME")->type_name("FILE");
  command.add_option("--task,--head", options->task, "what the model is to be for: embed, fill-mask, classify, tag, answer, generate")
      ->type_name("NAME");
  command.add_option("--seed", options->seed, "of the weights")->capture_default_str()->type_name("N");
  command.add_flag("--force", options->force, "write into a folder that has files");
  add_json_option(command, options->json);
  add_examples(command,
               "  ipfs-accelerate models create bert-base-uncased /tmp/bert --task classify\n"
               "  ipfs-accelerate models create --config config.json /tmp/mine --seed 7");
  command.callback([options] { create(*options); });
}

}  // namespace accelerate::cli
