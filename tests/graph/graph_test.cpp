// Building graphs, verifying and printing them.
#include "graph/graph.h"

#include <gtest/gtest.h>

#include <array>

#include "graph/ops.h"
#include "graph/print.h"
#include "graph/verify.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

const Dim tokens = Dim::named("tokens");

/// A linear with a named weight and a nameless bias, and its GELU.
Graph small_graph() {
  Graph graph;
  const Value x = graph.input("x", DType::float32, {tokens, 2});
  const Value weight = graph.constant(Tensor::zeros(DType::bfloat16, {3, 2}), "dense.weight");
  const Value bias = graph.constant(Tensor::zeros(DType::float32, {3}));
  graph.output("y", unary(UnaryFunction::gelu_erf, linear(x, weight, bias)));
  return graph;
}

TEST(Graph, DeclaresAnInputOnce) {
  Graph graph;
  const Value first = graph.input("ids", DType::int64, {tokens});
  EXPECT_EQ(graph.input("ids", DType::int64, {tokens}).id(), first.id());
  EXPECT_EQ(graph.inputs().size(), 1U);
  expect_error(ErrorKind::internal, "[input] 'ids' is int64 [tokens] and was declared again as float32 [tokens]",
               [&] { graph.input("ids", DType::float32, {tokens}); });
}

TEST(Graph, SharesConstantsOfOneName) {
  Graph graph;
  const Value table = graph.constant(Tensor::zeros(DType::float32, {2}), "table");
  EXPECT_EQ(graph.constant(Tensor::zeros(DType::float32, {2}), "table").id(), table.id());
  EXPECT_NE(graph.number(1).id(), graph.number(1).id());
  ASSERT_NE(graph.constant_of(table.id()), nullptr);
  EXPECT_EQ(graph.constant_of(table.id())->name, "table");
  EXPECT_EQ(graph.constant_of(no_value), nullptr);
  EXPECT_EQ(graph.constant_of(tanh(table).id()), nullptr);
}

TEST(Graph, CountsUses) {
  Graph graph;
  const Value x = graph.input("x", DType::float32, {tokens});
  const Value y = x + x;
  graph.output("y", y);
  graph.output("again", y);
  const std::vector<int> uses = graph.use_counts();
  EXPECT_EQ(uses[static_cast<std::size_t>(x.id())], 2);
  EXPECT_EQ(uses[static_cast<std::size_t>(y.id())], 2);
  EXPECT_EQ(graph.producer(y.id()).op, Op::binary);
}

TEST(Graph, RefusesAnAxisThatIsNotThere) {
  Graph graph;
  const Value x = graph.input("x", DType::float32, {tokens, 3});
  EXPECT_EQ(x.dim(-1), Dim(3));
  EXPECT_EQ(x.dim(0), tokens);
  for (int axis : {2, -3}) expect_error(ErrorKind::internal, "of a value of type float32 [tokens, 3]", [&] { x.dim(axis); });
}

TEST(Ops, TableIsWhole) {
  EXPECT_EQ(traits_of(Op::attention).name, "attention");
  EXPECT_EQ(traits_of(Op::add_norm).kind, OpKind::fused);
  EXPECT_EQ(traits_of(Op::add_norm).outputs, 2);
  for (const OpTraits& traits : all_ops()) {
    EXPECT_LE(traits.least_inputs, traits.most_inputs) << traits.name;
    EXPECT_FALSE(traits.summary.empty()) << traits.name;
  }
}

TEST(Verify, AcceptsWhatBuildersMake) { EXPECT_NO_THROW(verify(small_graph())); }

TEST(Verify, CatchesAnOutputThatNothingMakes) {
  Graph graph = small_graph();
  graph.output("stray", Value(graph, 99));
  expect_error(ErrorKind::internal, "output 'stray' is value 99, which no node makes", [&] { verify(graph); });
  Graph absent = small_graph();
  absent.output("absent", {});
  expect_error(ErrorKind::internal, "output 'absent' is value -1", [&] { verify(absent); });
}

TEST(Print, ShowsANodeALine) {
  EXPECT_EQ(to_text(small_graph()),
            "%0 = input() x : float32 [tokens, 2]\n"
            "%dense.weight = constant() dense.weight stored=bfloat16 : float32 [3, 2]\n"
            "%2 = constant() stored=float32 : float32 [3]\n"
            "%3 = linear(%0, %dense.weight, %2) : float32 [tokens, 3]\n"
            "%4 = unary(%3) gelu_erf : float32 [tokens, 3]\n"
            "output y = %4\n");
}

TEST(Print, ShowsAbsentInputsAndSeveralOutputs) {
  Graph graph;
  const Value x = graph.input("x", DType::float32, {2});
  const Value weight = graph.input("w", DType::float32, {2, 2});
  graph.add(Op::linear, {x.id(), weight.id(), no_value, x.id()},
            LinearOptions{.activation = UnaryFunction::relu, .precision = Precision::bf16});
  graph.add(Op::add_norm, {x.id(), x.id(), x.id(), x.id()}, NormOptions{.epsilon = 0.5F});
  const std::string text = to_text(graph);
  EXPECT_NE(text.find("%2 = linear(%0, %1, none, %0) activation=relu precision=bf16 : float32 [2]\n"), std::string::npos) << text;
  EXPECT_NE(text.find("%3, %4 = add_norm(%0, %0, %0, %0) epsilon=0.5 : float32 [2], float32 [2]\n"), std::string::npos) << text;
}

