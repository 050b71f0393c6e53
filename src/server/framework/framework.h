// The verbs of the framework that this program goes by the name of: /init, /add_endpoint, /rm_endpoint, /infer, /queue, /status and
// /test, all POST. An endpoint there is [model, backend, context length], "cpu:0", "openvino:0" or "cuda:0" being backends; here it
// is called "MODEL@BACKEND". A model is a folder, or the name of an endpoint that is there.
#pragma once

#include <string>
#include <vector>

#include "server/body.h"
#include "server/service.h"

namespace accelerate::server::framework {

extern const http::Dialect dialect;

void add_routes(std::vector<http::Route>& routes, const SharedService& service);

/// The endpoints of that model, or that which has its name.
std::vector<Endpoint> endpoints_of(const Service& service, const std::string& model);

/// The one among them that has the least waiting. Throws HttpError 404 where there is none.
Endpoint least_busy(const Service& service, const std::string& model);

/// The names that "models" has: one, or a list.
std::vector<std::string> models_of(const Body& body);

/// What the endpoint's task makes of texts.
TaskRequest request_of(const Endpoint& endpoint, std::vector<std::string> texts);

/// The answer's parts, one for each text.
OrderedJson parts_json(TaskAnswer answer);

/// Queues each item by its content's id, and answers with [{id: result}, …] once all are there. What was computed for a client that
/// left is kept, by its id, for whoever asks again.
class ItemQueue;
std::shared_ptr<ItemQueue> make_item_queue();
void queue(const SharedService& service, const std::shared_ptr<ItemQueue>& items, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace accelerate::server::framework
