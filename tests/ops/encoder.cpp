#include "ops/encoder.h"

#include "ops/case_builder.h"

namespace accelerate {
namespace {

constexpr std::int64_t vocabulary = 50;

}  // namespace

Graph encoder() {
  constexpr std::int64_t hidden = encoder_hidden;
  CaseBuilder builder(1);
  Graph& graph = builder.graph();
  const Value ids = graph.input("ids", DType::int64, {Dim::named("tokens")});
  const Value sequences = graph.input("sequences", DType::int64, {Dim::named("sequences") + 1});
  const auto norm = [&](Value x, std::string_view scale, std::string_view bias) {
    return layer_norm(x, builder.weight(scale, {hidden}), builder.weight(bias, {hidden}), {.epsilon = 1e-12F});
  };
  const auto project = [&](Value x, const std::string& name, std::int64_t outputs) {
    const std::int64_t inputs = x.dim(-1).value();
    return linear(x, builder.weight(name, {outputs, inputs}, DType::float32, {.spread = 0.2}), builder.weight(name + "_bias", {outputs}));
  };
  const Value x = norm(gather(builder.weight("table", {vocabulary, hidden}), ids), "s0", "b0");
  const Value attended = attention(split_heads(project(x, "q", hidden), 3), split_heads(project(x, "k", hidden), 3),
                                   split_heads(project(x, "v", hidden), 3), sequences, sequences, {.scale = 0.25F});
  const Value middle = norm(project(merge_heads(attended), "o", hidden) + x, "s1", "b1");
  const Value wide = unary(UnaryFunction::gelu_erf, project(middle, "up", 4 * hidden));
  const Value last = norm(project(wide, "down", hidden) + middle, "s2", "b2");
  graph.output("hidden", last);
  graph.output("mean", sequence_pool(last, sequences, {Pooling::mean}));
  return std::move(graph);
}

TensorMap encoder_inputs(std::span<const std::int64_t> lengths, std::int64_t first_token) {
  std::vector<std::int64_t> bounds{0};
  for (std::int64_t length : lengths) bounds.push_back(bounds.back() + length);
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < bounds.back(); ++i) ids.push_back((first_token + i) * (first_token + i + 7) % vocabulary);
  return {{"ids", Tensor::from<std::int64_t>(ids, {bounds.back()})},
          {"sequences", Tensor::from<std::int64_t>(bounds, {static_cast<std::int64_t>(bounds.size())})}};
}

}  // namespace accelerate
