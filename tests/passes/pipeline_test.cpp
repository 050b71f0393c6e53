// set_precision, decompose, and the runner of all passes.
#include <gtest/gtest.h>

#include <algorithm>

#include "ops/compare.h"
#include "ops/execution.h"
#include "passes/pass_testing.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

constexpr NormOptions usual{.epsilon = 1e-5F};

/// Every fused op, and linear with all its tails.
void build_fused(CaseBuilder& b) {
  const Dim tokens = b.size("tokens", 5);
  const ValueId scale = b.weight("scale", {32}).id();
  const ValueId bias = b.weight("bias", {32}).id();
  const auto ids = [&](std::string_view name) { return b.whole_numbers(name, {tokens}, 0, 9).id(); };
  const Value x = b.graph().add(Op::embedding_norm,
                                {scale, bias, b.weight("a", {10, 32}).id(), ids("i"), b.weight("c", {10, 32}).id(), ids("j")}, usual);
  const Value y = b.graph().add(Op::linear, {x.id(), b.weight("w", {32, 32}).id(), bias, x.id()},
                                LinearOptions{.activation = UnaryFunction::gelu_tanh});
  const Value z = b.graph().add(Op::linear, {y.id(), b.weight("v", {32, 32}).id(), no_value, x.id()}, LinearOptions{});
  const Value normed = b.graph().add(Op::add_norm, {z.id(), y.id(), scale, bias}, usual);
  b.graph().output("normed", normed);
  b.graph().output("sum", {b.graph(), normed.id() + 1});
}

/// A graph in which every fusion finds its pattern.
void build_plain(CaseBuilder& b) {
  const Dim tokens = b.size("tokens", 6);
  const Value sequences = b.sequences("sequences", {4, 2});
  const auto norm = [&](Value x) { return layer_norm(x, b.weight("scale", {32}), b.weight("bias", {32}), usual); };
  const auto dense = [&](Value x, const std::string& name) { return linear(x, b.weight(name, {32, 32}), b.weight(name + ".bias", {32})); };
  const Value x = norm(gather(b.weight("words", {9, 32}), b.whole_numbers("ids", {tokens}, 0, 8)) +
                       gather(b.weight("places", {9, 32}), b.whole_numbers("positions", {tokens}, 0, 8)));
  const Value attended = attention(split_heads(dense(x, "q"), 2), split_heads(dense(x, "k"), 2), split_heads(dense(x, "v"), 2), sequences,
                                   sequences, {.scale = 0.5F});
  const Value middle = norm(dense(merge_heads(attended), "o") + x);
  const Value last = dense(unary(UnaryFunction::gelu_erf, dense(middle, "up")), "down") + middle;
  b.graph().output("y", last);
}

TEST(SetPrecision, LeavesNarrowLinearsAlone) {
  CaseBuilder b(7);
  b.graph().output("y", linear(b.floats("x", {b.size("tokens", 2), 32}), b.weight("w", {31, 32}), b.weight("bias", {31})));
  const Graph graph = after(set_precision, b.graph(), {.precision = Precision::int8, .supports = {}});
  for (const Node& node : graph.nodes()) {
    if (node.op == Op::linear) {
      EXPECT_EQ(node.as<LinearOptions>().precision, Precision::fp32);
    }
  }
}

TEST(SetPrecision, Int8LeavesConvolutionsAlone) {
  for (const auto& [asked, given] : {std::pair(Precision::int8, Precision::fp32), {Precision::bf16, Precision::bf16}}) {
    CaseBuilder b(7);
    b.graph().output("y", linear(b.floats("x", {b.size("tokens", 2), 32}), b.weight("w", {32, 32}), {}, {.convolution = true}));
    const Graph graph = after(set_precision, b.graph(), {.precision = asked, .supports = {}});
    EXPECT_EQ(graph.producer(graph.outputs().front().value).as<LinearOptions>().precision, given);
  }
}

