// The TOML file of `serve --config`.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "cli/serve_settings.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cli {
namespace {

class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  [[noreturn]] void refuse(const toml::source_region& place, const std::string& what) const {
    throw Error(ErrorKind::invalid_file, fmt::format("{}:{}: {}", file_, place.begin.line, what));
  }

  /// A value as a flag would have it.
  std::string text(std::string_view key, const toml::node& node) const {
    if (const auto* value = node.as_string()) return value->get();
    if (const auto* value = node.as_integer()) return std::to_string(value->get());
    if (const auto* value = node.as_floating_point()) return fmt::format("{}", value->get());
    if (const auto* value = node.as_boolean()) return value->get() ? "true" : "false";
    refuse(node.source(), fmt::format("{} is no text, number or truth value", key));
  }

  std::vector<std::string> texts(std::string_view key, const toml::node& node) const {
    const auto* list = node.as_array();
    if (list == nullptr) return {text(key, node)};
    std::vector<std::string> result;
    for (const toml::node& each : *list) result.push_back(text(key, each));
    return result;
  }

  ServedModel model(const toml::node& node) const {
    const auto* table = node.as_table();
    if (table == nullptr) refuse(node.source(), "model is no table, expected [[model]]");
    ServedModel result;
    for (const auto& [key, value] : *table) {
      const std::string name(key.str());
      if (name == "folder")
        result.options.folder = text(name, value);
      else if (name == "name")
        result.name = text(name, value);
      else if (name == "aliases")
        result.options.aliases = texts(name, value);
      else if (name == "task")
        result.options.task = text(name, value);
      else if (name == "backend")
        result.options.load.backend = text(name, value);
      else if (name == "precision")
        result.options.load.precision = text(name, value);
      else if (name == "threads" && value.is_integer())
        result.options.load.threads = static_cast<int>(value.as_integer()->get());
      else if (name == "keep_alive" && value.is_number())
        result.options.keep_alive = std::chrono::duration<double>(*value.value<double>());
      else
        refuse(key.source(), fmt::format("{} is no key of a model: folder, name, aliases, task, backend, precision, threads, keep_alive",
                                         in_quotes(name)));
    }
    if (result.options.folder.empty()) refuse(node.source(), "the model has no folder");
    if (result.name.empty()) result.name = served_model(result.options.folder.string()).name;
    return result;
  }

 private:
  std::string file_;
};

}  // namespace

SettingsFile read_settings_file(const std::filesystem::path& path) {
  const std::string text = read_text_file(path, 1 << 20);
  const Reader reader(path.string());
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    reader.refuse(error.source(), fmt::format("not TOML: {}", error.description()));
  }
  SettingsFile result;
  for (const auto& [key, value] : table) {
    const std::string name(key.str());
    if (name == "models") {
      for (const std::string& model : reader.texts(name, value)) result.models.push_back(served_model(model));
      continue;
    }
    if (name == "model" && value.is_array()) {
      for (const toml::node& each : *value.as_array()) result.models.push_back(reader.model(each));
      continue;
    }
    std::string flag = name;
    std::ranges::replace(flag, '_', '-');
    const auto found = std::ranges::find(settings_table(), flag, &Setting::name);
    if (found == settings_table().end())
      reader.refuse(key.source(), fmt::format("{} is no setting (serve --help names them)", in_quotes(name)));
    result.values.push_back(
        {.setting = &*found, .values = reader.texts(name, value), .source = fmt::format("{}: {}", path.string(), name)});
  }
  return result;
}

}  // namespace accelerate::cli
