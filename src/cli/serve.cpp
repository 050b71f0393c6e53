// `serve`: answers requests over HTTP.
#include <fmt/format.h>

#include <csignal>
#include <map>
#include <thread>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/serve_settings.h"
#include "ipfs_accelerate/endpoints.h"
#include "ipfs_accelerate/error.h"
#include "server/metrics.h"
#include "server/service.h"

namespace accelerate::cli {
namespace {

struct ServeOptions {
  std::vector<std::string> models;
  std::string config;
  std::map<std::string, std::vector<std::string>, std::less<>> values;  ///< of flags, by name
};

/// The names that a browser on this machine may have for a server that asks for no key: a page that points its own name here
/// is not among them.
std::vector<std::string> host_names(const ServeSettings& settings) {
  const bool open_to_all = !settings.server.unix_socket.empty() || !settings.api_keys.empty();
  std::vector<std::string> names = settings.allowed_hosts;
  if (names.empty() && open_to_all) return {};
  names.insert(names.end(), {"localhost", "127.0.0.1", "::1", settings.server.host});
  return names;
}

void add_models(Endpoints& endpoints, const ServeSettings& settings) {
  for (const ServedModel& model : settings.models) {
    EndpointOptions options = model.options;
    options.queue = settings.queue;
    const LoadOptions plain;
    const std::string backend = options.load.backend;
    const std::string precision = options.load.precision;
    const int threads = options.load.threads;
    options.load = settings.load;
    if (backend != plain.backend) options.load.backend = backend;
    if (precision != plain.precision) options.load.precision = precision;
    if (threads != plain.threads) options.load.threads = threads;
    if (options.keep_alive == EndpointOptions{}.keep_alive) options.keep_alive = settings.keep_alive;
    endpoints.add(model.name, options);
  }
}

std::string address_of(const ServeSettings& settings, std::uint16_t port) {
  if (!settings.server.unix_socket.empty()) return "unix:" + settings.server.unix_socket.string();
  const bool is_v6 = settings.server.host.find(':') != std::string::npos;
  return fmt::format("{}://{}:{}", settings.server.tls.certificate.empty() ? "http" : "https",
                     is_v6 ? "[" + settings.server.host + "]" : settings.server.host, port);
}

void serve(const ServeOptions& given) {
  std::vector<GivenValue> flags;
  for (const Setting& setting : settings_table())
    if (const auto found = given.values.find(setting.name); found != given.values.end())
      flags.push_back({.setting = &setting, .values = found->second, .source = fmt::format("--{}", setting.name)});
  ServeSettings settings = serve_settings(flags, given.config.empty() ? std::nullopt : std::optional<std::filesystem::path>(given.config));
  for (const std::string& model : given.models) settings.models.push_back(served_model(model));

  std::signal(SIGPIPE, SIG_IGN);  // whoever read the log may leave
  server::Log log(settings.log_format, settings.log_requests);
  server::Metrics metrics;
  std::optional<http::Server> http_server;  // outlives the endpoints, whose last callbacks it takes
  Endpoints endpoints({.memory_bytes = settings.memory_bytes});
  add_models(endpoints, settings);

  const auto fault = [&](const http::Request& request, const std::string& message) { log.fault(request, message); };
  const auto service = std::make_shared<server::Service>(
      server::Service{.endpoints = endpoints,
                      .metrics = metrics,
                      .version = ACCELERATE_VERSION,
                      .on_fault = fault,
                      .is_draining = [&] { return http_server && http_server->is_draining(); },
                      .connections = [&] { return http_server ? http_server->counts() : http::ConnectionCounts(); }});
  http::Site site{.router = http::Router(server::all_routes(service)),
                  .access = {.keys = http::KeyRing(settings.api_keys),
                             .admin_keys = http::KeyRing(settings.admin_keys),
                             .hosts = host_names(settings),
                             .origins = settings.cors_origins,
                             .public_metrics = settings.public_metrics},
                  .limits = settings.limits,
                  .dialect_of = server::dialect_of_path,
                  .on_finished =
                      [&](const http::Finished& finished) {
                        metrics.count(finished);
                        log.request(finished);
                      },
                  .on_fault = fault};
  http_server.emplace(settings.server, std::move(site));
  log.line("info", fmt::format("listening on {}, {} endpoints", address_of(settings, http_server->port()), endpoints.list().size()));

  std::jthread preload;
  if (settings.preload)
    preload = std::jthread([&](const std::stop_token& stop) {
      for (const Endpoint& endpoint : endpoints.list()) {
        if (stop.stop_requested()) return;
        try {
          endpoint.init();
        } catch (const std::exception& error) {
          log.line("error", fmt::format("{}: {}", endpoint.name(), error.what()));
        }
      }
    });
  http_server->run();
  log.line("info", "stopped");
}

}  // namespace

void add_serve_command(CLI::App& app) {
  CLI::App& command = *app.add_subcommand("serve", "Answers requests over HTTP: OpenAI's API and others");
  const auto options = std::make_shared<ServeOptions>();
  const auto formatter = std::make_shared<CLI::Formatter>();  // with room for its longer names, so that each takes a line
  formatter->column_width(30);
  command.formatter(formatter);
  command.add_option("MODEL", options->models, "model folders, each FOLDER or FOLDER=NAME; loaded when they are asked")->type_name("");
  command.add_option("--config", options->config, "TOML file; flags and ACCELERATE_NAME variables go before it")->type_name("FILE");
  for (const Setting& setting : settings_table()) {
    const std::string flag = fmt::format("--{}", setting.name);
    const auto keep = [options, &setting](const std::string& value) { options->values[std::string(setting.name)].push_back(value); };
    CLI::Option* option = nullptr;
    if (setting.value.empty())
      option = command.add_flag_callback(flag, [keep] { keep("true"); }, std::string(setting.help));
    else
      option = command
                   .add_option_function<std::vector<std::string>>(
                       flag,
                       [keep](const std::vector<std::string>& values) {
                         for (const std::string& value : values) keep(value);
                       },
                       std::string(setting.help))
                   ->type_name(std::string(setting.value))
                   ->allow_extra_args(false)
                   ->take_all();
    if (!setting.repeated && !setting.value.empty()) option->take_last();
    option->group(std::string(setting.group));
  }
  add_examples(command,
               "  ipfs-accelerate serve models/minilm models/llama=chat\n"
               "  ipfs-accelerate serve models/minilm --host 0.0.0.0 --api-key-file keys.txt --tls-cert cert.pem --tls-key key.pem");
  command.callback([options] { serve(*options); });
}

}  // namespace accelerate::cli
