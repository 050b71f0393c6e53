// `endpoints`: what a running server serves, and changes to that.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/output.h"
#include "ipfs_accelerate/error.h"
#include "server/http/client.h"

namespace accelerate::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view base = "/accelerate/v1/endpoints";

/// What every one of these commands has.
struct Asking {
  std::string server;
  std::string key;
  std::string ca_file;
  double seconds = 600;
  bool json = false;
};

ErrorKind kind_of(int status) {
  switch (status) {
    case 404:
      return ErrorKind::not_found;
    case 422:
      return ErrorKind::invalid_file;
    case 409:
    case 429:
    case 503:
      return ErrorKind::overloaded;
    case 501:
      return ErrorKind::unsupported;
    case 504:
      return ErrorKind::timed_out;
    default:
      return status < 500 ? ErrorKind::invalid_argument : ErrorKind::internal;
  }
}

/// The answer's JSON. Throws what the server says, as the kind of error that its status stands for.
Json ask(const Asking& asking, std::string_view method, const std::string& target, const Json& body = nullptr) {
  const http::ClientOptions options{
      .server = asking.server, .key = asking.key, .ca_file = asking.ca_file, .time = std::chrono::duration<double>(asking.seconds)};
  const http::ClientResponse response =
      http::ask(options, method, target, body.is_null() ? std::string() : body.dump(-1, ' ', false, Json::error_handler_t::replace));
  const Json answer = Json::parse(response.body, nullptr, false);
  if (response.status >= 400) {
    const bool says_why = answer.is_object() && answer.contains("error") && answer["error"].is_string();
    throw Error(
        kind_of(response.status),
        fmt::format("{}: {}", asking.server, says_why ? answer["error"].get<std::string>() : fmt::format("status {}", response.status)));
  }
  if (answer.is_discarded())
    throw Error(ErrorKind::io, fmt::format("{}: its answer is not JSON: is that an IPFS Accelerate server?", asking.server));
  return answer;
}

std::string target_of(const std::string& name, std::string_view verb = {}) {
  return fmt::format("{}/{}{}", base, http::percent_encoded(name), verb.empty() ? "" : fmt::format(":{}", verb));
}

std::string text_of(const Json& json, const char* name) { return json.value(name, ""); }

/// An endpoint on one line.
std::string line_of(const Json& endpoint) {
  std::string line = fmt::format("{:<20} {:<9} {:<10} {:<9} {:<5} {:>10} {:>8}", text_of(endpoint, "name"), text_of(endpoint, "state"),
                                 text_of(endpoint, "task"), text_of(endpoint, "backend"), text_of(endpoint, "precision"),
                                 bytes_text(endpoint.value("memory_bytes", 0.0)), endpoint["queue"].value("requests", 0));
  if (const std::string reason = text_of(endpoint, "reason"); !reason.empty()) line += "  " + reason;
  return line;
}

