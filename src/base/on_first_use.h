#pragma once

#include <memory>
#include <mutex>

namespace accelerate {

/// Made when it is first asked for, by whichever thread that is; made again by the next where that threw.
template <typename T>
class OnFirstUse {
 public:
  template <typename Make>
  T& get(const Make& make) {
    std::call_once(once_, [&] { value_ = std::make_unique<T>(make()); });
    return *value_;
  }

 private:
  std::once_flag once_;
  std::unique_ptr<T> value_;
};

}  // namespace accelerate
