#include "cli/serve_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/file.h"
#include "base/json.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cli {
namespace {

Error expected(const std::string& what) { return {ErrorKind::invalid_argument, what}; }

template <typename Number>
Number number_of(const std::string& value, Number least, Number most) {
  Number result{};
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
  if (error != std::errc() || end != value.data() + value.size() || !(result >= least && result <= most))
    throw expected(fmt::format("a number from {} to {}", least, most));
  return result;
}

bool boolean_of(const std::string& value) {
  if (value == "true" || value == "on" || value == "1") return true;
  if (value == "false" || value == "off" || value == "0") return false;
  throw expected("true or false");
}

http::Limits::Seconds seconds_of(const std::string& value) { return http::Limits::Seconds(number_of<double>(value, 0.01, 1e6)); }

void add_key(std::vector<std::string>& keys, std::string_view key) {
  if (key.size() < 8 || std::ranges::any_of(key, [](char c) { return c <= ' ' || c == 0x7f; }))
    throw expected("a key of at least 8 visible characters");
  keys.emplace_back(key);
}

void add_keys_of_file(std::vector<std::string>& keys, const std::string& path) {
  const std::string text = read_text_file(path, 1 << 20);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = std::string_view(text).substr(begin, end - begin);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (!line.empty() && !line.starts_with('#')) add_key(keys, line);
    begin = end + 1;
  }
}

constexpr std::string_view where = "Where it listens";
constexpr std::string_view who = "Who may ask";
constexpr std::string_view how = "How models run";
constexpr std::string_view bounds = "Bounds";

/// "ACCELERATE_API_KEY" for "api-key".
std::string variable_of(std::string_view name) {
  std::string result = "ACCELERATE_";
  for (const char c : name) result += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return result;
}

void apply(ServeSettings& settings, const GivenValue& given) {
  for (const std::string& value : given.values) {
    try {
      given.setting->apply(settings, value);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::invalid_argument) throw;
      // A key stays out of messages, whatever is wrong with it.
      const bool secret = given.setting->name == "api-key" || given.setting->name == "admin-key";
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("{}: {}expected {}", given.source, secret ? "" : in_quotes(value) + ", ", error.what()));
    }
  }
}

void check(const ServeSettings& settings) {
  const bool is_local = !settings.server.unix_socket.empty() || http::is_loopback(settings.server.host);
  if (!is_local && settings.api_keys.empty())
    throw Error(
        ErrorKind::invalid_argument,
        fmt::format("--host: '{}' can be reached from other machines, expected --api-key or --api-key-file with it", settings.server.host));
}

}  // namespace

