// matmul, linear.
#include <fmt/format.h>

#include <array>
#include <optional>

#include "ops/cases.h"

namespace accelerate {
namespace {

constexpr std::array precisions{Precision::fp32, Precision::bf16, Precision::int8, Precision::int4};

double tolerance_of(Precision precision) {
  if (precision == Precision::int4) return rounded_less_tolerance;
  return precision == Precision::fp32 ? fp32_tolerance : rounded_tolerance;
}

void add_matmul_cases(std::vector<OpCase>& cases) {
  struct MatmulCase {
    std::string_view name;
    Shape a;
    Shape b;
    MatmulOptions options;
  };
  for (const MatmulCase& given : {MatmulCase{"plain", {5, 7}, {7, 9}, {}}, MatmulCase{"one_by_one", {1, 1}, {1, 1}, {}},
                                  MatmulCase{"transpose_a", {7, 5}, {7, 9}, {.transpose_a = true}},
                                  MatmulCase{"transpose_b", {5, 37}, {9, 37}, {.transpose_b = true}},
                                  MatmulCase{"transpose_both", {7, 5}, {9, 7}, {.transpose_a = true, .transpose_b = true}},
                                  MatmulCase{"batch", {3, 5, 7}, {3, 7, 4}, {}}, MatmulCase{"stretched_right", {3, 5, 7}, {7, 4}, {}},
                                  MatmulCase{"stretched_left", {5, 7}, {3, 7, 4}, {}},
                                  MatmulCase{"stretched_both", {2, 1, 5, 7}, {3, 7, 4}, {}}, MatmulCase{"no_inner", {3, 0}, {0, 4}, {}}})
    cases.push_back({fmt::format("matmul_{}", given.name), Op::matmul, [=](CaseBuilder& b) {
                       b.graph().output("y", matmul(b.floats("a", given.a), b.floats("b", given.b), given.options));
                     }});
}

/// linear with all its options, as passes make it.
Value fused_linear(Value x, Value weight, Value bias, Value residual, std::optional<UnaryFunction> activation) {
  std::vector<ValueId> inputs{x.id(), weight.id(), bias.id()};
  if (residual) inputs.push_back(residual.id());
  return x.graph().add(Op::linear, std::move(inputs), LinearOptions{.activation = activation});
}

void add_linear_shapes(std::vector<OpCase>& cases, Precision precision) {
  struct LinearShape {
    std::int64_t rows, inputs, outputs;
  };
  for (const auto [rows, inputs, outputs] :
       {LinearShape{1, 1, 1}, LinearShape{0, 8, 8}, LinearShape{1, 384, 96}, LinearShape{3, 7, 5}, LinearShape{5, 33, 2},
        LinearShape{17, 65, 33}, LinearShape{40, 64, 48}, LinearShape{67, 31, 129}, LinearShape{13, 1536, 40}, LinearShape{130, 48, 97}})
    cases.push_back({fmt::format("linear_{}x{}x{}_{}", rows, inputs, outputs, name_of(precision)), Op::linear,
                     [=](CaseBuilder& b) {
                       const Value x = b.floats("x", {b.size("tokens", rows), inputs});
                       b.graph().output("y", linear(x, b.weight("w", {outputs, inputs}), b.weight("b", {outputs})));
                     },
                     precision, tolerance_of(precision)});
}

void add_grouped_linears(std::vector<OpCase>& cases, Precision precision) {
  const auto add = [&](std::string_view name, std::function<void(CaseBuilder&)> build) {
    cases.push_back({fmt::format("grouped_linear_{}_{}", name, name_of(precision)), Op::grouped_linear, std::move(build), precision,
                     tolerance_of(precision)});
  };
  for (const std::int64_t rows : {0, 1, 5, 70})
    add(fmt::format("{}_rows", rows), [=](CaseBuilder& b) {
      const Value x = b.floats("x", {b.size("tokens", rows), 3, 24});
      b.graph().output("y", grouped_linear(x, b.weight("w", {3, 41, 24}), b.weight("b", {3, 41})));
    });
  add("without_bias", [](CaseBuilder& b) {
    b.graph().output("y", grouped_linear(b.floats("x", {b.size("tokens", 9), 2, 16}), b.weight("w", {2, 64, 16})));
  });
  add("of_slice", [](CaseBuilder& b) {
    const Value x = slice(b.floats("x", {b.size("tokens", 9), 96}), {.axis = 1, .start = 32, .stop = 64});
    b.graph().output("y", grouped_linear(split_heads(x, 2), b.weight("w", {2, 40, 16}), b.weight("b", {2, 40})));
  });
  add("of_more_axes", [](CaseBuilder& b) {
    b.graph().output("y",
                     grouped_linear(b.floats("x", {b.size("tokens", 3), 4, 2, 16}), b.weight("w", {2, 33, 16}), b.weight("b", {2, 33})));
  });
  add("computed_weights", [](CaseBuilder& b) {
    b.graph().output("y", grouped_linear(b.floats("x", {b.size("tokens", 7), 2, 16}), b.floats("w", {2, 33, 16}), b.floats("b", {2, 33})));
  });
}

void add_linear_tails(std::vector<OpCase>& cases, Precision precision) {
  struct Tail {
    std::string_view name;
    bool bias;
    bool residual;
    std::optional<UnaryFunction> activation;
  };
  for (const Tail& tail :
       {Tail{"bare", false, false, {}}, Tail{"residual", true, true, {}}, Tail{"residual_without_bias", false, true, {}},
        Tail{"gelu_erf", true, false, UnaryFunction::gelu_erf}, Tail{"gelu_tanh", true, false, UnaryFunction::gelu_tanh},
        Tail{"gelu_quick", true, false, UnaryFunction::gelu_quick}, Tail{"relu", true, false, UnaryFunction::relu},
        Tail{"silu", true, false, UnaryFunction::silu}, Tail{"tanh", true, false, UnaryFunction::tanh},
        Tail{"sigmoid_without_bias", false, false, UnaryFunction::sigmoid}, Tail{"gelu_erf_residual", true, true, UnaryFunction::gelu_erf}})
    cases.push_back({fmt::format("linear_{}_{}", tail.name, name_of(precision)), Op::linear,
                     [=](CaseBuilder& b) {
                       const Dim tokens = b.size("tokens", 19);
                       const Value x = b.floats("x", {tokens, 40}, {.spread = 0.3});
                       const Value bias = tail.bias ? b.weight("b", {37}) : Value{};
                       const Value residual = tail.residual ? b.floats("r", {tokens, 37}) : Value{};
                       b.graph().output("y", fused_linear(x, b.weight("w", {37, 40}), bias, residual, tail.activation));
                     },
                     precision, tolerance_of(precision)});
}

/// Inputs that are views of other values, weights that are not plain float32 constants, other ranks.
void add_linear_sources(std::vector<OpCase>& cases, Precision precision) {
  const auto add = [&](std::string_view name, std::function<void(CaseBuilder&)> build) {
    cases.push_back(
        {fmt::format("linear_{}_{}", name, name_of(precision)), Op::linear, std::move(build), precision, tolerance_of(precision)});
  };
  add("of_slice", [](CaseBuilder& b) {
    const Value x = slice(b.floats("x", {b.size("tokens", 11), 72}), {.axis = 1, .start = 24, .stop = 48});
    b.graph().output("y", linear(x, b.weight("w", {16, 24}), b.weight("b", {16})));
  });
  add("of_every_second_column", [](CaseBuilder& b) {
    const Value x = slice(b.floats("x", {b.size("tokens", 11), 48}), {.axis = 1, .start = 0, .stop = 48, .step = 2});
    b.graph().output("y", linear(x, b.weight("w", {16, 24}), b.weight("b", {16})));
  });
  add("of_rows", [](CaseBuilder& b) {
    const Value x = slice(b.floats("x", {b.size("tokens", 11), 24}), {.axis = 0, .start = 3, .stop = 8});
    b.graph().output("y", linear(x, b.weight("w", {16, 24}), b.weight("b", {16})));
  });
  add("of_transpose", [](CaseBuilder& b) {
    const Value x = transpose(b.floats("x", {24, b.size("tokens", 11)}), {1, 0});
    b.graph().output("y", linear(x, b.weight("w", {16, 24}), b.weight("b", {16})));
  });
  add("of_one_row",
      [](CaseBuilder& b) { b.graph().output("y", linear(b.floats("x", {24}), b.weight("w", {16, 24}), b.weight("b", {16}))); });
  add("of_three_axes", [](CaseBuilder& b) {
    b.graph().output("y", linear(b.floats("x", {b.size("tokens", 5), 3, 24}), b.weight("w", {16, 24}), b.weight("b", {16})));
  });
  add("of_zeros", [](CaseBuilder& b) {
    const Value x = b.floats("x", {b.size("tokens", 4), 24}, {.spread = 0});
    b.graph().output("y", linear(x, b.weight("w", {16, 24}), b.weight("b", {16})));
  });
  add("of_zero_weights", [](CaseBuilder& b) {
    const Value weight = b.weight("w", {16, 24}, DType::float32, {.spread = 0});
    b.graph().output("y", linear(b.floats("x", {b.size("tokens", 4), 24}), weight, b.weight("b", {16})));
  });
  for (DType stored : {DType::float16, DType::bfloat16, DType::float64})
    add(fmt::format("stored_{}", name_of(stored)), [stored](CaseBuilder& b) {
      b.graph().output("y", linear(b.floats("x", {b.size("tokens", 9), 40}), b.weight("w", {36, 40}, stored), b.weight("b", {36}, stored)));
    });
  for (const DType stored : {DType::float32, DType::bfloat16})
    add(fmt::format("transposed_weight_{}", name_of(stored)), [stored](CaseBuilder& b) {
      const Value weight = transpose(b.weight("w", {37, 70}, stored), {1, 0});
      b.graph().output("y", linear(b.floats("x", {b.size("tokens", 9), 37}), weight, b.weight("b", {70})));
    });
  add("transposed_weight_read_twice", [](CaseBuilder& b) {
    const Value stored = b.weight("w", {33, 33});
    const Value weight = transpose(stored, {1, 0});
    const Value x = b.floats("x", {b.size("tokens", 9), 33});
    b.graph().output("y", linear(linear(x, weight), stored));
    b.graph().output("z", linear(x, weight) + slice(weight, {.axis = 0, .start = 4, .stop = 5}));
  });
  add("stacked_weights", [](CaseBuilder& b) {
    const std::array weights{b.weight("q", {16, 24}), b.weight("k", {16, 24}), b.weight("v", {9, 24})};
    const std::array biases{b.weight("qb", {16}), b.weight("kb", {16}), b.weight("vb", {9})};
    b.graph().output("y", linear(b.floats("x", {b.size("tokens", 9), 24}), concat(weights, {.axis = 0}), concat(biases, {.axis = 0})));
  });
  add("computed_weights",
      [](CaseBuilder& b) { b.graph().output("y", linear(b.floats("x", {b.size("tokens", 9), 24}), b.floats("w", {17, 24}))); });
  add("weight_used_twice", [](CaseBuilder& b) {
    const Value weight = b.weight("w", {24, 24});
    b.graph().output("y", linear(linear(b.floats("x", {b.size("tokens", 9), 24}), weight), weight, b.weight("b", {24})));
  });
  add("table_shared_with_gather", [](CaseBuilder& b) {
    const Value table = b.weight("table", {31, 24});
    b.graph().output("y", linear(gather(table, b.whole_numbers("ids", {b.size("tokens", 9)}, 0, 30)), table));
  });
  add("residual_is_its_input", [](CaseBuilder& b) {
    const Value x = tanh(b.floats("x", {b.size("tokens", 9), 24}));
    b.graph().output("y", fused_linear(x, b.weight("w", {24, 24}), b.weight("b", {24}), x, {}));
  });
}

}  // namespace

void add_product_cases(std::vector<OpCase>& cases) {
  add_matmul_cases(cases);
  for (Precision precision : precisions) {
    add_linear_shapes(cases, precision);
    add_grouped_linears(cases, precision);
    add_linear_tails(cases, precision);
    add_linear_sources(cases, precision);
  }
}

}  // namespace accelerate
