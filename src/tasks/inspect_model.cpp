#include "tasks/inspect_model.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/half.h"
#include "models/registry.h"
#include "runtime/positions.h"

namespace accelerate {
namespace {

template <typename T, typename ToFloat>
std::int64_t count_if_not_finite(std::span<const std::byte> bytes, ToFloat to_float) {
  const std::span<const T> values(reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T));
  return std::ranges::count_if(values, [&](T value) { return !std::isfinite(to_float(value)); });
}

}  // namespace

ModelSummary summarize(const ModelFolder& folder, const Checkpoint& checkpoint, const Graph& graph) {
  ModelSummary summary{.name = folder.name(),
                       .model_type = folder.config.model_type(),
                       .architecture = {},
                       .head = head_of(folder.config),
                       .hidden_size = hidden_size_of(folder.config),
                       .most_tokens = most_tokens(folder.config, graph),
                       .bytes = checkpoint.byte_size(),
                       .dtype_bytes = {},
                       .random_weights = folder.random_weights};
  if (const std::vector<std::string> classes = folder.config.architectures(); !classes.empty()) summary.architecture = classes.front();
  for (const std::string& name : checkpoint.names()) {
    const TensorEntry& entry = *checkpoint.entry(name);
    std::int64_t elements = 1;
    for (std::int64_t size : entry.shape) elements *= size;
    summary.parameters += elements;
    ++summary.tensors;
    summary.dtype_bytes[std::string(entry.type)] += entry.byte_size;
  }
  return summary;
}

std::vector<std::string> unused_weights(const Checkpoint& checkpoint, const Graph& graph) {
  std::set<std::string_view> used;
  for (const Node& node : graph.nodes())
    if (node.op == Op::constant) used.insert(node.as<ConstantOptions>().name);
  std::vector<std::string> unused = checkpoint.names();
  std::erase_if(unused, [&](const std::string& name) { return used.contains(name) || used.contains(name + ".codes"); });
  return unused;
}

std::int64_t count_not_finite(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::float32:
      return count_if_not_finite<float>(tensor.bytes(), [](float value) { return value; });
    case DType::float64:
      return count_if_not_finite<double>(tensor.bytes(), [](double value) { return value; });
    case DType::bfloat16:
      return count_if_not_finite<std::uint16_t>(tensor.bytes(), from_bfloat16);
    case DType::float16:
      return count_if_not_finite<std::uint16_t>(tensor.bytes(), from_float16);
    default:
      return 0;
  }
}

}  // namespace accelerate
