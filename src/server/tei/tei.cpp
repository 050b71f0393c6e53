#include "server/tei/tei.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "server/body.h"
#include "server/endpoint_of.h"
#include "server/numbers.h"
#include "server/submit.h"
#include "server/vectors.h"

namespace accelerate::server::tei {
namespace {

using http::HttpError;
using SharedExchange = std::shared_ptr<http::Exchange>;

std::string_view type_of(int status) {
  switch (status) {
    case 429:
      return "Overloaded";
    case 424:
      return "Backend";
    case 503:
      return "Unhealthy";
    default:
      return "Validation";
  }
}

/// The status that this dialect has for it: 422 for what does not fit, 424 for faults of the computation.
int status_of(const HttpError& error) {
  if (error.status() == 400) return 422;
  if (error.status() == 500) return 424;
  return error.status() == 503 && error.retry_after_seconds ? 429 : error.status();
}

Endpoint endpoint_of_request(const Service& service, const http::Request& request) {
  for (const auto& [name, value] : request.parameters)
    if (name == "endpoint") return endpoint_named(service, value);
  if (const std::string* name = request.fields.find("x-model")) return endpoint_named(service, *name);
  if (const std::string* name = request.target.parameter("model")) return endpoint_named(service, *name);
  return service.endpoints.only();
}

bool truncate_of(const Body& body) {
  if (const auto direction = body.text("truncation_direction"); direction && *direction != "Right" && *direction != "right")
    body.refuse("truncation_direction", "Right: what is too long loses its end");
  return body.boolean("truncate").value_or(true);
}

/// Texts of "inputs". Token ids are not taken.
std::vector<std::string> texts_of(const Body& body) {
  std::vector<std::string> texts = body.required_texts("inputs");
  if (texts.empty()) throw HttpError(400, "inputs is empty, expected at least one text", "empty", "inputs");
  return texts;
}

void embed(const SharedService& service, const SharedExchange& exchange) {
  const Body body = Body::parse(exchange->take_body());
  const Endpoint endpoint = endpoint_of_request(*service, exchange->request());
  EmbedRequest request{.texts = texts_of(body)};
  request.options.truncate = truncate_of(body);
  request.options.prompt_name = body.text("prompt_name");
  request.options.dimensions = body.integer("dimensions", 1, 1 << 24);
  submit(service, dialect, exchange, endpoint, std::move(request),
         [normalize = body.boolean("normalize").value_or(true)](const EmbedResult& result, const CallReport&) {
           return http::Response{.body = rows_json(result.vectors, normalize)};
         });
}

void similarity(const SharedService& service, const SharedExchange& exchange) {
  const Body body = Body::parse(exchange->take_body());
  const Endpoint endpoint = endpoint_of_request(*service, exchange->request());
  const auto inputs = body.object("inputs");
  if (!inputs) body.refuse("inputs", "an object with source_sentence and sentences");
  EmbedRequest request{.texts = inputs->required_texts("sentences")};
  request.texts.insert(request.texts.begin(), inputs->required_text("source_sentence"));
  const Body parameters = body.object("parameters").value_or(Body::parse("{}"));
  request.options.truncate = truncate_of(parameters);
  request.options.prompt_name = parameters.text("prompt_name");
  submit(service, dialect, exchange, endpoint, std::move(request),
         [](const EmbedResult& result, const CallReport&) { return http::Response{.body = similarities_json(result.vectors)}; });
}

/// One input of /predict: a text, or a pair.
OwnedInput input_of(const OrderedJson& json, const Body& body) {
  constexpr const char* expected = "a text, a pair [text, text], or a list of lists of one or two texts";
  if (json.is_string()) return {.text = json.get<std::string>()};
  const bool fits = json.is_array() && (json.size() == 1 || json.size() == 2) &&
                    std::ranges::all_of(json, [](const auto& each) { return each.is_string(); });
  if (!fits) body.refuse("inputs", expected);
  OwnedInput input{.text = json[0].get<std::string>()};
  if (json.size() == 2) input.pair = json[1].get<std::string>();
  return input;
}

OrderedJson labels_json(const Classification& classification) {
  OrderedJson list = OrderedJson::array();
  for (const LabelScore& label : classification.labels) list.push_back({{"score", label.score}, {"label", label.label}});
  return list;
}

void refuse_raw_scores(const Body& body) {
  if (body.boolean("raw_scores").value_or(false))
    body.refuse("raw_scores", "false: scores are what the model's own function makes of them");
}

void predict(const SharedService& service, const SharedExchange& exchange) {
  const Body body = Body::parse(exchange->take_body());
  const Endpoint endpoint = endpoint_of_request(*service, exchange->request());
  refuse_raw_scores(body);
  const OrderedJson* inputs = body.find("inputs");
  if (inputs == nullptr) body.refuse("inputs", "texts");
  // ["a", "b"] is one pair; a batch is [["a"], ["b", "c"]].
  const bool is_batch = inputs->is_array() && !inputs->empty() && inputs->front().is_array();
  ClassifyRequest request{.inputs = {}, .options = {.truncate = truncate_of(body)}};
  if (is_batch) {
    for (const OrderedJson& each : *inputs) request.inputs.push_back(input_of(each, body));
  } else {
    request.inputs.push_back(input_of(*inputs, body));
  }
  submit(service, dialect, exchange, endpoint, std::move(request),
         [is_batch](const std::vector<Classification>& results, const CallReport&) {
           if (!is_batch) return http::Response{.body = dump(labels_json(results.front()))};
           OrderedJson list = OrderedJson::array();
           for (const Classification& result : results) list.push_back(labels_json(result));
           return http::Response{.body = dump(list)};
         });
}

void rerank_below(const SharedService& service, const SharedExchange& exchange) {
  rerank(service, exchange, Body::parse(exchange->take_body()));
}

void tokenize(const SharedService& service, const SharedExchange& exchange) {
  const Body body = Body::parse(exchange->take_body());
  const Endpoint endpoint = endpoint_of_request(*service, exchange->request());
  OrderedJson list = OrderedJson::array();
  for (const TokenizedText& text : endpoint.tokenize(texts_of(body), body.boolean("add_special_tokens").value_or(true))) {
    OrderedJson row = OrderedJson::array();
    for (std::size_t i = 0; i < text.ids.size(); ++i) {
      OrderedJson token{{"id", text.ids[i]}, {"text", text.tokens[i]}, {"special", static_cast<bool>(text.special[i])}};
      token["start"] = text.special[i] ? OrderedJson() : OrderedJson(text.spans[i].begin);
      token["stop"] = text.special[i] ? OrderedJson() : OrderedJson(text.spans[i].end);
      row.push_back(std::move(token));
    }
    list.push_back(std::move(row));
  }
  exchange->answer({.body = dump(list)});
}

void decode(const SharedService& service, const SharedExchange& exchange) {
  const Body body = Body::parse(exchange->take_body());
  const Endpoint endpoint = endpoint_of_request(*service, exchange->request());
  const OrderedJson* ids = body.find("ids");
  const bool skip = body.boolean("skip_special_tokens").value_or(true);
  const auto is_list = [](const OrderedJson& json) {
    return json.is_array() && std::ranges::all_of(json, [](const OrderedJson& each) { return each.is_number_integer(); });
  };
  if (ids == nullptr || !ids->is_array()) body.refuse("ids", "a list of token ids, or of such lists");
  OrderedJson list = OrderedJson::array();
  const bool is_one = is_list(*ids);
  for (const OrderedJson& row : is_one ? OrderedJson::array({*ids}) : *ids) {
    if (!is_list(row)) body.refuse("ids", "a list of token ids, or of such lists");
    list.push_back(endpoint.detokenize(row.get<std::vector<std::int64_t>>(), skip));
  }
  exchange->answer({.body = dump(list)});
}

OrderedJson model_type_of(const EndpointStatus& status) {
  if (status.task == "rerank") return {{"reranker", {{"id2label", OrderedJson::object()}}}};
  if (status.task == "classify") return {{"classifier", {{"id2label", OrderedJson::object()}}}};
  return {{"embedding", {{"pooling", "mean"}}}};
}

void info(const SharedService& service, const SharedExchange& exchange) {
  const EndpointStatus status = endpoint_of_request(*service, exchange->request()).status();
  OrderedJson json{{"model_id", status.name},
                   {"model_sha", nullptr},
                   {"model_dtype", status.asked_precision},
                   {"served_model_name", status.name},
                   {"model_type", model_type_of(status)}};
  if (status.model) {
    json["model_dtype"] = status.model->precision;
    // An embedding may read less than the model does, as its sentence_bert_config.json says: then nothing is said here.
    if (status.task != "embed") json["max_input_length"] = status.model->most_tokens;
  }
  json["auto_truncate"] = true;
  json["version"] = service->version;
  exchange->answer({.body = dump(json)});
}

}  // namespace

const http::Dialect dialect{.name = "tei", .error = [](const HttpError& error) {
                              const int status = status_of(error);
                              const std::string_view type = error.code() == "empty" ? "Empty" : type_of(status);
                              return http::Response{.status = error.code() == "empty" ? 400 : status,
                                                    .body = dump({{"error", error.what()}, {"error_type", type}})};
                            }};

void rerank(const SharedService& service, const SharedExchange& exchange, const Body& body) {
  const auto name = body.text("model");
  const Endpoint endpoint = name ? endpoint_named(*service, *name) : endpoint_of_request(*service, exchange->request());
  refuse_raw_scores(body);
  RankRequest request{
      .query = body.required_text("query"), .documents = body.required_texts("texts"), .options = {.truncate = truncate_of(body)}};
  const auto texts = std::make_shared<const std::vector<std::string>>(
      body.boolean("return_text").value_or(false) ? request.documents : std::vector<std::string>());
  submit(service, dialect, exchange, endpoint, std::move(request), [texts](const Ranking& ranking, const CallReport&) {
    OrderedJson list = OrderedJson::array();
    for (const RankedDocument& document : ranking.documents) {
      OrderedJson row{{"index", document.index}, {"score", document.score}};
      if (!texts->empty()) row["text"] = (*texts)[document.index];
      list.push_back(std::move(row));
    }
    return http::Response{.body = dump(list)};
  });
}

void add_routes(std::vector<http::Route>& routes, const SharedService& service) {
  struct Row {
    std::string_view method, path, below, summary;
    void (*handler)(const SharedService& service, const SharedExchange& exchange);
    http::Place place = http::Place::worker;
  };
  for (const Row& row : {Row{"POST", "/embed", "/tei/{endpoint}/embed", "Embeds texts.", embed},
                         Row{"POST", "/similarity", "/tei/{endpoint}/similarity", "How alike texts are to one.", similarity},
                         Row{"POST", "/predict", "/tei/{endpoint}/predict", "Labels texts or pairs.", predict},
                         Row{"POST", "", "/tei/{endpoint}/rerank", "Scores texts for a query.", rerank_below},
                         Row{"POST", "/tokenize", "/tei/{endpoint}/tokenize", "The tokens of texts.", tokenize, http::Place::slow},
                         Row{"POST", "/decode", "/tei/{endpoint}/decode", "The text of tokens.", decode, http::Place::slow},
                         Row{"GET", "/info", "/tei/{endpoint}/info", "What the model is.", info}})
    for (const std::string_view pattern : {row.path, row.below})
      if (!pattern.empty())
        routes.push_back({.method = row.method,
                          .pattern = pattern,
                          .place = row.place,
                          .dialect = &dialect,
                          .summary = row.summary,
                          .handler = [service, handler = row.handler](const auto& exchange) { handler(service, exchange); }});
}

}  // namespace accelerate::server::tei
