#include "formats/tensor_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/json.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

/// Copies the elements of `axis` and those after it, of which the first is at `from`, in row-major order; returns the end.
std::byte* copy_strided(const TensorEntry& entry, std::size_t axis, const std::byte* from, std::byte* to) {
  const std::size_t size = size_of(*entry.dtype);
  if (axis == entry.shape.size()) {
    std::memcpy(to, from, size);
    return to + size;
  }
  for (std::int64_t i = 0; i < entry.shape[axis]; ++i) {
    to = copy_strided(entry, axis + 1, from, to);
    from += entry.strides[axis] * static_cast<std::int64_t>(size);
  }
  return to;
}

}  // namespace

const TensorEntry& TensorFile::entry(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw Error(ErrorKind::not_found, fmt::format("{}: has no tensor {}", source_, in_quotes(name)));
  return found->second;
}

std::span<const std::byte> TensorFile::stored_bytes(std::string_view name) const {
  const TensorEntry& stored = entry(name);
  return file_->bytes().subspan(stored.offset, stored.byte_size);
}

Tensor TensorFile::tensor(std::string_view name) const {
  const TensorEntry& entry = this->entry(name);
  if (entry.decode) return entry.decode(entry.shape, stored_bytes(name));
  if (!entry.dtype)
    throw Error(ErrorKind::unsupported, fmt::format("{}: tensor {}: dtype {} cannot be read", source_, in_quotes(name), entry.type));

  const std::byte* first = file_->bytes().data() + entry.offset;
  const bool is_dense = entry.strides.empty();
  const bool is_aligned = reinterpret_cast<std::uintptr_t>(first) % size_of(*entry.dtype) == 0;
  Tensor tensor;
  if (is_dense && is_aligned) {
    tensor = Tensor::view(*entry.dtype, entry.shape, std::shared_ptr<const std::byte>(file_, first));
  } else {
    tensor = Tensor::zeros(*entry.dtype, entry.shape);
    if (entry.byte_size != 0 && is_dense) std::memcpy(tensor.mutable_bytes().data(), first, entry.byte_size);
    if (entry.byte_size != 0 && !is_dense) copy_strided(entry, 0, first, tensor.mutable_bytes().data());
  }
  // A bool that is neither 0 nor 1 would be undefined behaviour in whoever reads it.
  if (*entry.dtype == DType::boolean && std::ranges::any_of(tensor.bytes(), [](std::byte value) { return value > std::byte{1}; }))
    throw Error(ErrorKind::invalid_file, fmt::format("{}: tensor {}: a BOOL is neither 0 nor 1", source_, in_quotes(name)));
  return tensor;
}

TensorMap TensorFile::tensors() const {
  TensorMap result;
  for (const auto& [name, entry] : entries_) result.emplace_hint(result.end(), name, tensor(name));
  return result;
}

std::size_t TensorFile::byte_size() const {
  std::size_t total = 0;
  for (const auto& [name, entry] : entries_) total += entry.byte_size;
  return total;
}

}  // namespace accelerate