/// Shows endpoints, or a whole answer where JSON is wanted.
void show(const Asking& asking, const Json& answer, const Json& endpoints) {
  Output out;
  if (asking.json) {
    out.line(answer.dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    out.line(fmt::format("{:<20} {:<9} {:<10} {:<9} {:<5} {:>10} {:>8}", "NAME", "STATE", "TASK", "BACKEND", "PREC", "MEMORY", "WAITING"));
    for (const Json& each : endpoints) out.line(line_of(each));
  }
  out.finish();
}

void show_one(const Asking& asking, const Json& endpoint) { show(asking, endpoint, Json::array({endpoint})); }

std::string from_environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

/// A sub-command, with the options that each has.
CLI::App& add(CLI::App& endpoints, const char* name, const char* help, const std::shared_ptr<Asking>& asking) {
  CLI::App& command = *endpoints.add_subcommand(name, help);
  command.add_option("--server", asking->server, "http://HOST:PORT, https://HOST:PORT or unix:/path (ACCELERATE_SERVER)")
      ->type_name("URL")
      ->default_str("http://127.0.0.1:8000");
  command.add_option("--api-key", asking->key, "the key, an admin key where endpoints change (ACCELERATE_API_KEY)")->type_name("KEY");
  command.add_option("--ca-file", asking->ca_file, "certificates to trust, in PEM, instead of the system's")->type_name("FILE");
  command.add_option("--timeout", asking->seconds, "in which the answer must have come")->type_name("SECONDS")->check(within(0.001, 86400));
  add_json_option(command, asking->json);
  return command;
}

/// Settings that are not given come from the environment.
Asking complete(Asking asking) {
  if (asking.server.empty()) asking.server = from_environment("ACCELERATE_SERVER", "http://127.0.0.1:8000");
  if (asking.key.empty()) asking.key = from_environment("ACCELERATE_API_KEY", "");
  return asking;
}

struct NewEndpoint {
  std::string name;
  std::string folder;
  std::string task;
  std::string backend;
  std::string precision;
  int threads = 0;
  std::vector<std::string> aliases;
  std::optional<double> keep_alive;
  bool no_load = false;
};

void add_add_command(CLI::App& endpoints) {
  const auto asking = std::make_shared<Asking>();
  const auto given = std::make_shared<NewEndpoint>();
  CLI::App& command = add(endpoints, "add", "Adds an endpoint, and loads its model", asking);
  command.add_option("NAME", given->name, "its name")->required()->type_name("");
  command.add_option("FOLDER", given->folder, "a model folder of the server's machine")->required()->type_name("");
  command.add_option("--task", given->task, "the only task that it does")->type_name("TASK");
  command.add_option("--backend", given->backend, "what computes")->type_name("NAME");
  command.add_option("--precision", given->precision, "of weights and products")->type_name("NAME");
  command.add_option("--threads", given->threads, "threads that compute")->type_name("N")->check(CLI::Range(0, 4096));
  command.add_option("--alias", given->aliases, "another name that finds it; may be given again")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command.add_option("--keep-alive", given->keep_alive, "idle time until the model is unloaded; -1: never")->type_name("SECONDS");
  command.add_flag("--no-load", given->no_load, "leave loading to the first request");
  command.callback([asking, given] {
    const Asking complete_asking = complete(*asking);
    Json body{{"name", given->name}, {"folder", given->folder}, {"load", !given->no_load}};
    if (!given->task.empty()) body["task"] = given->task;
    if (!given->backend.empty()) body["backend"] = given->backend;
    if (!given->precision.empty()) body["precision"] = given->precision;
    if (given->threads > 0) body["threads"] = given->threads;
    if (!given->aliases.empty()) body["aliases"] = given->aliases;
    if (given->keep_alive) body["keep_alive_seconds"] = *given->keep_alive;
    show_one(complete_asking, ask(complete_asking, "POST", std::string(base), body));
  });
}

/// A sub-command that posts one verb to each endpoint that is named.
void add_verb_command(CLI::App& endpoints, const char* name, const char* help) {
  const auto asking = std::make_shared<Asking>();
  const auto names = std::make_shared<std::vector<std::string>>();
  const auto seconds = std::make_shared<std::optional<double>>();
  CLI::App& command = add(endpoints, name, help, asking);
  command.add_option("NAME", *names, "endpoints")->required()->type_name("");
  const std::string verb = name;
  if (verb == "drain")
    command.add_option("--seconds", *seconds, "to wait for its last answer, 30 by default")->type_name("S")->check(within(0, 3600));
  command.callback([asking, names, seconds, verb] {
    const Asking complete_asking = complete(*asking);
    Json states = Json::array();
    for (const std::string& each : *names) {
      Json body = Json::object();
      if (*seconds) body["seconds"] = **seconds;
      states.push_back(ask(complete_asking, "POST", target_of(each, verb), body));
    }
    show(complete_asking, states.size() == 1 ? states.front() : states, states);
  });
}

void add_remove_command(CLI::App& endpoints) {
  const auto asking = std::make_shared<Asking>();
  const auto names = std::make_shared<std::vector<std::string>>();
  CLI::App& command = add(endpoints, "remove", "Removes endpoints, and gives back their memory", asking);
  command.add_option("NAME", *names, "endpoints")->required()->type_name("");
  command.callback([asking, names] {
    const Asking complete_asking = complete(*asking);
    Output out;
    for (const std::string& name : *names) {
      const Json answer = ask(complete_asking, "DELETE", target_of(name));
      out.line(complete_asking.json ? answer.dump() : fmt::format("{} removed", name));
    }
    out.finish();
  });
}

struct Asked {
  std::string name;
  std::vector<std::string> texts;
  std::string task;
  std::string query;
  std::string question;
  std::string context;
  std::vector<std::string> labels;
  std::optional<int> max_new_tokens;
};

void add_invoke_command(CLI::App& endpoints) {
  const auto asking = std::make_shared<Asking>();
  const auto given = std::make_shared<Asked>();
  CLI::App& command = add(endpoints, "invoke", "Asks an endpoint; the answer is JSON", asking);
  command.add_option("NAME", given->name, "the endpoint")->required()->type_name("");
  command.add_option("TEXT", given->texts, "texts, documents of a --query, or what to go on with")->type_name("");
  command.add_option("--task", given->task, "which, where the model can do several")->type_name("TASK");
  command.add_option("--query", given->query, "what the texts are ranked for")->type_name("TEXT");
  command.add_option("--question", given->question, "to answer from --context")->type_name("TEXT");
  command.add_option("--context", given->context, "where the answer stands")->type_name("TEXT");
  command.add_option("--labels", given->labels, "what a text may be about")->delimiter(',')->allow_extra_args(false)->type_name("A,B");
  command.add_option("--max-new-tokens", given->max_new_tokens, "of a text that goes on")->type_name("N");
  add_examples(command,
               "  ipfs-accelerate endpoints invoke minilm \"A boat leaves.\"\n  ipfs-accelerate endpoints invoke llama \"Once upon a "
               "time\" --max-new-tokens 20");
  command.callback([asking, given] {
    const Asking complete_asking = complete(*asking);
    Json body = Json::object();
    if (!given->texts.empty()) {
      body[given->query.empty() ? "text" : "documents"] = given->texts;
      body["prompt"] = fmt::format("{}", fmt::join(given->texts, " "));
    }
    if (!given->task.empty()) body["task"] = given->task;
    if (!given->query.empty()) body["query"] = given->query;
    if (!given->question.empty()) body["question"] = given->question;
    if (!given->context.empty()) body["context"] = given->context;
    if (!given->labels.empty()) body["labels"] = given->labels;
    if (given->max_new_tokens) body["max_new_tokens"] = *given->max_new_tokens;
    Output out;
    out.line(ask(complete_asking, "POST", target_of(given->name, "invoke"), body).dump(-1, ' ', false, Json::error_handler_t::replace));
    out.finish();
  });
}

}  // namespace

