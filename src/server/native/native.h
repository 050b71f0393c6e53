// The routes of this server's own API, /accelerate/v1/…: endpoints and what they do now, devices, every task by one verb.
#pragma once

#include <vector>

#include "server/body.h"
#include "server/service.h"

namespace accelerate::server::native {

extern const http::Dialect dialect;

void add_routes(std::vector<http::Route>& routes, const SharedService& service);

/// An endpoint as it is now: what it is, what runs it, what waits, how requests ended, how long they took.
OrderedJson endpoint_json(const EndpointStatus& status);

// The handlers, a file for each group.
void show_status(const Service& service, http::Exchange& exchange);
void list_devices(http::Exchange& exchange);

void list_endpoints(const Service& service, http::Exchange& exchange);
void show_endpoint(const Service& service, http::Exchange& exchange);
void add_endpoint(const Service& service, http::Exchange& exchange);
void remove_endpoint(const Service& service, http::Exchange& exchange);
void load_endpoint(const Service& service, http::Exchange& exchange);
void unload_endpoint(const Service& service, http::Exchange& exchange);
void drain_endpoint(const Service& service, http::Exchange& exchange);
void resume_endpoint(const Service& service, http::Exchange& exchange);
void measure_endpoint(const Service& service, http::Exchange& exchange);

void invoke(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace accelerate::server::native
