// Each fusion fires on its pattern and not on what only looks like it; either way the outputs stay.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "graph/print.h"
#include "passes/pass_testing.h"

namespace accelerate {
namespace {

constexpr NormOptions usual{.epsilon = 1e-5F};

Value hidden(CaseBuilder& b, std::string_view name) { return b.floats(name, {b.size("tokens", 5), 8}); }

Value dense(CaseBuilder& b, Value x, const std::string& name, std::int64_t outputs = 8) {
  return linear(x, b.weight(name, {outputs, x.dim(-1).value()}), b.weight(name + ".bias", {outputs}));
}

Value norm(CaseBuilder& b, Value x) { return layer_norm(x, b.weight("scale", {8}), b.weight("bias", {8}), usual); }

Value embedded(CaseBuilder& b, const std::string& name) {
  return gather(b.weight(name, {10, 8}), b.whole_numbers(name + ".ids", {b.size("tokens", 5)}, 0, 9));
}

TEST(FuseQkv, StacksLinearsOfOneInput) {
  check_pass(fuse_qkv, {{"three of one input",
                         [](CaseBuilder& b) {
                           const Value x = hidden(b, "x");
                           b.graph().output("q", dense(b, x, "q"));
                           b.graph().output("k", dense(b, x, "k", 4));
                           b.graph().output("v", dense(b, x, "v", 12));
                         },
                         {{Op::linear, 1}, {Op::slice, 3}, {Op::concat, 2}}},
                        {"with and without bias are two groups",
                         [](CaseBuilder& b) {
                           const Value x = hidden(b, "x");
                           for (const char* name : {"a", "b"}) b.graph().output(name, dense(b, x, name));
                           for (const char* name : {"c", "d"}) b.graph().output(name, linear(x, b.weight(name, {3, 8})));
                         },
                         {{Op::linear, 2}, {Op::slice, 4}}},
                        {"weights stored differently",
                         [](CaseBuilder& b) {
                           const Value x = hidden(b, "x");
                           b.graph().output("a", linear(x, b.weight("a", {3, 8}, DType::bfloat16)));
                           b.graph().output("b", linear(x, b.weight("b", {5, 8}, DType::float16)));
                         },
                         {{Op::linear, 1}}},
                        {"convolutions are a group of their own",
                         [](CaseBuilder& b) {
                           const Value x = hidden(b, "x");
                           for (const char* name : {"a", "b"}) b.graph().output(name, linear(x, b.weight(name, {3, 8})));
                           b.graph().output("c", linear(x, b.weight("c", {3, 8}), {}, {.convolution = true}));
                         },
                         {{Op::linear, 2}, {Op::slice, 2}}},
                        {"one is left alone",
                         [](CaseBuilder& b) { b.graph().output("y", dense(b, hidden(b, "x"), "w")); },
                         {{Op::linear, 1}, {Op::concat, 0}}},
                        {"two inputs are left alone",
                         [](CaseBuilder& b) {
                           b.graph().output("a", dense(b, hidden(b, "x"), "a"));
                           b.graph().output("b", dense(b, hidden(b, "y"), "b"));
                         },
                         {{Op::linear, 2}, {Op::concat, 0}}},
                        {"a computed weight is left alone",
                         [](CaseBuilder& b) {
                           const Value x = hidden(b, "x");
                           b.graph().output("a", linear(x, b.weight("a", {8, 8})));
                           b.graph().output("b", linear(x, b.floats("w", {8, 8})));
                         },
                         {{Op::linear, 2}, {Op::concat, 0}}}});
}

TEST(FuseLinearActivation, TakesTheFunctionThatFollows) {
  check_pass(fuse_linear_activation,
             {{"gelu",
               [](CaseBuilder& b) { b.graph().output("y", unary(UnaryFunction::gelu_erf, dense(b, hidden(b, "x"), "w"))); },
               {{Op::linear, 1}, {Op::unary, 0}}},
              {"tanh of the first only",
               [](CaseBuilder& b) { b.graph().output("y", tanh(tanh(dense(b, hidden(b, "x"), "w")))); },
               {{Op::linear, 1}, {Op::unary, 1}}},
              {"a function that is no activation",
               [](CaseBuilder& b) { b.graph().output("y", unary(UnaryFunction::sine, dense(b, hidden(b, "x"), "w"))); },
               {{Op::unary, 1}}},
              {"the linear's output is read twice",
               [](CaseBuilder& b) {
                 const Value y = dense(b, hidden(b, "x"), "w");
                 b.graph().output("y", unary(UnaryFunction::relu, y) + y);
               },
               {{Op::unary, 1}}},
              {"the linear's output is an output",
               [](CaseBuilder& b) {
                 const Value y = dense(b, hidden(b, "x"), "w");
                 b.graph().output("before", y);
                 b.graph().output("after", tanh(y));
               },
               {{Op::unary, 1}}},
              {"a residual comes first",
               [](CaseBuilder& b) {
                 const Value x = hidden(b, "x");
                 const Value y = b.graph().add(Op::linear, {x.id(), b.weight("w", {8, 8}).id(), no_value, x.id()}, LinearOptions{});
                 b.graph().output("y", tanh(y));
               },
               {{Op::unary, 1}}}});
}

TEST(FuseLinearResidual, TakesTheValueThatIsAdded) {
  check_pass(
      fuse_linear_residual,
      {{"linear + x", [](CaseBuilder& b) { b.graph().output("y", dense(b, hidden(b, "x"), "w") + hidden(b, "r")); }, {{Op::binary, 0}}},
       {"x + linear", [](CaseBuilder& b) { b.graph().output("y", hidden(b, "r") + dense(b, hidden(b, "x"), "w")); }, {{Op::binary, 0}}},
       {"no bias",
        [](CaseBuilder& b) { b.graph().output("y", linear(hidden(b, "x"), b.weight("w", {8, 8})) + hidden(b, "r")); },
        {{Op::binary, 0}}},
       {"linear + linear: one takes the other",
        [](CaseBuilder& b) { b.graph().output("y", dense(b, hidden(b, "x"), "a") + dense(b, hidden(b, "z"), "b")); },
        {{Op::binary, 0}, {Op::linear, 2}}},
       {"linear + itself",
        [](CaseBuilder& b) {
          const Value y = dense(b, hidden(b, "x"), "w");
          b.graph().output("y", y + y);
        },
        {{Op::binary, 1}}},
       {"two residuals: the first is taken",
        [](CaseBuilder& b) { b.graph().output("y", dense(b, hidden(b, "x"), "w") + hidden(b, "r") + hidden(b, "s")); },
        {{Op::binary, 1}}},
       {"a stretched row",
        [](CaseBuilder& b) { b.graph().output("y", dense(b, hidden(b, "x"), "w") + b.floats("r", {8})); },
        {{Op::binary, 1}}},
       {"a difference", [](CaseBuilder& b) { b.graph().output("y", dense(b, hidden(b, "x"), "w") - hidden(b, "r")); }, {{Op::binary, 1}}},
       {"the linear's output is read twice",
        [](CaseBuilder& b) {
          const Value y = dense(b, hidden(b, "x"), "w");
          b.graph().output("before", y);
          b.graph().output("after", y + hidden(b, "r"));
        },
        {{Op::binary, 1}}}});
}

TEST(FuseAddNorm, TakesTheSumThatIsNormalised) {
  check_pass(
      fuse_add_norm,
      {{"norm of a sum",
        [](CaseBuilder& b) { b.graph().output("y", norm(b, hidden(b, "x") + hidden(b, "r"))); },
        {{Op::add_norm, 1}, {Op::layer_norm, 0}, {Op::binary, 0}}},
       {"the sum is read later",
        [](CaseBuilder& b) {
          const Value sum = hidden(b, "x") + hidden(b, "r");
          const Value normed = norm(b, sum);
          b.graph().output("y", tanh(sum) + normed);
          b.graph().output("sum", sum);
        },
        {{Op::add_norm, 1}, {Op::layer_norm, 0}, {Op::binary, 1}}},
       {"the sum is read before",
        [](CaseBuilder& b) {
          const Value sum = hidden(b, "x") + hidden(b, "r");
          const Value early = tanh(sum);
          b.graph().output("y", early + norm(b, sum));
        },
        {{Op::add_norm, 1}, {Op::layer_norm, 0}}},
       {"a stretched row",
        [](CaseBuilder& b) { b.graph().output("y", norm(b, hidden(b, "x") + b.floats("r", {8}))); },
        {{Op::add_norm, 0}}},
       {"a product", [](CaseBuilder& b) { b.graph().output("y", norm(b, hidden(b, "x") * hidden(b, "r"))); }, {{Op::add_norm, 0}}},
       {"no bias",
        [](CaseBuilder& b) { b.graph().output("y", layer_norm(hidden(b, "x") + hidden(b, "r"), b.weight("scale", {8}), {}, usual)); },
        {{Op::add_norm, 1}, {Op::layer_norm, 0}}},
       {"no scale",
        [](CaseBuilder& b) { b.graph().output("y", layer_norm(hidden(b, "x") + hidden(b, "r"), {}, {}, usual)); },
        {{Op::add_norm, 0}}}});
}

TEST(FuseEmbeddingNorm, TakesGathersTheirSumAndItsNorm) {
  check_pass(
      fuse_embedding_norm,
      {{"three tables",
        [](CaseBuilder& b) { b.graph().output("y", norm(b, embedded(b, "a") + embedded(b, "b") + embedded(b, "c"))); },
        {{Op::embedding_norm, 1}, {Op::gather, 0}, {Op::binary, 0}}},
       {"one table", [](CaseBuilder& b) { b.graph().output("y", norm(b, embedded(b, "a"))); }, {{Op::embedding_norm, 1}, {Op::gather, 0}}},
       {"a sum on the right",
        [](CaseBuilder& b) {
          const Value right = embedded(b, "b") + embedded(b, "c");
          b.graph().output("y", norm(b, embedded(b, "a") + right));
        },
        {{Op::embedding_norm, 1}, {Op::gather, 0}}},
       {"a part that is no gather",
        [](CaseBuilder& b) { b.graph().output("y", norm(b, embedded(b, "a") + hidden(b, "x"))); },
        {{Op::embedding_norm, 0}}},
       {"the sum is read twice",
        [](CaseBuilder& b) {
          const Value sum = embedded(b, "a") + embedded(b, "b");
          b.graph().output("y", norm(b, sum) + sum);
        },
        {{Op::embedding_norm, 0}}},
       {"a computed table",
        [](CaseBuilder& b) { b.graph().output("y", norm(b, gather(b.floats("t", {10, 8}), b.whole_numbers("i", {5}, 0, 9)))); },
        {{Op::embedding_norm, 0}}},
       {"no bias",
        [](CaseBuilder& b) { b.graph().output("y", layer_norm(embedded(b, "a"), b.weight("scale", {8}), {}, usual)); },
        {{Op::embedding_norm, 1}, {Op::gather, 0}}},
       {"no scale",
        [](CaseBuilder& b) { b.graph().output("y", layer_norm(embedded(b, "a"), {}, b.weight("bias", {8}), usual)); },
        {{Op::embedding_norm, 0}}},
       {"ten tables are one too many",
        [](CaseBuilder& b) {
          Value sum = embedded(b, "t0");
          for (int i = 1; i < 10; ++i) sum = sum + embedded(b, fmt::format("t{}", i));
          b.graph().output("y", norm(b, sum));
        },
        {{Op::embedding_norm, 0}, {Op::gather, 10}}}});
}

TEST(RemoveDeadNodes, DropsWhatNoOutputNeeds) {
  CaseBuilder b(7);
  const Value x = hidden(b, "x");
  tanh(dense(b, hidden(b, "unused"), "w"));
  b.graph().output("y", tanh(x));
  const Graph result = remove_dead_nodes(b.graph());
  EXPECT_EQ(result.nodes().size(), 2U) << to_text(result);
  ASSERT_EQ(result.inputs().size(), 1U);
  EXPECT_EQ(result.inputs()[0].name, "x");
}

}  // namespace
}  // namespace accelerate
