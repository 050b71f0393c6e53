// `models verify`: reads everything in a model folder and says what is wrong with it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output.h"
#include "formats/sentence_transformers.h"
#include "ipfs_accelerate/error.h"
#include "processing/tokenizer.h"
#include "tasks/inspect_model.h"

namespace accelerate::cli {
namespace {

using Json = nlohmann::ordered_json;

/// A weight with numbers that are not finite.
struct BadWeight {
  std::string name;
  std::int64_t numbers;
};

struct Findings {
  std::size_t weights = 0;
  std::vector<std::string> unused;
  std::vector<BadWeight> bad;
  bool has_tokenizer = false;
};

/// Opens every part of the folder, which throws for what is damaged, and looks at every number.
Findings examine(const ModelFolder& folder) {
  read_sentence_transformer(folder.path);
  architecture_of(folder.config);
  Checkpoint checkpoint(folder.transformer);
  const Graph graph = build_graph(folder.config, checkpoint, head_of(folder.config));

  Findings findings{.unused = unused_weights(checkpoint, graph), .bad = {}};
  for (const std::string& name : checkpoint.names()) {
    throw_if_interrupted();
    ++findings.weights;
    if (!checkpoint.entry(name)->dtype) continue;  // a type this library lacks, of a weight that the model does not read
    const Tensor& tensor = *checkpoint.find(name);
    if (const std::int64_t count = count_not_finite(tensor); count > 0) findings.bad.push_back({name, count});
    checkpoint.release(tensor);
  }

  findings.has_tokenizer = Tokenizer::is_in(folder.transformer);
  if (!findings.has_tokenizer) return findings;
  const std::int64_t tokens = Tokenizer::load(folder.transformer).vocabulary_size();
  const std::int64_t rows = folder.config.integer("vocab_size");
  if (tokens > rows)
    throw Error(ErrorKind::invalid_file, fmt::format("the tokenizer has {} tokens, and the model's vocab_size is {}", tokens, rows));
  return findings;
}

Json json_of(const ModelFolder& folder, const Findings& findings) {
  Json bad = Json::array();
  for (const BadWeight& weight : findings.bad) bad.push_back({{"weight", weight.name}, {"not_finite", weight.numbers}});
  return {{"model", folder.name()},
          {"ok", findings.bad.empty()},
          {"weights", findings.weights},
          {"unused_weights", findings.unused},
          {"not_finite", std::move(bad)},
          {"tokenizer", findings.has_tokenizer},
          {"random_weights", folder.random_weights}};
}

void print(Output& out, const ModelFolder& folder, const Findings& findings) {
  out.line(fmt::format("{}: {} weights read, their shapes fit config.json{}", folder.name(), findings.weights,
                       folder.random_weights ? "; the weights are random" : ""));
  if (!findings.unused.empty())
    out.line(fmt::format("  {} weights that the model does not use: {}", findings.unused.size(), fmt::join(findings.unused, ", ")));
  if (!findings.has_tokenizer) out.line("  no tokenizer: takes tensors, not texts");
  for (const BadWeight& weight : findings.bad) out.line(fmt::format("  {}: {} numbers are NaN or infinite", weight.name, weight.numbers));
}

void verify_folder(const std::string& model, bool json) {
  const ModelFolder folder = open_model_folder(model);
  const Findings findings = examine(folder);
  Output out;
  if (json)
    out.line(json_of(folder, findings).dump(-1, ' ', false, Json::error_handler_t::replace));
  else
    print(out, folder, findings);
  out.finish();
  if (!findings.bad.empty())
    throw Error(ErrorKind::invalid_file, fmt::format("{}: {} weights hold NaN or infinite numbers, {} the first", model,
                                                     findings.bad.size(), findings.bad.front().name));
}

}  // namespace

void add_models_verify_command(CLI::App& models) {
  CLI::App& command = *models.add_subcommand("verify", "Reads everything in a model folder and says what is wrong with it");
  const auto model = std::make_shared<std::string>();
  const auto json = std::make_shared<bool>(false);
  add_model_argument(command, *model);
  add_json_option(command, *json);
  add_examples(command, "  ipfs-accelerate models verify models/minilm");
  command.callback([model, json] { verify_folder(*model, *json); });
}

}  // namespace accelerate::cli
