#include "server/rerank/rerank.h"

#include <algorithm>

#include "server/body.h"
#include "server/endpoint_of.h"
#include "server/submit.h"
#include "server/tei/tei.h"

namespace accelerate::server::rerank {
namespace {

constexpr std::string_view request_schema = R"({"type":"object","required":["model","query","documents"],"properties":{
"model":{"type":"string"},"query":{"type":"string"},
"documents":{"type":"array","minItems":1,"items":{"oneOf":[{"type":"string"},{"type":"object","required":["text"],"properties":{"text":{"type":"string"}}}]}},
"top_n":{"type":"integer","minimum":1},"return_documents":{"type":"boolean"}}})";

/// Texts, or objects with "text".
std::vector<std::string> documents_of(const Body& body) {
  const OrderedJson* list = body.find("documents");
  const char* expected = "a list of texts, or of objects with text";
  if (list == nullptr || !list->is_array() || list->empty()) body.refuse("documents", expected);
  std::vector<std::string> documents;
  for (const OrderedJson& each : *list) {
    const OrderedJson* text = each.is_object() && each.contains("text") ? &each["text"] : &each;
    if (!text->is_string()) body.refuse("documents", expected);
    documents.push_back(text->get<std::string>());
  }
  return documents;
}

/// What the wire calls relevance lies between 0 and 1; a ranking's scores are what the model's own activation gives.
OrderedJson results_json(const Ranking& ranking, const std::vector<std::string>& documents, bool with_documents) {
  OrderedJson results = OrderedJson::array();
  for (const RankedDocument& each : ranking.documents) {
    OrderedJson result{{"index", each.index}, {"relevance_score", each.score}};
    if (with_documents) result["document"] = {{"text", documents[each.index]}};
    results.push_back(std::move(result));
  }
  return results;
}

void rank(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange) {
  const Body body = Body::parse(exchange->take_body());
  // The path is text-embeddings-inference's too, whose field is another.
  if (exchange->request().target.path == "/rerank" && body.has("texts") && !body.has("documents"))
    return tei::rerank(service, exchange, body);
  const Endpoint endpoint = endpoint_or_only(*service, body);
  std::vector<std::string> documents = documents_of(body);
  RankRequest request{.query = body.required_text("query"), .documents = documents};
  request.options.top_k = static_cast<std::size_t>(body.integer("top_n", 1, 1 << 30).value_or(0));
  const bool with_documents = body.boolean("return_documents").value_or(false);
  const auto respond = [documents = std::move(documents), with_documents, model = endpoint.name(), id = exchange->request().id](
                           const Ranking& ranking, const CallReport& report) {
    OrderedJson json{{"id", "rerank-" + id}, {"model", model}, {"results", results_json(ranking, documents, with_documents)}};
    json["usage"] = {{"prompt_tokens", report.prompt_tokens}, {"total_tokens", report.prompt_tokens}};
    json["meta"] = {{"api_version", {{"version", "2"}}}, {"billed_units", {{"search_units", 1}}}};
    if (!ranking.notes.empty()) json["notes"] = ranking.notes;
    return http::Response{.body = dump(json)};
  };
  submit(service, dialect, exchange, endpoint, std::move(request), respond);
}

}  // namespace

// Cohere's clients read "message", the others "error".
const http::Dialect dialect{.name = "rerank", .error = [](const http::HttpError& error) {
                              return http::Response{.status = error.status(),
                                                    .body = dump({{"message", error.what()}, {"error", error.what()}})};
                            }};

void add_routes(std::vector<http::Route>& routes, const SharedService& service) {
  for (const std::string_view pattern : {"/rerank", "/v1/rerank", "/v2/rerank"})
    routes.push_back({.method = "POST",
                      .pattern = pattern,
                      .dialect = &dialect,
                      .summary = "Orders documents by how well they answer a query.",
                      .request = request_schema,
                      .handler = [service](const auto& exchange) { rank(service, exchange); }});
}

}  // namespace accelerate::server::rerank
