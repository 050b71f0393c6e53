// What `serve` is told: by flags, by environment variables and by a file, in that order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ipfs_accelerate/endpoints.h"
#include "server/http/server.h"
#include "server/log.h"

namespace accelerate::cli {

/// A model that is served from the start.
struct ServedModel {
  std::string name;
  EndpointOptions options;
};

struct ServeSettings {
  std::vector<ServedModel> models;
  http::ServerOptions server = {.stop_on_signals = true};
  http::Limits limits = {};
  std::vector<std::string> api_keys;
  std::vector<std::string> admin_keys;
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> cors_origins;
  bool public_metrics = false;
  bool preload = false;
  LoadOptions load = {};
  QueueOptions queue = {};
  std::chrono::duration<double> keep_alive = std::chrono::minutes(5);
  std::int64_t memory_bytes = 0;
  server::LogFormat log_format = server::LogFormat::text;
  bool log_requests = true;
};

/// One setting: the flag --name, the variable ACCELERATE_NAME and the key name of the file, with _ for - in the last two.
struct Setting {
  std::string_view name;
  std::string_view value;  ///< what --help shows for its value; empty: a switch
  std::string_view help;
  std::string_view group;
  bool repeated;  ///< may be given several times; the variable's values are separated by commas
  /// Takes the value in. Throws invalid_argument with a message of what was expected, to which the caller adds where it stood.
  void (*apply)(ServeSettings& settings, const std::string& value);
};

const std::vector<Setting>& settings_table();

/// Values of one setting, and where they stand.
struct GivenValue {
  const Setting* setting;
  std::vector<std::string> values;
  std::string source;  ///< "--port", "ACCELERATE_PORT" or "serve.toml: port"
};

/// The values of a TOML file. Models stand there as `models = ["FOLDER", …]` or as tables [[model]] with folder, name, aliases,
/// backend, precision, threads, task and keep_alive. Throws not_found, invalid_file naming file, line and key.
struct SettingsFile {
  std::vector<GivenValue> values;
  std::vector<ServedModel> models;
};
SettingsFile read_settings_file(const std::filesystem::path& path);

/// The values of environment variables.
std::vector<GivenValue> environment_values();

/// "FOLDER" or "FOLDER=NAME".
ServedModel served_model(const std::string& text);

/// The settings from all sources. Throws invalid_argument for a value that is not acceptable and for settings that do not go together.
ServeSettings serve_settings(const std::vector<GivenValue>& flags, const std::optional<std::filesystem::path>& file);

}  // namespace accelerate::cli
