#pragma once

#include <string>

#include "server/body.h"
#include "server/service.h"

namespace accelerate::server {

/// The endpoint of that name. Throws HttpError 404 "model_not_found" where there is none, naming those that there are.
Endpoint endpoint_named(const Service& service, const std::string& name);

/// The one that the body's "model" names. Throws HttpError 400 where the field is missing.
Endpoint endpoint_of(const Service& service, const Body& body);

/// The same; without "model" the only endpoint. Throws HttpError 400 where there are several.
Endpoint endpoint_or_only(const Service& service, const Body& body);

/// Adds an endpoint as Endpoints::add does. What is wrong with the folder is told to whoever named it: HttpError 422 for a file that is not
/// what it should be.
Endpoint add_endpoint(const Service& service, const std::string& name, const EndpointOptions& options, bool load);

/// Throws HttpError 501 for a part of a message that is an image or sound.
[[noreturn]] void refuse_medium(const std::string& field, const std::string& what);

/// The folder's files' newest change, in seconds since 1970: when the model was made.
std::int64_t created_at(const EndpointStatus& status);

}  // namespace accelerate::server
