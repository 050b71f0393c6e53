#include "server/routes_in_process.h"

#include <chrono>
#include <stdexcept>

#include "endpoints/endpoint_testing.h"
#include "server/http/request_parser.h"
#include "server/raw_client.h"

namespace accelerate {

namespace {

const CreatedModelFolder& questions_folder() {
  static const CreatedModelFolder made(Task::answer);
  return made;
}

}  // namespace

struct RoutesInProcess::Call {
  std::mutex mutex;
  std::condition_variable changed;
  bool has_news = false;
  std::shared_ptr<http::Exchange> exchange;
  const http::Dialect* dialect = nullptr;
  std::optional<http::Response> refused;
};

RoutesInProcess::RoutesInProcess(http::AccessRules access) : site_{.router = http::Router({})} {
  const std::filesystem::path fixtures = std::filesystem::path(ACCELERATE_TEST_DATA) / "tasks" / "fixtures";
  endpoints_.add("mean", {.folder = fixtures / "embed_mean", .aliases = {"org/mean"}, .load = exactly()});
  endpoints_.add("judge", {.folder = fixtures / "rerank_sigmoid", .load = exactly()});
  endpoints_.add("labels", {.folder = fixtures / "classify", .load = exactly()});
  endpoints_.add("entails", {.folder = fixtures / "zero_shot", .load = exactly()});
  endpoints_.add("tags", {.folder = fixtures / "tag_words", .load = exactly()});
  endpoints_.add("masks", {.folder = fixtures / "fill_mask", .load = exactly()});
  endpoints_.add("asks", {.folder = questions_folder().path(), .load = exactly()});
  endpoints_.add("tale", {.folder = decoder_folder(), .load = exactly()});
  const auto service = std::make_shared<server::Service>(server::Service{.endpoints = endpoints_, .metrics = metrics_, .version = "test"});
  site_.router = http::Router(server::all_routes(service));
  site_.access = std::move(access);
  site_.dialect_of = server::dialect_of_path;
}

std::shared_ptr<RoutesInProcess::Call> RoutesInProcess::begin(std::string_view method, std::string_view target, std::string_view body,
                                                              std::string_view fields) {
  http::RequestParser parser({});
  std::string text = request_text(method, target, body, fields);
  while (!parser.is_done()) {
    const std::size_t taken = parser.put(text);
    if (taken == 0) throw std::logic_error("the test's request is not whole");
    text.erase(0, taken);
  }
  http::Request request = std::move(parser.request());
  request.received = std::chrono::steady_clock::now();
  request.id = "test-id";
  request.peer = "127.0.0.1";
  auto call = std::make_shared<Call>();
  call->dialect = &http::dialect_of(site_, request);
  const http::Route* route = nullptr;
  try {
    route = &http::admit(site_, request);
  } catch (...) {
    call->refused = http::error_response(*call->dialect, std::current_exception());
    return call;
  }
  const auto wake = [kept = std::weak_ptr(call)] {
    const auto living = kept.lock();
    if (!living) return;
    const std::lock_guard lock(living->mutex);
    living->has_news = true;
    living->changed.notify_all();
  };
  call->exchange = std::make_shared<http::Exchange>(std::move(request), std::size_t{1} << 24,
                                                    http::Exchange::Hooks{.wake = wake, .on_worker = [](const auto& work) { work(); }});
  try {
    route->handler(call->exchange);
  } catch (...) {
    call->exchange->answer(http::error_response(*route->dialect, std::current_exception()));
  }
  return call;
}

http::Response RoutesInProcess::call(std::string_view method, std::string_view target, std::string_view body, std::string_view fields) {
  const std::shared_ptr<Call> call = begin(method, target, body, fields);
  if (call->refused) return *call->refused;
  std::optional<http::Response> streamed;
  while (true) {
    http::Exchange::Output output = call->exchange->take();
    if (output.whole) return *std::move(output.whole);
    if (output.head) streamed = std::move(output.head->first);
    if (streamed)
      for (const std::string& piece : output.pieces) streamed->body += piece;
    if (output.ended || output.aborted) return streamed.value();
    std::unique_lock lock(call->mutex);
    call->changed.wait(lock, [&] { return call->has_news; });
    call->has_news = false;
  }
}

void RoutesInProcess::leave(std::string_view target, std::string_view body) {
  const std::shared_ptr<Call> call = begin("POST", target, body, {});
  if (call->exchange) call->exchange->cancel();
}

}  // namespace accelerate