TEST(SetPrecision, ReachesEveryProduct) {
  CaseBuilder b(7);
  build_plain(b);
  for (Precision precision : {Precision::fp32, Precision::bf16, Precision::int8}) {
    const Graph graph = after(set_precision, b.graph(), {.precision = precision, .supports = {}});
    int products = 0;
    for (const Node& node : graph.nodes()) {
      const auto* linear = std::get_if<LinearOptions>(&node.options);
      const auto* attention = std::get_if<AttentionOptions>(&node.options);
      if (linear == nullptr && attention == nullptr) continue;
      EXPECT_EQ(linear == nullptr ? attention->precision : linear->precision, precision);
      ++products;
    }
    EXPECT_EQ(products, 7);
    EXPECT_EQ(graph.nodes().size(), b.graph().nodes().size());
  }
}

TEST(Decompose, TurnsFusedOpsIntoBaseOps) {
  const auto base_ops_only = [](const Graph&, const Node& node) {
    if (traits_of(node.op).kind == OpKind::fused) return false;
    return node.op != Op::linear || (node.inputs.size() <= 3 && !node.as<LinearOptions>().activation);
  };
  check_pass(decompose,
             {{"all of them",
               build_fused,
               {{Op::embedding_norm, 0}, {Op::add_norm, 0}, {Op::layer_norm, 2}, {Op::gather, 2}, {Op::linear, 2}, {Op::unary, 1}}}},
             {.precision = Precision::fp32, .supports = base_ops_only});
}

TEST(Decompose, LeavesWhatTheBackendRuns) {
  check_pass(
      decompose,
      {{"none of them", build_fused, {{Op::embedding_norm, 1}, {Op::add_norm, 1}, {Op::layer_norm, 0}, {Op::linear, 2}, {Op::unary, 0}}}},
      {.precision = Precision::fp32, .supports = [](const Graph&, const Node&) { return true; }});
}

class AllPasses : public testing::Test {
 protected:
  AllPasses() { build_plain(builder_); }

  Graph run(const std::vector<std::string>& disabled) {
    reports_.clear();
    return run_passes(builder_.graph(), all_passes(), context_, disabled, reports_);
  }

  CaseBuilder builder_{7};
  PassContext context_{.precision = Precision::fp32, .supports = [](const Graph&, const Node&) { return true; }};
  std::vector<PassReport> reports_;
};

TEST_F(AllPasses, KeepTheOutputsAndAreReported) {
  const Graph graph = run({});
  EXPECT_EQ(difference_between(run_on_reference(builder_.graph(), builder_.inputs()), run_on_reference(graph, builder_.inputs()), 1e-6),
            "");
  EXPECT_EQ(count_of(graph, Op::embedding_norm), 1);
  EXPECT_EQ(count_of(graph, Op::add_norm), 1);
  EXPECT_EQ(count_of(graph, Op::linear), 4);
  EXPECT_EQ(count_of(graph, Op::unary), 0);
  ASSERT_EQ(reports_.size(), all_passes().size());
  EXPECT_EQ(reports_.front().nodes_before, builder_.graph().nodes().size());
  EXPECT_EQ(reports_.back().nodes_after, graph.nodes().size());
  for (std::size_t i = 0; i < reports_.size(); ++i) {
    EXPECT_EQ(reports_[i].name, all_passes()[i].name);
    EXPECT_GE(reports_[i].milliseconds, 0);
  }
}

TEST_F(AllPasses, CanBeSwitchedOffOneByOne) {
  const TensorMap expected = run_on_reference(builder_.graph(), builder_.inputs());
  for (const Pass& pass : all_passes()) {
    if (pass.required) continue;
    const Graph graph = run({std::string(pass.name)});
    EXPECT_EQ(difference_between(expected, run_on_reference(graph, builder_.inputs()), 1e-6), "") << pass.name;
    EXPECT_EQ(std::ranges::find(reports_, pass.name, &PassReport::name), reports_.end()) << pass.name;
    EXPECT_EQ(reports_.size() + 1, all_passes().size());
  }
}

TEST_F(AllPasses, RefuseToSwitchOffWhatIsUnknownOrRequired) {
  for (const char* name : {"no_such_pass", "set_precision", "decompose", ""})
    expect_error(ErrorKind::invalid_argument, std::string("'") + name + "' cannot be switched off; these can: fuse_qkv",
                 [&] { run({name}); });
}

TEST_F(AllPasses, AreNamedApart) {
  std::vector<std::string_view> names;
  for (const Pass& pass : all_passes()) names.push_back(pass.name);
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

}  // namespace
}  // namespace accelerate
