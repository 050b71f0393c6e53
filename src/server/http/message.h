// Requests and responses as values, with no connection in sight.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http/target.h"

namespace accelerate::http {

/// Whether two names of fields are one: letters' case does not count.
bool same_name(std::string_view a, std::string_view b);

/// The fields of a message in their order.
class Fields {
 public:
  struct Field {
    std::string name;
    std::string value;
  };

  void add(std::string name, std::string value) { fields_.push_back({std::move(name), std::move(value)}); }

  /// The value of the first field of that name.
  const std::string* find(std::string_view name) const;

  /// The same as a text, empty where there is none.
  std::string_view value(std::string_view name) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<Field> fields_;
};

struct Request {
  std::string method;
  Target target;
  Fields fields;
  std::string body;  ///< whole, and inflated
  bool is_http_1_0 = false;
  bool keep_alive = true;                                            ///< whether the client wants the connection to stay
  std::string id;                                                    ///< X-Request-Id of the client, or one made here
  std::string peer;                                                  ///< "127.0.0.1" or "unix"
  bool is_admin = false;                                             ///< whether it may do what takes the admin key
  std::chrono::steady_clock::time_point received;                    ///< when its fields were whole
  std::vector<std::pair<std::string, std::string>> parameters = {};  ///< of its route's pattern, decoded

  /// The part of the path that stands for {name} in the pattern. Throws std::logic_error for a name that is not in it.
  const std::string& parameter(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  Fields fields = {};
};

/// "Not Found" for 404.
std::string_view reason_phrase(int status);

/// The head of a response, up to the empty line. `length`: of its body; none where it comes in chunks.
std::string head_of(const Response& response, std::optional<std::size_t> length, bool keep_alive);

}  // namespace accelerate::http
