#include "graph/weights.h"

#include <fmt/format.h>

#include <algorithm>

#include "graph/ops.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

[[noreturn]] void refuse_shape(std::string_view name, std::span<const std::int64_t> found, std::span<const std::int64_t> expected) {
  throw Error(ErrorKind::invalid_file, fmt::format("weight '{}' is {}, expected {}", name, shape_text(found), shape_text(expected)));
}

Value add_quantised(Graph& graph, const QuantisedWeight& weight, std::string_view name) {
  const auto constant = [&](const std::optional<Tensor>& tensor, std::string_view part) {
    return tensor ? graph.constant(*tensor, fmt::format("{}.{}", name, part)) : Value{};
  };
  const Value numbers = dequantize(constant(weight.codes, "codes"), constant(weight.scales, "scales"), constant(weight.offsets, "offsets"),
                                   weight.options, constant(weight.group_of, "group_of"));
  return weight.transposed ? transpose(numbers, {1, 0}) : numbers;
}

}  // namespace

const QuantisedWeight* WeightSource::find_quantised(std::string_view, std::span<const std::int64_t>) { return nullptr; }

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
  if (const QuantisedWeight* quantised = source_->find_quantised(full, shape)) {
    const Value weight = add_quantised(*graph_, *quantised, full);
    const std::vector<std::int64_t> found = evaluate(weight.shape(), {});
    if (!std::ranges::equal(found, shape)) refuse_shape(full, found, shape);
    return weight;
  }
  const Tensor* tensor = source_->find(full, shape);
  if (tensor == nullptr)
    throw Error(ErrorKind::invalid_file, fmt::format("weight '{}' {} is not in the checkpoint", full, shape_text(shape)));
  if (!std::ranges::equal(tensor->shape(), shape)) refuse_shape(full, tensor->shape(), shape);
  return graph_->constant(*tensor, full);
}

}  // namespace accelerate
