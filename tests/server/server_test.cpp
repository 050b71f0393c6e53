// A server with a few routes of the test's own, and clients that behave well, badly, or not at all.
#include "server/http/server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <future>
#include <list>
#include <thread>

#include "runtime/resident_memory.h"
#include "server/raw_client.h"

namespace accelerate::http {
namespace {

using namespace std::chrono_literals;

const Dialect dialect{.name = "test", .error = [](const HttpError& error) {
                        return Response{.status = error.status(), .content_type = "text/plain", .body = error.what()};
                      }};

/// What handlers have seen.
struct Seen {
  std::atomic<int> cancelled = 0;
  std::atomic<int> refused_writes = 0;
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
};

std::vector<Route> routes_of(Seen& seen, std::list<std::jthread>& threads) {
  std::vector<Route> routes{
      {.method = "GET",
       .pattern = "/hello",
       .place = Place::here,
       .handler = [](const auto& exchange) { exchange->answer({.content_type = "text/plain", .body = "hello"}); }},
      {.method = "POST",
       .pattern = "/echo",
       .handler = [](const auto& exchange) { exchange->answer({.content_type = "text/plain", .body = exchange->take_body()}); }},
      {.method = "POST",
       .pattern = "/size",
       .handler = [](const auto& exchange) { exchange->answer({.body = std::to_string(exchange->request().body.size())}); }},
      {.method = "GET", .pattern = "/throws", .handler = [](const auto&) { throw std::runtime_error("a secret path"); }},
      // Answers when the test says so.
      {.method = "GET",
       .pattern = "/waits",
       .place = Place::slow,
       .handler =
           [&seen](const auto& exchange) {
             seen.released.wait();
             exchange->answer({.content_type = "text/plain", .body = "late"});
           }},
      // Never answers; counts that it was told to stop.
      {.method = "GET",
       .pattern = "/never",
       .handler = [&seen](const auto& exchange) { exchange->on_cancel([&seen] { ++seen.cancelled; }); }},
      {.method = "GET",
       .pattern = "/stream",
       .handler =
           [](const auto& exchange) {
             exchange->begin({.content_type = "text/event-stream"}, StreamKind::events);
             for (int i = 0; i < 100; ++i) exchange->write("data: " + std::to_string(i) + "\n\n");
             exchange->end();
           }},
      {.method = "GET",
       .pattern = "/quiet",
       .handler =
           [&seen, &threads](const auto& exchange) {
             threads.emplace_back([&seen, exchange] {
               exchange->begin({.content_type = "text/event-stream"}, StreamKind::events);
               seen.released.wait();
               exchange->end();
             });
           }},
      {.method = "GET",
       .pattern = "/breaks",
       .handler =
           [](const auto& exchange) {
             exchange->begin({.content_type = "text/event-stream"}, StreamKind::events);
             exchange->write("data: 1\n\n");
             exchange->abort();
           }},
      // Writes until nobody wants more.
      {.method = "GET", .pattern = "/flood", .place = Place::slow, .handler = [&seen](const auto& exchange) {
         exchange->begin({.content_type = "application/x-ndjson"}, StreamKind::lines);
         const std::string piece(10'000, 'x');
         for (int i = 0; i < 100'000; ++i)
           if (!exchange->write(piece)) {
             ++seen.refused_writes;
             return;
           }
         exchange->end();
       }}};
  for (Route& route : routes) route.dialect = &dialect;
  return routes;
}

class ServerTest : public testing::Test {
 protected:
  std::uint16_t start(const Limits& limits = {}, ServerOptions options = {}) {
    options.port = 0;
    Site site{.router = Router(routes_of(seen_, threads_)),
              .limits = limits,
              .dialect_of = [](std::string_view) -> const Dialect& { return dialect; },
              .on_finished = [this](const Finished&) { ++finished_; },
              .on_fault = [this](const Request&, const std::string& message) { faults_ += message; }};
    server_ = std::make_unique<Server>(options, std::move(site));
    thread_ = std::thread([this] { server_->run(); });
    return server_->port();
  }

  void stop() {
    if (!thread_.joinable()) return;
    if (!is_released_) release();
    server_->stop();
    server_->stop();
    thread_.join();
  }

  void release() {
    is_released_ = true;
    seen_.release.set_value();
  }

  void TearDown() override {
    stop();
    threads_.clear();
  }

  template <typename Condition>
  static bool eventually(const Condition& condition) {
    for (int i = 0; i < 2000 && !condition(); ++i) std::this_thread::sleep_for(5ms);
    return condition();
  }

  Seen seen_;
  std::list<std::jthread> threads_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::atomic<int> finished_ = 0;
  std::string faults_;
  bool is_released_ = false;
};

TEST_F(ServerTest, AnswersSeveralRequestsOnOneConnection) {
  const std::uint16_t port = start();
  RawClient client(port);
  for (int i = 0; i < 3; ++i) {
    client.send(request_text("GET", "/hello", "", "X-Request-Id: mine\r\n"));
    const RawResponse response = client.receive();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "hello");
    EXPECT_EQ(response.fields.at("x-request-id"), "mine");
  }
  client.send(request_text("POST", "/echo", "one") + request_text("POST", "/echo", "two") + request_text("GET", "/hello"));
  EXPECT_EQ(client.receive().body, "one");
  EXPECT_EQ(client.receive().body, "two");
  EXPECT_EQ(client.receive().body, "hello");
  client.send(request_text("HEAD", "/hello"));
  const RawResponse head = client.receive(20s, true);
  EXPECT_EQ(head.fields.at("content-length"), "5");
  client.send(request_text("GET", "/hello", "", "Connection: close\r\n"));
  EXPECT_EQ(client.receive().fields.at("connection"), "close");
  EXPECT_TRUE(client.is_closed_within(10s));
}

TEST_F(ServerTest, AnswersWhatCannotBeDoneInTheDialect) {
  const std::uint16_t port = start();
  struct Case {
    std::string request;
    int status;
  };
  for (const Case& each :
       {Case{request_text("GET", "/nowhere"), 404}, Case{request_text("DELETE", "/hello"), 405}, Case{request_text("GET", "/throws"), 500},
        Case{"garbage\r\n\r\n", 400}, Case{std::string("\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n", 15), 400},
        Case{"GET / HTTP/1.1\r\n\r\n", 400}, Case{"GET /hello HTTP/1.1\r\nHost: a\r\nA: " + std::string(70'000, 'x') + "\r\n\r\n", 431}}) {
    RawClient client(port);
    client.send(each.request);
    const RawResponse response = client.receive();
    EXPECT_EQ(response.status, each.status) << each.request.substr(0, 60);
    EXPECT_EQ(response.body.find("secret"), std::string::npos);
    EXPECT_FALSE(response.fields.at("x-request-id").empty());
  }
  EXPECT_EQ(ask(port, "GET", "/hello").status, 200);
  stop();
  EXPECT_EQ(faults_, "a secret path");
}

TEST_F(ServerTest, TakesBodiesInChunksAndAsksForThoseThatWait) {
  const std::uint16_t port = start({.body_bytes = 1000});
  RawClient chunked(port);
  chunked.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n");
  EXPECT_EQ(chunked.receive().body, "abcde");

  RawClient waiting(port);
  waiting.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(waiting.receive().status, 100);
  waiting.send("body");
  EXPECT_EQ(waiting.receive().body, "body");

  RawClient refused(port);
  refused.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(refused.receive().status, 413);

  EXPECT_EQ(ask(port, "POST", "/size", std::string(1000, 'x')).body, "1000");
  EXPECT_EQ(ask(port, "POST", "/size", std::string(1001, 'x')).status, 413);
}

TEST_F(ServerTest, SkipsShortBodiesOfRefusedRequestsAndClosesBehindLongOnes) {
  const std::uint16_t port = start();
  RawClient client(port);
  client.send(request_text("POST", "/nowhere", std::string(1000, 'x')) + request_text("GET", "/hello"));
  EXPECT_EQ(client.receive().status, 404);
  EXPECT_EQ(client.receive().body, "hello");
  RawClient other(port);
  other.send("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\nabc");
  EXPECT_EQ(other.receive().status, 404);
  EXPECT_TRUE(other.is_closed_within(10s));
}

TEST_F(ServerTest, EndsConnectionsThatAreTooSlow) {
  const std::uint16_t port =
      start({.head_time = Limits::Seconds(0.2), .body_time = Limits::Seconds(0.2), .idle_time = Limits::Seconds(0.3)});
  RawClient silent(port);
  EXPECT_TRUE(silent.is_closed_within(10s));

  RawClient half_a_head(port);
  half_a_head.send("GET /hello HTTP/1.1\r\nHo");
  EXPECT_EQ(half_a_head.receive().status, 408);
  EXPECT_TRUE(half_a_head.is_closed_within(10s));

  RawClient drops(port);  // a byte now and then does not help
  std::atomic<bool> over = false;
  std::thread dropping([&] {
    drops.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    while (!over && drops.send("x")) std::this_thread::sleep_for(20ms);
  });
  EXPECT_EQ(drops.receive().status, 408);
  over = true;
  dropping.join();

  RawClient idle(port);
  idle.send(request_text("GET", "/hello"));
  EXPECT_EQ(idle.receive().status, 200);
  EXPECT_TRUE(idle.is_closed_within(10s));
  EXPECT_TRUE(eventually([&] { return server_->counts().open == 0; }));
}

TEST_F(ServerTest, EndsAnswersThatDoNotCome) {
  const std::uint16_t port = start({.answer_time = Limits::Seconds(0.2)});
  EXPECT_EQ(ask(port, "GET", "/never").status, 504);
  EXPECT_TRUE(eventually([&] { return seen_.cancelled == 1; }));
}

TEST_F(ServerTest, TellsHandlersThatTheirClientIsGone) {
  const std::uint16_t port = start();
  RawClient leaving(port);
  leaving.send(request_text("GET", "/never"));
  std::this_thread::sleep_for(50ms);
  leaving.die();
  EXPECT_TRUE(eventually([&] { return seen_.cancelled == 1; }));
  {
    RawClient closing(port);
    closing.send(request_text("GET", "/never"));
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_TRUE(eventually([&] { return seen_.cancelled == 2; }));
  EXPECT_TRUE(eventually([&] { return server_->counts().open == 0; }));
}

TEST_F(ServerTest, StreamsInChunksAndShowsWhereAStreamBreaks) {
  const std::uint16_t port = start({.keep_alive_comment = Limits::Seconds(0.1)});
  RawClient client(port);
  client.send(request_text("GET", "/stream"));
  const RawResponse whole = client.receive();
  EXPECT_TRUE(whole.whole);
  EXPECT_TRUE(whole.body.starts_with("data: 0\n\n")) << whole.body;
  EXPECT_TRUE(whole.body.ends_with("data: 99\n\n")) << whole.body;
  client.send(request_text("GET", "/breaks"));
  const RawResponse broken = client.receive();
  EXPECT_FALSE(broken.whole);
  EXPECT_EQ(broken.body, "data: 1\n\n");

  RawClient old(port);
  old.send("GET /stream HTTP/1.0\r\n\r\n");
  const RawResponse without_chunks = old.receive();
  EXPECT_FALSE(without_chunks.fields.contains("transfer-encoding"));
  EXPECT_EQ(without_chunks.body, whole.body);

  RawClient patient(port);
  patient.send(request_text("GET", "/quiet"));
  std::this_thread::sleep_for(400ms);
  release();
  EXPECT_TRUE(patient.receive().body.starts_with(": keep-alive\n\n: keep-alive\n\n"));
}

TEST_F(ServerTest, DoesNotKeepWhatAClientWillNotRead) {
  const std::uint16_t port = start({.unsent_bytes = 1 << 20});
  RawClient client(port);
  client.send(request_text("GET", "/flood"));
  EXPECT_TRUE(eventually([&] { return seen_.refused_writes == 1; }));
  EXPECT_EQ(ask(port, "GET", "/hello").status, 200);
}

TEST_F(ServerTest, TurnsAwayConnectionsBeyondItsNumber) {
  const std::uint16_t port = start({}, {.most_connections = 3});
  std::list<RawClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(port);
    clients.back().send(request_text("GET", "/hello"));
    EXPECT_EQ(clients.back().receive().status, 200);
  }
  RawClient fourth(port);
  const RawResponse response = fourth.receive();
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.fields.at("retry-after"), "1");
  EXPECT_TRUE(response.whole);
  clients.clear();
  EXPECT_TRUE(eventually([&] { return server_->counts().open == 0; }));
  EXPECT_EQ(ask(port, "GET", "/hello").status, 200);
}

TEST_F(ServerTest, LivesWithoutFilesToOpen) {
  const std::uint16_t port = start();
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  {
    std::list<RawClient> clients;
    for (int i = 0; i < 5; ++i) {
      clients.emplace_back(port);
      clients.back().send(request_text("GET", "/hello"));
      EXPECT_EQ(clients.back().receive().status, 200);
    }
    RawClient last(port);  // its file is open here; the server's side of it may find none
    rlimit low = before;
    low.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &low);
    std::this_thread::sleep_for(100ms);
    setrlimit(RLIMIT_NOFILE, &before);
    last.send(request_text("GET", "/hello"));
    EXPECT_EQ(last.receive().status, 200);
  }
  EXPECT_EQ(ask(port, "GET", "/hello").status, 200);
}

TEST_F(ServerTest, FinishesWhatItHasBeforeItStops) {
  const std::uint16_t port = start();
  RawClient idle(port);
  idle.send(request_text("GET", "/hello"));
  EXPECT_EQ(idle.receive().status, 200);
  RawClient busy(port);
  busy.send(request_text("GET", "/waits"));
  std::this_thread::sleep_for(100ms);
  server_->stop();
  EXPECT_TRUE(idle.is_closed_within(10s));
  EXPECT_TRUE(server_->is_draining());
  EXPECT_THROW(RawClient{port}, std::runtime_error);
  release();
  const RawResponse late = busy.receive();
  EXPECT_EQ(late.body, "late");
  EXPECT_EQ(late.fields.at("connection"), "close");
  thread_.join();
}

TEST_F(ServerTest, KeepsNoMemoryOfFloods) {
  const std::uint16_t port = start({.body_bytes = 8 << 20});
  std::string chunks = "POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 65'536; ++i) chunks += "1\r\nx\r\n";
  const std::string most = chunks + "0\r\n\r\n";
  const std::string more = chunks + "1\r\nx\r\n0\r\n\r\n";
  const auto flood = [&](const std::string& bytes) {
    RawClient client(port);
    client.send(bytes);
    return client.receive().status;
  };
  EXPECT_EQ(flood(most), 200);
  EXPECT_EQ(flood(more), 400);
  release_freed_memory();
  const std::int64_t before = private_bytes();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(flood(i % 2 == 0 ? most : more), i % 2 == 0 ? 200 : 400);
    EXPECT_EQ(flood("POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: 8388609\r\n\r\n"), 413);
    EXPECT_EQ(flood("GET /hello HTTP/1.1\r\nHost: a\r\nA: " + std::string(60'000, 'x')), 431);
  }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // sanitizers keep what was freed
  release_freed_memory();
  EXPECT_LT(private_bytes() - before, 1 << 20);
#else
  (void)before;
#endif
}

TEST_F(ServerTest, OutlivesManyClientsThatDieAnywhere) {
  const std::uint16_t port = start();
  const std::string request = request_text("POST", "/echo", std::string(3000, 'x'));
  for (std::size_t i = 0; i < 200; ++i) {
    RawClient client(port);
    client.send(std::string_view(request).substr(0, request.size() * i / 200));
    if (i % 2 == 0) client.die();
  }
  EXPECT_EQ(ask(port, "POST", "/echo", "still here").body, "still here");
  EXPECT_TRUE(eventually([&] { return server_->counts().open == 0; }));
}

}  // namespace
}  // namespace accelerate::http
