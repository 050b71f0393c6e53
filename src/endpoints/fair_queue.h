// What waits to be computed, and in which order it is: priorities first, then clients in turns of equally many tokens
// (deficit round robin, Shreedhar and Varghese, 1996).
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ipfs_accelerate/endpoint_requests.h"

namespace accelerate {

/// A call that waits: some sequences, each with its length in tokens, which are computed in this order.
struct QueuedCall {
  QueuedCall() = default;
  QueuedCall(const QueuedCall&) = delete;
  QueuedCall& operator=(const QueuedCall&) = delete;
  virtual ~QueuedCall() = default;

  std::string client = {};
  Priority priority = Priority::normal;
  std::vector<std::int64_t> lengths = {};
  std::size_t taken = 0;  ///< sequences, from the first, that wait no more
};

/// Sequences [begin, end) of a call.
struct QueuedPart {
  std::shared_ptr<QueuedCall> call;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Calls that wait. Not safe for several threads at once.
class FairQueue {
 public:
  /// Tokens that a client's turn has.
  static constexpr std::int64_t turn_tokens = 512;

  struct Limits {
    std::int64_t tokens = 4096;
    std::size_t sequences = 4096;
  };

  /// Queues a call of at least one sequence behind those of its client.
  void push(std::shared_ptr<QueuedCall> call);

  /// The next sequences within the limits, at least one where any waits: one that is longer than the limit comes alone. A call
  /// is in at most one part, and waits no more once all its sequences are taken.
  std::vector<QueuedPart> take(const Limits& limits);

  /// Takes the calls out for which `is_over` is true, wherever they stand.
  std::vector<std::shared_ptr<QueuedCall>> drop(const std::function<bool(const QueuedCall& call)>& is_over);

  bool empty() const { return calls_ == 0; }
  std::size_t calls() const { return calls_; }

  /// Of the sequences that wait.
  std::int64_t tokens() const { return tokens_; }

 private:
  struct Client {
    std::string name;
    std::list<std::shared_ptr<QueuedCall>> calls;
    std::int64_t credit = 0;  ///< tokens that it may still take in this turn
    bool in_turn = false;     ///< its turn has begun, and the credit was given
  };
  using Turns = std::list<Client>;  ///< the one whose turn it is stands first

  class Taking;

  std::map<Priority, Turns> levels_;
  std::size_t calls_ = 0;
  std::int64_t tokens_ = 0;
};

}  // namespace accelerate
