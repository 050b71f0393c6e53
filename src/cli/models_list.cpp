// `models list`: the model folders below a folder, and the architectures that run.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/output.h"
#include "formats/gguf/model.h"
#include "ipfs_accelerate/error.h"
#include "runtime/model_folder.h"
#include "tasks/shapes.h"
#include "tasks/task.h"

namespace accelerate::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int deepest_level = 6;

/// The folder itself where it has a config.json, and its GGUF files.
void add_models_of(const fs::path& folder, std::vector<fs::path>& models) {
  std::error_code ignored;
  if (fs::exists(folder / "config.json", ignored)) models.push_back(folder);
  std::ranges::move(gguf::gguf_files_in(folder), std::back_inserter(models));
}

/// The folders below `top` with a config.json and the GGUF files, in order; hidden ones and what cannot be read are left out.
std::vector<fs::path> models_below(const fs::path& top) {
  if (!fs::is_directory(top)) throw Error(ErrorKind::not_found, fmt::format("{}: no such folder", top.string()));
  std::vector<fs::path> models;
  add_models_of(top, models);
  std::error_code failure;
  fs::recursive_directory_iterator entry(top, fs::directory_options::skip_permission_denied, failure);
  for (; !failure && entry != fs::recursive_directory_iterator(); entry.increment(failure)) {
    std::error_code ignored;
    if (!entry->is_directory(ignored)) continue;
    if (entry->path().filename().string().starts_with('.') || entry.depth() >= deepest_level) entry.disable_recursion_pending();
    if (!fs::exists(entry->path().parent_path() / "modules.json", ignored)) add_models_of(entry->path(), models);
  }
  std::ranges::sort(models);
  return models;
}

/// The folder's row: what it is, or why it does not run.
Json describe(const fs::path& path) {
  Json row{{"path", path.string()}};
  try {
    const ModelFolder folder = open_model_folder(path);
    row["model_type"] = folder.config.model_type();
    architecture_of(folder.config);
    const Head head = head_of(folder.config);
    row["head"] = name_of(head);
    row["task"] = name_of(task_of(head));
    row["random_weights"] = folder.random_weights;
  } catch (const Error& error) {
    row["problem"] = error.what();
  }
  return row;
}

std::string line_of(const Json& row) {
  const std::string path = row["path"].get<std::string>();
  if (row.contains("problem")) return fmt::format("  {}  cannot run: {}", path, row["problem"].get<std::string>());
  return fmt::format("  {}  {} {}, for {}{}", path, row["model_type"].get<std::string>(), row["head"].get<std::string>(),
                     row["task"].get<std::string>(), row["random_weights"].get<bool>() ? ", random weights" : "");
}

std::vector<std::string_view> head_names(const Architecture& architecture) {
  std::vector<std::string_view> names;
  for (Head head : architecture.heads) names.push_back(name_of(head));
  return names;
}

void list(const std::string& top, bool json) {
  Json models = Json::array();
  for (const fs::path& folder : models_below(top)) models.push_back(describe(folder));
  Output out;
  if (json) {
    Json architectures = Json::array();
    for (const Architecture& architecture : all_architectures())
      architectures.push_back({{"model_type", architecture.model_type}, {"heads", head_names(architecture)}});
    Json shapes = Json::array();
    for (const ModelShape& shape : all_shapes()) shapes.push_back(shape.name);
    out.line(Json{{"models", std::move(models)}, {"architectures", std::move(architectures)}, {"shapes", std::move(shapes)}}.dump(
        -1, ' ', false, Json::error_handler_t::replace));
  } else {
    out.line(fmt::format("Models in {}{}", top, models.empty() ? ": none" : ""));
    for (const Json& row : models) out.line(line_of(row));
    out.line("\nArchitectures of this build");
    for (const Architecture& architecture : all_architectures())
      out.line(fmt::format("  {:<14} {}", architecture.model_type, fmt::join(head_names(architecture), ", ")));
    out.line("\nShapes that `models create` knows");
    for (const ModelShape& shape : all_shapes()) out.line(fmt::format("  {}", shape.name));
  }
  out.finish();
}

}  // namespace

void add_models_list_command(CLI::App& models) {
  CLI::App& command = *models.add_subcommand("list", "The model folders below a folder, and the architectures that run");
  const auto top = std::make_shared<std::string>(".");
  const auto json = std::make_shared<bool>(false);
  command.add_option("DIR", *top, "where to look")->capture_default_str()->type_name("");
  add_json_option(command, *json);
  add_examples(command, "  ipfs-accelerate models list ~/models");
  command.callback([top, json] { list(*top, *json); });
}

}  // namespace accelerate::cli