void add_endpoints_command(CLI::App& app) {
  CLI::App& endpoints = *app.add_subcommand("endpoints", "Lists and changes what a running server serves");
  endpoints.require_subcommand(1);
  {
    const auto asking = std::make_shared<Asking>();
    CLI::App& list = add(endpoints, "list", "The endpoints of a server and their states", asking);
    list.callback([asking] {
      const Asking complete_asking = complete(*asking);
      const Json answer = ask(complete_asking, "GET", std::string(base));
      show(complete_asking, answer, answer.value("endpoints", Json::array()));
    });
    const auto name = std::make_shared<std::string>();
    const auto asking_of_show = std::make_shared<Asking>();
    CLI::App& shown = add(endpoints, "show", "All that is known of one endpoint, as JSON", asking_of_show);
    shown.add_option("NAME", *name, "the endpoint")->required()->type_name("");
    shown.callback([asking_of_show, name] {
      const Json answer = ask(complete(*asking_of_show), "GET", target_of(*name));
      Output out;
      out.line(answer.dump(asking_of_show->json ? -1 : 1, ' ', false, Json::error_handler_t::replace));
      out.finish();
    });
  }
  add_add_command(endpoints);
  add_verb_command(endpoints, "init", "Loads the models of endpoints, and takes requests again");
  add_verb_command(endpoints, "unload", "Gives the memory of models back; the next request loads them again");
  add_verb_command(endpoints, "drain", "Takes no more requests, and waits for those that are there");
  add_verb_command(endpoints, "resume", "Takes requests again");
  add_verb_command(endpoints, "measure", "Finds the largest batch by running batches");
  add_remove_command(endpoints);
  add_invoke_command(endpoints);
  add_examples(endpoints,
               "  ipfs-accelerate endpoints list\n"
               "  ipfs-accelerate endpoints add minilm models/minilm --precision int8 --server https://host:8000 --api-key KEY");
}

}  // namespace accelerate::cli
