#pragma once

#include <cstddef>

namespace accelerate::cpu {

/// Page-aligned memory straight from the system, not touched before its first use; large ones ask for huge pages.
class Buffer {
 public:
  Buffer() = default;
  /// Throws out_of_memory.
  explicit Buffer(std::size_t bytes);
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace accelerate::cpu
