#include "server/http/exchange.h"

#include <utility>

namespace accelerate::http {

Exchange::Exchange(Request request, std::size_t most_unsent, Hooks hooks)
    : request_(std::move(request)), most_unsent_(most_unsent), hooks_(std::move(hooks)) {}

Exchange::~Exchange() = default;

void Exchange::answer(Response response) {
  {
    const std::lock_guard lock(mutex_);
    if (answered_) return;
    answered_ = finished_ = true;
    output_.whole = std::move(response);
  }
  hooks_.wake();
}

bool Exchange::begin(Response head, StreamKind kind) {
  {
    const std::lock_guard lock(mutex_);
    if (answered_ || cancelled_) return false;
    answered_ = true;
    output_.head.emplace(std::move(head), kind);
  }
  hooks_.wake();
  return true;
}

bool Exchange::write(std::string piece) {
  bool too_much = false;
  {
    const std::lock_guard lock(mutex_);
    if (cancelled_ || finished_ || !answered_) return false;
    if (piece.empty()) return true;
    unsent_ += piece.size();
    output_.pieces.push_back(std::move(piece));
    too_much = unsent_ > most_unsent_;
  }
  if (too_much) {
    abort();
    cancel();
    return false;
  }
  hooks_.wake();
  return true;
}

void Exchange::end() {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = output_.ended = true;
  }
  hooks_.wake();
}

void Exchange::abort() {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = output_.aborted = true;
  }
  hooks_.wake();
}

bool Exchange::has_begun() const {
  const std::lock_guard lock(mutex_);
  return answered_;
}

void Exchange::note_endpoint(const std::string& name) {
  const std::lock_guard lock(mutex_);
  endpoint_ = name;
}

std::string Exchange::endpoint() const {
  const std::lock_guard lock(mutex_);
  return endpoint_;
}

void Exchange::on_cancel(std::function<void()> stop) {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    if (!cancelled_) {
      stops_.push_back(std::move(stop));
      return;
    }
  }
  stop();
}

bool Exchange::is_cancelled() const {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

Exchange::Output Exchange::take() {
  const std::lock_guard lock(mutex_);
  unsent_ = 0;
  return std::exchange(output_, {});
}

void Exchange::cancel() {
  std::vector<std::function<void()>> stops;
  {
    const std::lock_guard lock(mutex_);
    if (cancelled_) return;
    cancelled_ = true;
    stops = std::exchange(stops_, {});
  }
  for (const auto& stop : stops) stop();
}

}  // namespace accelerate::http
