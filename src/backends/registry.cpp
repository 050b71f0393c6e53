// Which backends this build has, and how the inputs of a call set a graph's named sizes.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "backends/backend.h"
#include "backends/cpu/backend.h"
#include "backends/module/module.h"
#include "backends/reference/backend.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorKind::invalid_argument, message); }

/// The name of a size and the input that set it.
using SizeOrigins = std::map<std::string, std::string, std::less<>>;

/// Adds what one input says about named sizes; an input sets those that none before it did.
void solve_sizes(const NamedValue& input, const ValueType& type, const Tensor& tensor, SizeMap& sizes, SizeOrigins& origins) {
  if (tensor.dtype() != type.dtype)
    refuse(fmt::format("input '{}' is {}, expected {}", input.name, name_of(tensor.dtype()), text_of(type)));
  const auto given = tensor.shape();
  if (given.size() != type.shape.size())
    refuse(fmt::format("input '{}' has shape {}, expected {}", input.name, shape_text(given), text_of(type.shape)));
  for (std::size_t axis = 0; axis < given.size(); ++axis) {
    const std::optional<NamedSize> named = type.shape[axis].as_named();
    if (!named) continue;
    const std::int64_t size = given[axis] - named->offset;
    if (size < 0) refuse(fmt::format("input '{}' has shape {}, expected {}", input.name, shape_text(given), text_of(type.shape)));
    if (sizes.emplace(named->name, size).second) origins.emplace(named->name, input.name);
  }
}

/// Throws unless the tensor's shape is the declared one with those sizes.
void check_shape(const NamedValue& input, const Shape& declared, const Tensor& tensor, const SizeMap& sizes, const SizeOrigins& origins) {
  if (std::ranges::equal(evaluate(declared, sizes), tensor.shape())) return;
  std::string reasons;
  for (const Dim& dim : declared)
    if (const auto named = dim.as_named())
      reasons += fmt::format("{} {} is {} by input '{}'", reasons.empty() ? ", where" : " and", named->name,
                             sizes.find(named->name)->second, origins.find(named->name)->second);
  refuse(fmt::format("input '{}' has shape {}, expected {}{}", input.name, shape_text(tensor.shape()), text_of(declared), reasons));
}

}  // namespace

std::unique_ptr<State> Executable::make_state(const StateOptions&) const {
  throw Error(ErrorKind::unsupported, fmt::format("{} keeps nothing between calls", report().implementation));
}

TensorMap Executable::run(const TensorMap&, const StateCall&) const {
  throw Error(ErrorKind::unsupported, fmt::format("{} keeps nothing between calls", report().implementation));
}

std::vector<std::unique_ptr<Backend>> all_backends() {
  std::vector<std::unique_ptr<Backend>> backends;
  backends.push_back(make_cpu_backend());
  backends.push_back(make_module_backend("openvino"));
  backends.push_back(make_module_backend("cuda"));
  backends.push_back(make_reference_backend());
  return backends;
}

std::unique_ptr<Backend> backend_named(std::string_view name) {
  std::string names;
  for (std::unique_ptr<Backend>& backend : all_backends()) {
    if (backend->name() == name) return std::move(backend);
    names += fmt::format("{}{}", names.empty() ? "" : ", ", backend->name());
  }
  refuse(fmt::format("backend '{}' is not one of {}", name, names));
}

void check_precision(const Backend& backend, Precision precision) {
  const std::span<const Precision> computed = backend.precisions();
  if (std::ranges::find(computed, precision) != computed.end()) return;
  std::string names;
  for (Precision known : computed) names += fmt::format("{}{}", names.empty() ? "" : ", ", name_of(known));
  throw Error(ErrorKind::unsupported, fmt::format("precision '{}': backend {} computes in {}", name_of(precision), backend.name(), names));
}

SizeMap bind_inputs(const Graph& graph, const TensorMap& inputs) {
  SizeMap sizes;
  SizeOrigins origins;
  for (const NamedValue& input : graph.inputs()) {
    const auto given = inputs.find(input.name);
    if (given == inputs.end()) refuse(fmt::format("input '{}', {}, is missing", input.name, text_of(graph.type(input.value))));
    solve_sizes(input, graph.type(input.value), given->second, sizes, origins);
  }
  for (const NamedValue& input : graph.inputs())
    check_shape(input, graph.type(input.value).shape, inputs.find(input.name)->second, sizes, origins);
  for (const auto& [name, tensor] : inputs)
    if (std::ranges::find(graph.inputs(), name, &NamedValue::name) == graph.inputs().end())
      refuse(fmt::format("input '{}' is not one of this graph's", name));
  return sizes;
}

}  // namespace accelerate
