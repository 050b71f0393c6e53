#include "backends/cpu/memory.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <utility>

#include "base/arithmetic.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cpu {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t huge_page = std::size_t{2} << 20;

}  // namespace

Buffer::Buffer(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  // Huge pages begin at their own multiples: map more than is needed, and give back both ends.
  const std::size_t slack = bytes >= huge_page ? huge_page : 0;
  void* memory = mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw Error(ErrorKind::out_of_memory, fmt::format("no memory for a buffer of {} bytes", bytes));
  data_ = static_cast<std::byte*>(memory);
  if (slack == 0) return;
  const std::size_t before = (huge_page - reinterpret_cast<std::uintptr_t>(memory) % huge_page) % huge_page;
  if (before > 0) munmap(data_, before);
  data_ += before;
  const std::size_t end = (bytes + page - 1) / page * page;
  if (slack > before) munmap(data_ + end, slack - before);
  madvise(data_, bytes, MADV_HUGEPAGE);  // a hint: refusal changes nothing but speed
}

Buffer::Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Buffer::~Buffer() {
  if (data_ != nullptr) munmap(data_, size_);
}

}  // namespace accelerate::cpu
