#include "endpoints/fair_queue.h"

#include <algorithm>
#include <numeric>

namespace accelerate {

void FairQueue::push(std::shared_ptr<QueuedCall> call) {
  Turns& turns = levels_[call->priority];
  auto client = std::ranges::find(turns, call->client, &Client::name);
  if (client == turns.end()) client = turns.insert(turns.end(), Client{.name = call->client, .calls = {}});
  ++calls_;
  tokens_ += std::accumulate(call->lengths.begin() + static_cast<std::ptrdiff_t>(call->taken), call->lengths.end(), std::int64_t{0});
  client->calls.push_back(std::move(call));
}

/// A batch as it fills.
class FairQueue::Taking {
 public:
  Taking(FairQueue& queue, const Limits& limits) : queue_(queue), limits_(limits) {}

  /// Takes from one level in turns until the batch is full or nothing waits there; whether there is room left.
  bool take_from(Turns& turns) {
    while (!turns.empty()) {
      const auto client = turns.begin();
      if (!client->in_turn) {
        client->in_turn = true;
        client->credit += turn_tokens;
      }
      if (!take_turn(turns, client)) return false;
    }
    return true;
  }

  std::vector<QueuedPart> parts() { return std::move(parts_); }

 private:
  /// Takes what the client's credit pays for, and ends its turn; false: the batch is full, and the turn goes on with the next.
  bool take_turn(Turns& turns, Turns::iterator client) {
    while (!client->calls.empty()) {
      QueuedCall& call = *client->calls.front();
      const std::int64_t length = call.lengths[call.taken];
      if (sequences_ >= limits_.sequences || tokens_ >= limits_.tokens) return false;
      if (length > client->credit) {
        client->in_turn = false;
        turns.splice(turns.end(), turns, client);
        return true;
      }
      if (sequences_ > 0 && tokens_ + length > limits_.tokens) return false;
      client->credit -= length;
      take_one(client->calls.front(), length);
      if (call.taken == call.lengths.size()) {
        client->calls.pop_front();
        --queue_.calls_;
      }
    }
    turns.erase(client);
    return true;
  }

  void take_one(const std::shared_ptr<QueuedCall>& call, std::int64_t length) {
    const auto own = call->taken == 0
                         ? parts_.rend()
                         : std::find_if(parts_.rbegin(), parts_.rend(), [&](const QueuedPart& part) { return part.call == call; });
    if (own != parts_.rend())
      ++own->end;
    else
      parts_.push_back({call, call->taken, call->taken + 1});
    ++call->taken;
    ++sequences_;
    tokens_ += length;
    queue_.tokens_ -= length;
  }

  FairQueue& queue_;
  const Limits& limits_;
  std::vector<QueuedPart> parts_;
  std::int64_t tokens_ = 0;
  std::size_t sequences_ = 0;
};

std::vector<QueuedPart> FairQueue::take(const Limits& limits) {
  Taking taking(*this, limits);
  for (auto& [priority, turns] : levels_)
    if (!taking.take_from(turns)) break;
  return taking.parts();
}

std::vector<std::shared_ptr<QueuedCall>> FairQueue::drop(const std::function<bool(const QueuedCall& call)>& is_over) {
  std::vector<std::shared_ptr<QueuedCall>> dropped;
  for (auto& [priority, turns] : levels_) {
    for (Client& client : turns)
      std::erase_if(client.calls, [&](const std::shared_ptr<QueuedCall>& call) {
        if (!is_over(*call)) return false;
        dropped.push_back(call);
        return true;
      });
    std::erase_if(turns, [](const Client& client) { return client.calls.empty(); });
  }
  calls_ -= dropped.size();
  for (const auto& call : dropped)
    tokens_ -= std::accumulate(call->lengths.begin() + static_cast<std::ptrdiff_t>(call->taken), call->lengths.end(), std::int64_t{0});
  return dropped;
}

}  // namespace accelerate
