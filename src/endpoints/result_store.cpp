#include "endpoints/result_store.h"

namespace accelerate {

void ResultStore::put(const std::string& name, std::string result, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (const auto found = places_.find(name); found != places_.end()) drop(found->second);
  if (name.size() + result.size() > options_.most_bytes) return;
  const Place place = kept_.insert(kept_.end(), {name, std::move(result), now});
  places_.emplace(name, place);
  bytes_ += place->bytes();
  drop_old(now);
}

std::optional<std::string> ResultStore::take(std::string_view name, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  drop_old(now);
  const auto found = places_.find(name);
  if (found == places_.end()) return std::nullopt;
  std::string result = std::move(found->second->result);
  found->second->result.clear();
  bytes_ -= result.size();
  drop(found->second);
  return result;
}

std::size_t ResultStore::size() const {
  const std::lock_guard lock(mutex_);
  return kept_.size();
}

std::size_t ResultStore::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void ResultStore::drop(Place place) {
  bytes_ -= place->bytes();
  places_.erase(place->name);
  kept_.erase(place);
}

void ResultStore::drop_old(Clock::time_point now) {
  while (!kept_.empty() && (bytes_ > options_.most_bytes || now - kept_.front().since > options_.keep)) drop(kept_.begin());
}

}  // namespace accelerate
