#pragma once

#include <memory>

#include "backends/cuda/backend.h"
#include "cuda/fake_device.h"
#include "ops/case_builder.h"
#include "ops/execution.h"

namespace accelerate::cuda {

/// A cuda backend on a fake device of its own, and what the test sees of that device.
struct FakeBackend {
  std::shared_ptr<FakeState> state = std::make_shared<FakeState>();
  std::shared_ptr<OpenDevices> devices = std::make_shared<OpenDevices>(make_fake_machine(state));
  std::unique_ptr<Backend> backend = make_cuda_backend(devices);

  std::unique_ptr<Executable> compile(const Graph& graph, Precision precision = Precision::fp32) const {
    return backend->compile(graph, options_for(precision));
  }
};

/// Layers of an encoder: embeddings, attention, activation, norms, and a pooled output; with inputs of three texts.
inline CaseBuilder encoder(std::int64_t length = 5, int layers = 2) {
  CaseBuilder b(7);
  const std::vector<std::int64_t> lengths{length, 1, 3};
  const std::int64_t hidden = 32;
  const Value sequences = b.sequences("sequences", lengths);
  const Dim tokens = b.size("tokens", length + 4);
  const Value ids = b.whole_numbers("input_ids", {tokens}, 0, 49);
  const auto normed = [&](std::string_view name, Value x) {
    return layer_norm(x, b.weight(std::string(name) + ".scale", {hidden}), b.weight(std::string(name) + ".bias", {hidden}),
                      {.epsilon = 1e-5F});
  };
  const auto dense = [&](std::string name, Value x, std::int64_t inputs, std::int64_t outputs) {
    return linear(x, b.weight(name + ".w", {outputs, inputs}, DType::float32, {.spread = 0.2}), b.weight(name + ".b", {outputs}));
  };
  Value x = normed("embedding", gather(b.weight("table", {50, hidden}), ids));
  for (int number = 0; number < layers; ++number) {
    const std::string layer = std::to_string(number);
    const auto heads = [&](const std::string& name) { return split_heads(dense(layer + name, x, hidden, hidden), 4); };
    const Value query = heads("q");
    const Value key = heads("k");
    const Value value = heads("v");
    const Value context = merge_heads(attention(query, key, value, sequences, sequences, {.scale = 0.35F}));
    const Value attended = normed(layer + "attention", dense(layer + "o", context, hidden, hidden) + x);
    const Value wide = unary(UnaryFunction::gelu_erf, dense(layer + "wide", attended, hidden, 4 * hidden));
    x = normed(layer + "output", dense(layer + "narrow", wide, 4 * hidden, hidden) + attended);
  }
  b.graph().output("hidden", x);
  b.graph().output("pooled", sequence_pool(x, sequences, {.function = Pooling::mean}));
  return b;
}

}  // namespace accelerate::cuda