const std::vector<Setting>& settings_table() {
  using S = ServeSettings;
  using V = const std::string&;
  static const std::vector<Setting> table{
      {"host", "ADDRESS", "address to listen at", where, false, [](S& s, V v) { s.server.host = v; }},
      {"port", "N", "port; 0: one that is free", where, false, [](S& s, V v) { s.server.port = number_of<std::uint16_t>(v, 0, 65535); }},
      {"unix-socket", "PATH", "listen at a UNIX socket instead", where, false, [](S& s, V v) { s.server.unix_socket = v; }},
      {"tls-cert", "FILE", "certificate in PEM: HTTPS", where, false, [](S& s, V v) { s.server.tls.certificate = v; }},
      {"tls-key", "FILE", "its key in PEM", where, false, [](S& s, V v) { s.server.tls.key = v; }},
      {"api-key", "KEY", "key that clients must send; may be repeated", who, true, [](S& s, V v) { add_key(s.api_keys, v); }},
      {"api-key-file", "FILE", "file with a key a line", who, false, [](S& s, V v) { add_keys_of_file(s.api_keys, v); }},
      {"admin-key", "KEY", "key that may also change endpoints", who, true, [](S& s, V v) { add_key(s.admin_keys, v); }},
      {"allowed-host", "NAME", "a further name that Host may have", who, true, [](S& s, V v) { s.allowed_hosts.push_back(v); }},
      {"cors-origin", "ORIGIN", "web page that may ask, https://example.org", who, true, [](S& s, V v) { s.cors_origins.push_back(v); }},
      {"public-metrics", "", "/metrics asks for no key", who, false, [](S& s, V v) { s.public_metrics = boolean_of(v); }},
      {"backend", "NAME", "cpu, cuda, openvino, reference or auto", how, false, [](S& s, V v) { s.load.backend = v; }},
      {"precision", "NAME", "fp32, bf16, fp16, int8 or auto", how, false, [](S& s, V v) { s.load.precision = v; }},
      {"threads", "N", "threads of a model; 0: what serves best", how, false,
       [](S& s, V v) { s.load.threads = number_of<int>(v, 0, 4096); }},
      {"prefer", "WISH", "latency, throughput or memory", how, false, [](S& s, V v) { s.load.prefer = v; }},
      {"accuracy", "X", "least agreement with fp32 that auto may take", how, false,
       [](S& s, V v) { s.load.accuracy = number_of<double>(v, 0, 1); }},
      {"keep-alive", "SECONDS", "idle time until a model is unloaded; -1: never", how, false,
       [](S& s, V v) { s.keep_alive = std::chrono::duration<double>(number_of<double>(v, -1, 1e9)); }},
      {"memory-gib", "X", "memory that models may hold; 0: most of what is free", how, false,
       [](S& s, V v) { s.memory_bytes = static_cast<std::int64_t>(number_of<double>(v, 0, 1e6) * (1 << 30)); }},
      {"preload", "", "load models at the start", how, false, [](S& s, V v) { s.preload = boolean_of(v); }},
      {"max-queue", "N", "requests that wait for an endpoint", bounds, false,
       [](S& s, V v) { s.queue.most_requests = number_of<std::size_t>(v, 1, 1'000'000); }},
      {"max-queue-tokens", "N", "tokens that wait for an endpoint", bounds, false,
       [](S& s, V v) { s.queue.most_tokens = number_of<std::int64_t>(v, 1, std::int64_t{1} << 40); }},
      {"max-connections", "N", "connections at once", bounds, false,
       [](S& s, V v) { s.server.most_connections = number_of<std::size_t>(v, 1, 1'000'000); }},
      {"max-body-mib", "X", "size of a request", bounds, false,
       [](S& s, V v) { s.limits.body_bytes = static_cast<std::size_t>(number_of<double>(v, 0.001, 4096) * (1 << 20)); }},
      {"head-timeout", "SEC", "until a request's fields are there", bounds, false, [](S& s, V v) { s.limits.head_time = seconds_of(v); }},
      {"body-timeout", "SEC", "until its body is there", bounds, false, [](S& s, V v) { s.limits.body_time = seconds_of(v); }},
      {"idle-timeout", "SEC", "between requests of a connection", bounds, false, [](S& s, V v) { s.limits.idle_time = seconds_of(v); }},
      {"answer-timeout", "SEC", "until an answer begins", bounds, false, [](S& s, V v) { s.limits.answer_time = seconds_of(v); }},
      {"drain-timeout", "SEC", "for requests to end after SIGTERM", bounds, false, [](S& s, V v) { s.server.drain_time = seconds_of(v); }},
      {"io-threads", "N", "threads that read and write", bounds, false, [](S& s, V v) { s.server.io_threads = number_of<int>(v, 1, 64); }},
      {"worker-threads", "N", "threads that translate", bounds, false,
       [](S& s, V v) { s.server.worker_threads = number_of<int>(v, 1, 256); }},
      {"log-format", "FORMAT", "text or json: lines on standard error", bounds, false,
       [](S& s, V v) {
         if (v != "text" && v != "json") throw expected("text or json");
         s.log_format = v == "json" ? server::LogFormat::json : server::LogFormat::text;
       }},
      {"log-requests", "on|off", "a line for each request", bounds, false, [](S& s, V v) { s.log_requests = boolean_of(v); }},
  };
  return table;
}

ServedModel served_model(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  const std::filesystem::path folder = text.substr(0, equals);
  std::filesystem::path clean = std::filesystem::absolute(folder).lexically_normal();
  if (clean.filename().empty()) clean = clean.parent_path();
  std::string name = equals == std::string::npos ? clean.filename().string() : text.substr(equals + 1);
  return {.name = std::move(name), .options = {.folder = folder}};
}

std::vector<GivenValue> environment_values() {
  std::vector<GivenValue> values;
  for (const Setting& setting : settings_table()) {
    const std::string variable = variable_of(setting.name);
    const char* found = std::getenv(variable.c_str());
    if (found == nullptr || *found == '\0') continue;
    GivenValue given{.setting = &setting, .values = {}, .source = variable};
    std::string_view rest = found;
    while (setting.repeated && rest.find(',') != std::string_view::npos) {
      given.values.emplace_back(rest.substr(0, rest.find(',')));
      rest.remove_prefix(rest.find(',') + 1);
    }
    given.values.emplace_back(rest);
    values.push_back(std::move(given));
  }
  return values;
}

ServeSettings serve_settings(const std::vector<GivenValue>& flags, const std::optional<std::filesystem::path>& file) {
  ServeSettings settings;
  std::vector<GivenValue> chosen = flags;
  // The first source that has a setting decides it, lists too.
  const auto add = [&](const std::vector<GivenValue>& more) {
    const std::size_t before = chosen.size();
    for (const GivenValue& given : more) {
      const auto same = [&](const GivenValue& other) { return other.setting == given.setting; };
      if (std::none_of(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(before), same)) chosen.push_back(given);
    }
  };
  add(environment_values());
  if (file) {
    SettingsFile found = read_settings_file(*file);
    add(found.values);
    settings.models = std::move(found.models);
  }
  for (const GivenValue& given : chosen) apply(settings, given);
  check(settings);
  return settings;
}

}  // namespace accelerate::cli
