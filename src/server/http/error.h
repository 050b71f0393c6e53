#pragma once

#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace accelerate::http {

/// Why a request is not answered as it wishes: an HTTP status and a sentence that names the field, its value and what was expected.
/// Each dialect has its own body for it.
class HttpError : public std::runtime_error {
 public:
  HttpError(int status, const std::string& message, std::string code = {}, std::string field = {})
      : std::runtime_error(message), status_(status), code_(std::move(code)), field_(std::move(field)) {}

  int status() const { return status_; }

  /// A stable word for programs, "model_not_found"; empty where the status says all.
  const std::string& code() const { return code_; }

  /// The field of the request that it is about; empty where it is none.
  const std::string& field() const { return field_; }

  /// When another try may be answered, in seconds.
  std::optional<double> retry_after_seconds = {};

 private:
  int status_;
  std::string code_;
  std::string field_;
};

/// What the error of the library, or of this server, is for a client. Faults of the server are told without their text.
HttpError http_error_of(const std::exception_ptr& error);

/// The text of any error, for the log.
std::string message_of(const std::exception_ptr& error);

}  // namespace accelerate::http
