#include "graph/weights.h"

#include <fmt/format.h>

#include <algorithm>

#include "ipfs_accelerate/error.h"

namespace accelerate {

std::string Weights::full_name(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

Weights Weights::operator/(std::string_view name) const {
  Weights below = *this;
  below.path_ = full_name(name);
  return below;
}

Weights Weights::operator/(std::int64_t index) const { return *this / std::string_view(std::to_string(index)); }

bool Weights::contains(std::string_view name) const { return source_->contains(full_name(name)); }

Value Weights::get(std::string_view name, std::span<const std::int64_t> shape) const {
  const std::string full = full_name(name);
  const Tensor* tensor = source_->find(full, shape);
  if (tensor == nullptr)
    throw Error(ErrorKind::invalid_file, fmt::format("weight '{}' {} is not in the checkpoint", full, shape_text(shape)));
  if (!std::ranges::equal(tensor->shape(), shape))
    throw Error(ErrorKind::invalid_file,
                fmt::format("weight '{}' is {}, expected {}", full, shape_text(tensor->shape()), shape_text(shape)));
  return graph_->constant(*tensor, full);
}

}  // namespace accelerate
