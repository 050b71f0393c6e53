#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/error.h"
#include "server/http/message.h"

namespace accelerate::http {

/// The kind of a streamed answer, which says what may be sent into a silence.
enum class StreamKind : unsigned char {
  events,  ///< server-sent events: a comment shows that the stream lives
  lines,   ///< JSON, an object a line
};

/// A request and the way to answer it: with answer(), or with begin(), any number of write(), and end() or abort(). Any thread may
/// do so, one at a time.
class Exchange {
 public:
  /// What an exchange needs of its server, from any thread.
  struct Hooks {
    std::function<void()> wake;                                 ///< there is something to send
    std::function<void(std::function<void()> work)> on_worker;  ///< runs work on one of the workers
  };

  Exchange(Request request, std::size_t most_unsent, Hooks hooks);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  const Request& request() const { return request_; }

  /// The body, whose owner is then the caller.
  std::string take_body() { return std::move(request_.body); }

  /// Answers. Later answers are ignored: a deadline may have come first.
  void answer(Response response);

  /// Begins an answer that comes in pieces; whether somebody still waits for it.
  bool begin(Response head, StreamKind kind);

  /// Sends a piece of it; whether more is wanted: not once the client is gone, or reads nothing and too much is unsent.
  bool write(std::string piece);

  /// The stream is whole.
  void end();

  /// The stream is not whole and the client must see that: the connection breaks.
  void abort();

  bool has_begun() const;

  /// The endpoint that answers, for logs and metrics: only names that endpoints have.
  void note_endpoint(const std::string& name);
  std::string endpoint() const;

  /// Runs `work` on one of the server's workers: for what is too much for the thread that gave a result.
  void on_worker(std::function<void()> work) const { hooks_.on_worker(std::move(work)); }

  /// Calls `stop` once, when the client leaves or its time is over; at once where that has happened.
  void on_cancel(std::function<void()> stop);
  bool is_cancelled() const;

  // What follows is for the connection.

  struct Output {
    std::optional<Response> whole = {};                        ///< an answer that is complete
    std::optional<std::pair<Response, StreamKind>> head = {};  ///< the head of one that comes in pieces
    std::vector<std::string> pieces = {};
    bool ended = false;
    bool aborted = false;

    bool empty() const { return !whole && !head && pieces.empty() && !ended && !aborted; }
  };

  /// What is to be sent and was not yet taken.
  Output take();

  /// Nobody waits for the answer any more.
  void cancel();

 private:
  Request request_;
  const std::size_t most_unsent_;
  const Hooks hooks_;

  mutable std::mutex mutex_;  ///< of what follows
  Output output_;
  std::string endpoint_;
  std::size_t unsent_ = 0;
  bool answered_ = false;  ///< or begun
  bool finished_ = false;
  bool cancelled_ = false;
  std::vector<std::function<void()>> stops_;
};

using Handler = std::function<void(const std::shared_ptr<Exchange>& exchange)>;

}  // namespace accelerate::http