TEST(Print, DrawsNodesWithoutConstants) {
  EXPECT_EQ(to_graphviz(small_graph()),
            "digraph model {\n"
            "  node [shape=box, fontname=\"sans-serif\"];\n"
            "  n0 [label=\"input\\nx\\n[tokens, 2]\"];\n"
            "  n3 [label=\"linear\\n[tokens, 3]\"];\n"
            "  n0 -> n3;\n"
            "  n4 [label=\"unary\\ngelu_erf\\n[tokens, 3]\"];\n"
            "  n3 -> n4;\n"
            "  \"y\" [shape=ellipse];\n"
            "  n4 -> \"y\";\n"
            "}\n");
}

TEST(Options, PrintWhatIsNotDefault) {
  struct Row {
    Options options;
    std::string_view text;
  };
  for (const Row& row :
       {Row{NoOptions{}, ""}, Row{SliceOptions{.axis = 1, .start = 2, .stop = tokens, .step = 3}, "axis=1 start=2 stop=tokens step=3"},
        Row{TransposeOptions{{1, 0}}, "[1, 0]"}, Row{CastOptions{DType::int64}, "int64"},
        Row{ReduceOptions{Reduction::mean, 1}, "mean axis=1"}, Row{SoftmaxOptions{.logarithm = true}, "logarithm"},
        Row{LinearOptions{}, ""}, Row{AttentionOptions{.scale = 0.5F}, "scale=0.5"},
        Row{AttentionOptions{.scale = 1, .softcap = 50}, "scale=1 softcap=50"},
        Row{AttentionOptions{.scale = 1, .causal = true, .window_left = 3, .precision = Precision::int8},
            "scale=1 causal window=3,-1 precision=int8"},
        Row{PoolOptions{Pooling::last}, "last"}})
    EXPECT_EQ(text_of(row.options), row.text);
}

/// Weights by name.
class MapSource final : public WeightSource {
 public:
  explicit MapSource(TensorMap weights) : weights_(std::move(weights)) {}
  const Tensor* find(std::string_view name, std::span<const std::int64_t>) override {
    const auto found = weights_.find(name);
    return found == weights_.end() ? nullptr : &found->second;
  }
  bool contains(std::string_view name) const override {
    for (const auto& [key, tensor] : weights_)
      if (key == name || key.starts_with(std::string(name) + ".")) return true;
    return false;
  }

 private:
  TensorMap weights_;
};

TEST(Weights, AreFoundByTheCheckpointsNames) {
  Graph graph;
  MapSource source({{"encoder.layer.3.query.weight", Tensor::zeros(DType::float32, {4, 2})}});
  const Weights place = Weights(graph, source) / "encoder" / "layer" / 3 / "query";
  EXPECT_EQ(place.path(), "encoder.layer.3.query");
  EXPECT_TRUE(place.contains("weight"));
  EXPECT_FALSE(place.contains("bias"));
  EXPECT_EQ(graph.constant_of(place.get("weight", {4, 2}).id())->name, "encoder.layer.3.query.weight");
  expect_error(ErrorKind::invalid_file, "weight 'encoder.layer.3.query.bias' [4] is not in the checkpoint",
               [&] { place.get("bias", {4}); });
  expect_error(ErrorKind::invalid_file, "weight 'encoder.layer.3.query.weight' is [4, 2], expected [4, 3]",
               [&] { place.get("weight", {4, 3}); });
}

/// One weight, stored as codes.
class CodedSource final : public WeightSource {
 public:
  explicit CodedSource(QuantisedWeight weight) : weight_(std::move(weight)) {}
  const Tensor* find(std::string_view, std::span<const std::int64_t>) override { return nullptr; }
  const QuantisedWeight* find_quantised(std::string_view name, std::span<const std::int64_t>) override {
    return name == "w" ? &weight_ : nullptr;
  }
  bool contains(std::string_view name) const override { return name == "w"; }

 private:
  QuantisedWeight weight_;
};

TEST(Weights, StoredAsCodesAreNumbersToTheModel) {
  for (const bool transposed : {false, true}) {
    CodedSource source({.codes = Tensor::zeros(DType::uint8, {3, 2}),
                        .scales = Tensor::zeros(DType::float16, {3, 2}),
                        .options = {.bits = 4, .columns = 4, .group_size = 2, .zero = 8},
                        .transposed = transposed});
    Graph graph;
    const Weights weights(graph, source);
    const Value weight = transposed ? transpose(weights.get("w", {4, 3}), {1, 0}) : weights.get("w", {3, 4});
    const Node& node = graph.producer(weight.id());  // two transposes are none
    EXPECT_EQ(node.op, Op::dequantize);
    EXPECT_EQ(graph.constant_of(node.inputs[0])->name, "w.codes");
    EXPECT_EQ(text_of(node.options), "bits=4 group_size=2 zero=8");
    expect_error(ErrorKind::invalid_file, transposed ? "weight 'w' is [4, 3], expected [3, 4]" : "weight 'w' is [3, 4], expected [4, 3]",
                 [&] { transposed ? weights.get("w", {3, 4}) : weights.get("w", {4, 3}); });
  }
}

}  // namespace
}  // namespace accelerate
