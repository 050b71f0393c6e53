#include "server/openai/openai.h"

#include <algorithm>
#include <chrono>

#include "server/openai/schemas.h"

namespace accelerate::server::openai {
namespace {

std::string type_of(const http::HttpError& error) {
  switch (error.status()) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 429:
      return "rate_limit_error";
    default:
      return error.status() < 500 ? "invalid_request_error" : "server_error";
  }
}

}  // namespace

OrderedJson error_json(const http::HttpError& error) {
  const auto or_null = [](const std::string& text) { return text.empty() ? OrderedJson() : OrderedJson(text); };
  return {
      {"error", {{"message", error.what()}, {"type", type_of(error)}, {"param", or_null(error.field())}, {"code", or_null(error.code())}}}};
}

const http::Dialect dialect{.name = "openai", .error = [](const http::HttpError& error) {
                              return http::Response{.status = error.status(), .body = dump(error_json(error))};
                            }};

OrderedJson usage_json(std::int64_t prompt_tokens, std::int64_t generated_tokens) {
  return {{"prompt_tokens", prompt_tokens}, {"completion_tokens", generated_tokens}, {"total_tokens", prompt_tokens + generated_tokens}};
}

std::string answer_id(std::string_view prefix, const http::Request& request) { return std::string(prefix) + request.id; }

std::int64_t now() { return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count(); }

std::string finish_reason(const GeneratedText& answer) { return answer.finish_reason == FinishReason::length ? "length" : "stop"; }

GenerationOptions generation_options(const Body& body) {
  GenerationOptions options;
  options.temperature = body.number("temperature", 0, 2);
  if (options.temperature) options.do_sample = *options.temperature > 0;
  if (const auto top_p = body.number("top_p", 0, 1)) options.top_p = std::max(*top_p, 1e-6);  // 0 is the most probable token alone
  options.top_k = body.integer("top_k", 0, 1'000'000);
  options.min_p = body.number("min_p", 0, 1);
  options.repetition_penalty = body.number("repetition_penalty", 0.01, 100);
  options.presence_penalty = body.number("presence_penalty", -2, 2);
  options.frequency_penalty = body.number("frequency_penalty", -2, 2);
  options.min_new_tokens = body.integer("min_tokens", 0, 1 << 30);
  options.ignore_eos = body.boolean("ignore_eos");
  options.stop_strings = body.texts("stop");
  if (options.stop_strings && options.stop_strings->empty()) options.stop_strings.reset();
  if (const auto seed = body.integer("seed", -(std::int64_t{1} << 53), std::int64_t{1} << 53))
    options.seed = static_cast<std::uint64_t>(*seed);
  if (const auto bias = body.object("logit_bias")) {
    std::vector<std::pair<std::int64_t, double>> biases;
    for (const auto& [token, value] : bias->json().items()) {
      if (token.empty() || token.size() > 9 || token.find_first_not_of("0123456789") != std::string::npos)
        body.refuse("logit_bias", "an object with token ids as keys");
      if (const auto added = bias->number(token, -100, 100)) biases.emplace_back(std::stoll(token), *added);
    }
    if (!biases.empty()) options.logit_bias = std::move(biases);
  }
  return options;
}

void add_routes(std::vector<http::Route>& routes, const SharedService& service) {
  using http::Place;
  const auto add = [&](http::Route route) {
    route.dialect = &dialect;
    routes.push_back(std::move(route));
  };
  const auto models = [service](const auto& exchange) { list_models(*service, *exchange); };
  add({.method = "GET", .pattern = "/v1/models", .summary = "Lists the models.", .response = schemas::models, .handler = models});
  add({.method = "GET",
       .pattern = "/v1/models/{model...}",
       .summary = "Tells of one model.",
       .response = schemas::model,
       .handler = [service](const auto& exchange) { show_model(*service, *exchange); }});
  const auto embeddings = [service](const auto& exchange) { embed(service, exchange); };
  for (const std::string_view pattern : {"/v1/embeddings", "/embeddings"})
    add({.method = "POST",
         .pattern = pattern,
         .summary = "Embeds texts.",
         .request = schemas::embeddings_request,
         .response = schemas::embeddings,
         .handler = embeddings});
  add({.method = "POST",
       .pattern = "/v1/completions",
       .summary = "Continues texts.",
       .request = schemas::completions_request,
       .handler = [service](const auto& exchange) { complete(service, exchange); }});
  add({.method = "POST",
       .pattern = "/v1/chat/completions",
       .summary = "Answers a conversation.",
       .request = schemas::chat_request,
       .handler = [service](const auto& exchange) { chat(service, exchange); }});
  for (const std::string_view pattern : {"/v1/audio/transcriptions", "/v1/audio/translations"})
    add({.method = "POST",
         .pattern = pattern,
         .summary = "Reads the form of a recording to write down, and says that this build has no models of sound.",
         .handler = [service](const auto& exchange) { transcribe(*service, *exchange); }});
  for (const std::string_view pattern : {"/v1/audio/speech", "/v1/images/generations"})
    add({.method = "POST",
         .pattern = pattern,
         .place = Place::here,
         .summary = "Not in this build: sound and images.",
         .handler = [](const auto&) { throw http::HttpError(501, "this build has no models of sound or images", "unsupported_medium"); }});
}

}  // namespace accelerate::server::openai
