#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

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

/// A block of memory that is needed from step `first` to step `last`, both included.
struct Lifetime {
  std::size_t bytes;
  std::int64_t first;
  std::int64_t last;
};

struct MemoryPlan {
  std::vector<std::size_t> offsets;  ///< one a lifetime, multiples of 64
  std::size_t bytes = 0;             ///< of the whole arena
};

/// Places blocks in one arena so that no two that live at the same time overlap, the largest first, each in the lowest
/// gap that holds it.
MemoryPlan plan_memory(std::span<const Lifetime> lifetimes);

}  // namespace accelerate::cpu
