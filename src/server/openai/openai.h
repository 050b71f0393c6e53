// The routes of OpenAI's API, /v1/…
#pragma once

#include <vector>

#include "server/body.h"
#include "server/service.h"

namespace accelerate::server::openai {

extern const http::Dialect dialect;

/// {"error": {"message", "type", "param", "code"}}
OrderedJson error_json(const http::HttpError& error);

void add_routes(std::vector<http::Route>& routes, const SharedService& service);

// The handlers, a file each.
void list_models(const Service& service, http::Exchange& exchange);
void show_model(const Service& service, http::Exchange& exchange);
void embed(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange);
void complete(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange);
void transcribe(const Service& service, http::Exchange& exchange);
void chat(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange);

/// The options of generation that chat and completions share.
GenerationOptions generation_options(const Body& body);

/// {"prompt_tokens", "completion_tokens", "total_tokens"}
OrderedJson usage_json(std::int64_t prompt_tokens, std::int64_t generated_tokens);

/// An id of an answer: "chatcmpl-…".
std::string answer_id(std::string_view prefix, const http::Request& request);

/// Seconds since 1970.
std::int64_t now();

/// "stop" or "length".
std::string finish_reason(const GeneratedText& answer);

}  // namespace accelerate::server::openai
