#include "server/http/error.h"

#include <new>

#include "ipfs_accelerate/endpoints.h"

namespace accelerate::http {
namespace {

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_argument:
    case ErrorKind::unsupported:
      return 400;
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::unavailable:
    case ErrorKind::out_of_memory:
    case ErrorKind::device_lost:
    case ErrorKind::overloaded:
    case ErrorKind::cancelled:
      return 503;
    case ErrorKind::timed_out:
      return 504;
    case ErrorKind::internal:
    case ErrorKind::invalid_file:
    case ErrorKind::io:
      return 500;
  }
  return 500;
}

}  // namespace

HttpError http_error_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const HttpError& known) {
    return known;
  } catch (const OverloadedError& known) {
    HttpError result(503, known.what(), "overloaded");
    result.retry_after_seconds = known.retry_after_seconds();
    return result;
  } catch (const Error& known) {
    const int status = status_of(known.kind());
    // What names files of this machine is for its log.
    const bool is_private = status == 500;
    return {status, is_private ? "a fault in the server, which its log tells by the request's id" : known.what(),
            std::string(name_of(known.kind()))};
  } catch (const std::bad_alloc&) {
    return {503, "out of memory", "out_of_memory"};
  } catch (...) {
    return {500, "a fault in the server, which its log tells by the request's id", "internal"};
  }
}

std::string message_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

}  // namespace accelerate::http
