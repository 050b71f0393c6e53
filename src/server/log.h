#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "server/http/site.h"

namespace accelerate::server {

/// How lines of the log look.
enum class LogFormat : unsigned char { text, json };

/// Lines on standard error: one a request, and what happens beside.
class Log {
 public:
  Log(LogFormat format, bool requests) : format_(format), requests_(requests) {}

  /// What became of a request; its texts are not told, nor its query and key.
  void request(const http::Finished& finished);

  /// A fault of the server at a request.
  void fault(const http::Request& request, std::string_view message);

  /// Anything else: "level" is info, warning or error.
  void line(std::string_view level, std::string_view message);

 private:
  void write(std::string text);

  LogFormat format_;
  bool requests_;
  std::mutex mutex_;
};

}  // namespace accelerate::server
