#include "server/endpoint_of.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/json.h"
#include "server/http/error.h"

namespace accelerate::server {

using http::HttpError;

Endpoint endpoint_named(const Service& service, const std::string& name) {
  try {
    return service.endpoints.get(name);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
    std::string names;
    for (const Endpoint& endpoint : service.endpoints.list()) names += (names.empty() ? "" : ", ") + endpoint.name();
    throw HttpError(404, fmt::format("model {} not found, expected one of: {}", in_quotes(name), names.empty() ? "none is loaded" : names),
                    "model_not_found", "model");
  }
}

Endpoint endpoint_of(const Service& service, const Body& body) { return endpoint_named(service, body.required_text("model")); }

Endpoint endpoint_or_only(const Service& service, const Body& body) {
  if (const auto name = body.text("model")) return endpoint_named(service, *name);
  return service.endpoints.only();
}

Endpoint add_endpoint(const Service& service, const std::string& name, const EndpointOptions& options, bool load) {
  try {
    const Endpoint endpoint = service.endpoints.add(name, options);
    try {
      if (load) endpoint.init();
    } catch (...) {
      service.endpoints.remove(name);
      throw;
    }
    return endpoint;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::invalid_file) throw;
    throw HttpError(422, error.what(), "invalid_file", "folder");
  }
}

void refuse_medium(const std::string& field, const std::string& what) {
  throw HttpError(501, fmt::format("{} is {}, which this build's models do not take: text alone", field, what), "unsupported_medium",
                  field);
}

std::int64_t created_at(const EndpointStatus& status) {
  struct stat found{};
  return ::stat((status.folder + "/config.json").c_str(), &found) == 0 ? found.st_mtime : 0;
}

}  // namespace accelerate::server
