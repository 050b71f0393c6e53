#include <algorithm>
#include <cctype>

#include "server/body.h"
#include "server/operations/operations.h"

namespace accelerate::server::operations {
namespace {

OrderedJson schema(std::string_view text) { return text.empty() ? OrderedJson{{"type", "object"}} : OrderedJson::parse(text); }

std::string operation_id(const http::Route& route) {
  std::string id(route.method);
  for (const char c : route.pattern) id += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  std::ranges::transform(id, id.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return id;
}

/// "/v1/models/{model...}" as OpenAPI writes it, and its parameters.
std::string path_of(std::string_view pattern, OrderedJson& parameters) {
  std::string path(pattern);
  if (const std::size_t dots = path.find("..."); dots != std::string::npos) path.erase(dots, 3);
  for (std::size_t begin = path.find('{'); begin != std::string::npos; begin = path.find('{', begin + 1)) {
    const std::string name = path.substr(begin + 1, path.find('}', begin) - begin - 1);
    parameters.push_back({{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}, {"minLength", 1}}}});
  }
  return path;
}

OrderedJson operation_of(const http::Route& route, const OrderedJson& parameters) {
  OrderedJson ok{{"description", "The answer."}};
  if (!route.response.empty()) ok["content"] = {{"application/json", {{"schema", schema(route.response)}}}};
  OrderedJson operation{{"operationId", operation_id(route)},
                        {"summary", route.summary},
                        {"tags", OrderedJson::array({route.dialect->name})},
                        {"responses",
                         {{"200", ok},
                          {"4XX", {{"description", "What was asked cannot be done, and why."}}},
                          {"5XX", {{"description", "The server cannot do it now, or has no such model, and why."}}}}}};
  if (!parameters.empty()) operation["parameters"] = parameters;
  if (!route.request.empty())
    operation["requestBody"] = {{"required", true}, {"content", {{"application/json", {{"schema", schema(route.request)}}}}}};
  operation["security"] = OrderedJson::array();
  if (route.access == http::Access::key) operation["security"].push_back({{"key", OrderedJson::array()}});
  if (route.access == http::Access::admin) operation["security"].push_back({{"admin_key", OrderedJson::array()}});
  return operation;
}

}  // namespace

std::string openapi(const std::vector<http::Route>& routes, const std::string& version) {
  OrderedJson paths = OrderedJson::object();
  for (const http::Route& route : routes) {
    OrderedJson parameters = OrderedJson::array();
    std::string method(route.method);
    std::ranges::transform(method, method.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const std::string path = path_of(route.pattern, parameters);
    paths[path][method] = operation_of(route, parameters);
  }
  const OrderedJson bearer{{"type", "http"}, {"scheme", "bearer"}};
  return dump({{"openapi", "3.1.0"},
               {"info", {{"title", "IPFS Accelerate"}, {"version", version}, {"description", "Runs Hugging Face models."}}},
               {"paths", paths},
               {"components", {{"securitySchemes", {{"key", bearer}, {"admin_key", bearer}}}}}});
}

}  // namespace accelerate::server::operations
