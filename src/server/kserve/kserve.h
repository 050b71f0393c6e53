// The routes of the Open Inference Protocol, version 2, with Triton's extensions: /v2/…
#pragma once

#include <vector>

#include "server/service.h"

namespace accelerate::server::kserve {

extern const http::Dialect dialect;

void add_routes(std::vector<http::Route>& routes, const SharedService& service);

/// A tensor that an endpoint takes or gives, for its description.
struct TensorInfo {
  std::string name;
  std::string datatype;             ///< "FP32"
  std::vector<std::int64_t> shape;  ///< -1: any size
};

/// What the endpoint takes and gives, by the task that it is for.
struct ModelTensors {
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
};
ModelTensors tensors_of(const EndpointStatus& status);

// The handlers that have a file of their own.
void infer(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange);
void generate(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange, bool stream);
void list_statistics(const Service& service, http::Exchange& exchange);
void show_statistics(const Service& service, http::Exchange& exchange);

/// The endpoint that the path names. Throws HttpError 404, for a version other than 1 too.
Endpoint endpoint_of_path(const Service& service, const http::Request& request);

}  // namespace accelerate::server::kserve
