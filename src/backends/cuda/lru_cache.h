#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <utility>

namespace accelerate::cuda {

/// The most recently used values by key, at most `capacity` of them.
template <typename Key, typename Value>
class LruCache {
 public:
  explicit LruCache(std::size_t capacity) : capacity_(capacity) {}

  /// The key's value, or nullptr when it is not here; it is then the most recently used one.
  Value* find(const Key& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }

  /// Puts a value for a key that is not here; the least recently used one goes when there is no room.
  Value& insert(const Key& key, Value value) {
    if (entries_.size() == capacity_) {
      places_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, std::move(value));
    places_[key] = entries_.begin();
    return entries_.front().second;
  }

  void clear() {
    places_.clear();
    entries_.clear();
  }

  std::size_t size() const { return entries_.size(); }

 private:
  using Entries = std::list<std::pair<Key, Value>>;

  std::size_t capacity_;
  Entries entries_;  ///< the most recently used first
  std::map<Key, typename Entries::iterator> places_;
};

}  // namespace accelerate::cuda
