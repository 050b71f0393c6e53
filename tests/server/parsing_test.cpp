// Requests from bytes, with no socket: targets, fields, bodies, compression, routes and keys.
#include <gtest/gtest.h>
#include <zlib.h>

#include <functional>

#include "server/http/access.h"
#include "server/http/base64.h"
#include "server/http/inflate.h"
#include "server/http/request_parser.h"
#include "server/http/site.h"

namespace accelerate::http {
namespace {

/// The status that reading `bytes` in pieces of `step` ends with: 0 for a whole request, -1 for one that needs more.
int status_of(std::string_view bytes, std::size_t step, const Limits& limits, Request* request = nullptr) {
  RequestParser parser(limits);
  std::string input;
  try {
    for (std::size_t at = 0; at <= bytes.size(); at += step) {
      input += bytes.substr(at, step);
      while (!parser.is_done() && !input.empty()) {
        const std::size_t taken = parser.put(input);
        input.erase(0, taken);
        if (taken == 0) break;
      }
    }
  } catch (const HttpError& error) {
    return error.status();
  }
  if (request != nullptr) *request = std::move(parser.request());
  return parser.is_done() ? 0 : -1;
}

std::string compressed(std::string_view text, int window) {
  z_stream state{};
  deflateInit2(&state, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() / 100 + 1000, '\0');
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  state.avail_in = static_cast<uInt>(text.size());
  state.next_out = reinterpret_cast<Bytef*>(out.data());
  state.avail_out = static_cast<uInt>(out.size());
  deflate(&state, Z_FINISH);
  out.resize(out.size() - state.avail_out);
  deflateEnd(&state);
  return out;
}

struct ParseCase {
  const char* name;
  std::string bytes;
  int status;
};

class Parsing : public testing::TestWithParam<ParseCase> {};

TEST_P(Parsing, EndsTheSameHoweverTheBytesAreCut) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{100'000}})
    EXPECT_EQ(status_of(GetParam().bytes, step, {}), GetParam().status) << "in pieces of " << step;
}

INSTANTIATE_TEST_SUITE_P(
    Requests, Parsing,
    testing::Values(
        ParseCase{"Get", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0}, ParseCase{"Http10", "GET / HTTP/1.0\r\n\r\n", 0},
        ParseCase{"NoHost", "GET / HTTP/1.1\r\n\r\n", 400}, ParseCase{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        ParseCase{"Version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505}, ParseCase{"Garbage", "\x16\x03\x01\x02\r\n\r\n", 400},
        ParseCase{"Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 0},
        ParseCase{"HalfABody", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab", -1},
        ParseCase{"BadLength", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nab", 400},
        ParseCase{"HugeLength", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
        ParseCase{"TwoLengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
        ParseCase{"Smuggled", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        ParseCase{"SmuggledOtherWay", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
                  400},
        ParseCase{"OddEncoding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
        ParseCase{"Chunks", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n", 0},
        ParseCase{"BadChunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n", 400},
        ParseCase{"LongChunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\nab", 413},
        ParseCase{"Expectation", "POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 1\r\n\r\na", 417},
        ParseCase{"Brotli", "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\na", 415},
        ParseCase{"Up", "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        ParseCase{"UpEncoded", "GET /a/%2e%2E/b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        ParseCase{"BadPercent", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        ParseCase{"Zero", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        ParseCase{"ManyFields",
                  "GET / HTTP/1.1\r\nHost: a\r\n" +
                      [] {
                        std::string s;
                        for (int i = 0; i < 128; ++i) s += "A: b\r\n";
                        return s;
                      }() +
                      "\r\n",
                  431},
        ParseCase{"LongField", "GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(40'000, 'b') + "\r\n\r\n", 431}),
    [](const auto& test) { return test.param.name; });

TEST(RequestParser, TakesBodiesAndChunksUpToTheLimitAndNotOneMore) {
  const Limits limits{.body_bytes = 100, .chunks = 10};
  const auto with_length = [](int n) {
    return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(n) + "\r\n\r\n" +
           std::string(static_cast<std::size_t>(n), 'x');
  };
  const auto in_chunks = [](int n) {
    std::string text = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < n; ++i) text += "1\r\nx\r\n";
    return text + "0\r\n\r\n";
  };
  EXPECT_EQ(status_of(with_length(100), 1000, limits), 0);
  EXPECT_EQ(status_of(with_length(101), 1000, limits), 413);
  EXPECT_EQ(status_of(in_chunks(10), 1000, limits), 0);
  EXPECT_EQ(status_of(in_chunks(11), 1000, limits), 400);
}

TEST(RequestParser, InflatesAndCountsWhatComesOut) {
  const std::string text(50, 'x');
  for (const auto& [name, window] : {std::pair{"gzip", 31}, {"deflate", 15}, {"deflate", -15}}) {
    const auto request_of = [&](const std::string& body) {
      return "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: " + std::string(name) + "\r\nContent-Length: " + std::to_string(body.size()) +
             "\r\n\r\n" + body;
    };
    const Limits limits{.body_bytes = 1000};
    Request request;
    EXPECT_EQ(status_of(request_of(compressed(text, window)), 3, limits, &request), 0) << name << window;
    EXPECT_EQ(request.body, text);
    EXPECT_EQ(status_of(request_of(compressed(std::string(1000, 'x'), window)), 64, limits), 0) << name << window;
    EXPECT_EQ(status_of(request_of(compressed(std::string(1001, 'x'), window)), 64, limits), 413) << name << window;
    EXPECT_EQ(status_of(request_of(compressed(std::string(10'000'000, 'x'), window).substr(0, 900)), 64, limits), 413) << "a bomb";
    EXPECT_EQ(status_of(request_of(compressed(text, window) + "y"), 1000, limits), 400) << name << window;
    const std::string whole = compressed(text, window);
    EXPECT_EQ(status_of(request_of(whole.substr(0, whole.size() - 3)), 1000, limits), 400) << name << window;
  }
}

TEST(Target, DecodesEachSegmentByItself) {
  const Target target = parse_target("/v1/models/org%2Fm?a=1&b=x+y%21&c");
  EXPECT_EQ(target.segments, (std::vector<std::string>{"v1", "models", "org/m"}));
  EXPECT_EQ(*target.parameter("b"), "x y!");
  EXPECT_EQ(*target.parameter("c"), "");
  EXPECT_EQ(target.parameter("d"), nullptr);
  EXPECT_EQ(parse_target("http://host:1/x").segments, std::vector<std::string>{"x"});
}

TEST(Router, PrefersWhatSaysMore) {
  const Router router({{.method = "GET", .pattern = "/m/{id...}"},
                       {.method = "GET", .pattern = "/m/list"},
                       {.method = "POST", .pattern = "/e/{id}:drain"},
                       {.method = "POST", .pattern = "/e/{id}"}});
  const auto pattern_of = [&](std::string_view method, std::string_view target) {
    const Match match = router.match(method, parse_target(target));
    return match.route == nullptr ? "not: " + match.allowed : std::string(match.route->pattern);
  };
  EXPECT_EQ(pattern_of("GET", "/m/list"), "/m/list");
  EXPECT_EQ(pattern_of("GET", "/m/a/b"), "/m/{id...}");
  EXPECT_EQ(router.match("GET", parse_target("/m/a/b")).parameters.front().second, "a/b");
  EXPECT_EQ(router.match("GET", parse_target("/m/a%2Fb")).parameters.front().second, "a/b");
  EXPECT_EQ(pattern_of("POST", "/e/x:drain"), "/e/{id}:drain");
  EXPECT_EQ(router.match("POST", parse_target("/e/x:drain")).parameters.front().second, "x");
  EXPECT_EQ(pattern_of("POST", "/e/x"), "/e/{id}");
  EXPECT_EQ(pattern_of("DELETE", "/e/x"), "not: POST");
  EXPECT_EQ(pattern_of("GET", "/x"), "not: ");
  EXPECT_EQ(pattern_of("HEAD", "/m/list"), "/m/list");
}

/// The status that the rules give a request; 0: it may pass.
int verdict(const std::function<void()>& check) {
  try {
    check();
    return 0;
  } catch (const HttpError& error) {
    return error.status();
  }
}

TEST(Access, AsksForTheKeyThatTheRouteNeeds) {
  const AccessRules both{.keys = KeyRing({"user-key", "other-key"}), .admin_keys = KeyRing({"admin-key"})};
  const AccessRules users{.keys = KeyRing({"user-key"})};
  const AccessRules admins{.admin_keys = KeyRing({"admin-key"})};
  struct Case {
    const AccessRules& rules;
    const char* key;
    int open, key_route, admin_route;
  };
  const AccessRules none;
  for (const Case& each :
       {Case{none, "", 0, 0, 0}, Case{both, "", 0, 401, 401}, Case{both, "wrong", 0, 401, 401}, Case{both, "user-key", 0, 0, 403},
        Case{both, "other-key", 0, 0, 403}, Case{both, "admin-key", 0, 0, 0}, Case{users, "user-key", 0, 0, 403},
        Case{users, "", 0, 401, 401}, Case{admins, "", 0, 0, 401}, Case{admins, "admin-key", 0, 0, 0}}) {
    Request request;
    if (*each.key != '\0') request.fields.add("Authorization", std::string("bearer  ") + each.key);
    const auto of = [&](Access access) {
      return verdict([&] { check_key(each.rules, request, {.method = "GET", .pattern = "/x", .access = access}); });
    };
    EXPECT_EQ(of(Access::open), each.open) << each.key;
    EXPECT_EQ(of(Access::key), each.key_route) << each.key;
    EXPECT_EQ(of(Access::admin), each.admin_route) << each.key;
  }
}

TEST(Access, RefusesForeignHostsAndOrigins) {
  const AccessRules rules{.hosts = {"localhost", "127.0.0.1", "::1"}, .origins = {"https://page.example"}};
  struct Case {
    const char* host;
    const char* origin;
    const char* type;
    int status;
  };
  for (const Case& each :
       {Case{"localhost:8000", "", "", 0}, Case{"LOCALHOST", "", "", 0}, Case{"[::1]:80", "", "", 0}, Case{"evil.example", "", "", 421},
        Case{"localhost.evil.example", "", "", 421}, Case{"localhost:80", "https://page.example", "application/json", 0},
        Case{"localhost:80", "https://page.example", "application/json; charset=utf-8", 0},
        Case{"localhost:80", "https://page.example", "text/plain", 415},
        Case{"localhost:80", "https://evil.example", "application/json", 403}, Case{"localhost:80", "null", "application/json", 403},
        Case{"localhost:80", "http://localhost:80", "application/json", 0},
        Case{"localhost:80", "http://localhost:81", "application/json", 403}}) {
    Request request{.method = "POST", .target = {}, .fields = {}, .body = {}, .id = {}, .peer = {}, .received = {}};
    request.fields.add("Host", each.host);
    if (*each.origin != '\0') request.fields.add("Origin", each.origin);
    request.fields.add("Content-Type", each.type);
    EXPECT_EQ(verdict([&] { check_origin(rules, request); }), each.status) << each.host << ' ' << each.origin << ' ' << each.type;
  }
}

TEST(Base64, GoesThereAndBack) {
  for (const std::string text : {"", "a", "ab", "abc", "\xff\xfe\x00x"}) {
    const std::string coded = base64(std::as_bytes(std::span(text)));
    EXPECT_EQ(base64_decoded(coded), text) << coded;
  }
  EXPECT_EQ(base64(std::as_bytes(std::span(std::string_view("ab")))), "YWI=");
  EXPECT_EQ(base64_decoded("YWI"), "ab");
  for (const char* bad : {"YWI*", "Y", "YW I"}) EXPECT_EQ(base64_decoded(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace accelerate::http
