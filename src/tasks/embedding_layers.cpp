#include "tasks/embedding_layers.h"

#include <fmt/format.h>

#include "formats/checkpoint.h"
#include "graph/ops.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

/// The weights of a module's own checkpoint below the name of its folder, so that those of two modules have different names
/// in one graph, and messages tell them apart.
class ModuleWeights final : public WeightSource {
 public:
  ModuleWeights(const std::filesystem::path& folder, const std::string& name)
      : checkpoint_(folder / name), prefix_(name.empty() ? name : name + ".") {}

  const Tensor* find(std::string_view name, std::span<const std::int64_t> expected) override {
    return name.starts_with(prefix_) ? checkpoint_.find(name.substr(prefix_.size()), expected) : nullptr;
  }
  bool contains(std::string_view name) const override {
    return name.starts_with(prefix_) && checkpoint_.contains(name.substr(prefix_.size()));
  }

 private:
  Checkpoint checkpoint_;
  std::string prefix_;
};

void expect_inputs(Value x, std::int64_t inputs, const EmbeddingLayer& layer) {
  if (x.dim(-1) == Dim(inputs)) return;
  throw Error(ErrorKind::invalid_file,
              fmt::format("{}/config.json: takes {} features, and the embedding has {}", layer.path, inputs, x.dim(-1).value()));
}

Value dense_layer(Value x, const DenseSettings& dense, const Weights& weights) {
  const Weights own = weights / "linear";
  const Value bias = dense.bias ? own.get("bias", {dense.outputs}) : Value();
  Value result = linear(x, own.get("weight", {dense.outputs, dense.inputs}), bias);
  if (dense.activation) result = unary(*dense.activation, result);
  if (!dense.residual) return result;
  if (dense.inputs == dense.outputs) return result + x;
  return result + linear(x, (weights / "residual").get("weight", {dense.outputs, dense.inputs}));
}

/// x / max(‖x‖, 1e-12) along the last axis (torch.nn.functional.normalize).
Value scaled_to_one(Value x) {
  const Value squares = reduce(x * x, {.function = Reduction::sum, .axis = -1});
  const Value length = unary(UnaryFunction::square_root, squares);
  return x / binary(BinaryFunction::maximum, length, x.graph().number(1e-12F));
}

}  // namespace

Value embedding_layer(Value x, const EmbeddingLayer& layer, const std::filesystem::path& folder) {
  if (layer.kind == SentenceModule::Kind::normalize) return scaled_to_one(x);

  ModuleWeights source(folder, layer.path);
  const Weights all(x.graph(), source);
  const Weights weights = layer.path.empty() ? all : all / layer.path;
  if (layer.kind == SentenceModule::Kind::dense) {
    expect_inputs(x, layer.dense.inputs, layer);
    return dense_layer(x, layer.dense, weights);
  }
  if (layer.kind != SentenceModule::Kind::layer_norm)
    throw Error(ErrorKind::internal, fmt::format("module {} is no layer on embeddings", static_cast<int>(layer.kind)));
  expect_inputs(x, layer.norm_dimension, layer);
  constexpr float torch_epsilon = 1e-5F;  // of torch.nn.LayerNorm, which the module does not change
  return layer_norm(x, weights / "norm", {.epsilon = torch_epsilon});
}

}  // namespace accelerate
