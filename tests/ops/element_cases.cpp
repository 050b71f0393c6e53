// input, constant, unary, binary, where, cast, reduce, softmax.
#include <fmt/format.h>

#include <array>
#include <limits>

#include "ops/cases.h"

namespace accelerate {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

void add_source_cases(std::vector<OpCase>& cases) {
  cases.push_back({"input_is_output", Op::input, [](CaseBuilder& b) { b.graph().output("y", b.floats("x", {b.size("tokens", 5), 3})); }});
  for (DType stored : {DType::float32, DType::float16, DType::bfloat16, DType::float64, DType::int64, DType::int32, DType::int16,
                       DType::int8, DType::uint8, DType::boolean})
    cases.push_back({fmt::format("constant_{}", name_of(stored)), Op::constant,
                     [stored](CaseBuilder& b) { b.graph().output("y", b.weight("w", {7, 33}, stored)); }});
}

void add_unary_cases(std::vector<OpCase>& cases) {
  for (int i = 0; i <= static_cast<int>(UnaryFunction::silu); ++i) {
    const auto function = static_cast<UnaryFunction>(i);
    const bool positive =
        function == UnaryFunction::logarithm || function == UnaryFunction::square_root || function == UnaryFunction::reciprocal_square_root;
    cases.push_back({fmt::format("unary_{}", name_of(function)), Op::unary, [=](CaseBuilder& b) {
                       const Value x = b.floats("x", {b.size("tokens", 7), 133}, {.spread = 3});
                       b.graph().output("y", unary(function, positive ? x * x : x));
                     }});
    if (positive) continue;
    // Far from zero, where approximations end and exponentials overflow.
    cases.push_back({fmt::format("unary_{}_extremes", name_of(function)), Op::unary, [=](CaseBuilder& b) {
                       b.graph().output("y", unary(function, b.given("x", {13},
                                                                     std::array{0.0F, 1e-30F, -1e-30F, 1e-4F, -1e-4F, 5.5F, -5.5F, 9.2F,
                                                                                -9.2F, 20.0F, -20.0F, 80.0F, -80.0F})));
                     }});
  }
  cases.push_back({"unary_relu_not_a_number", Op::unary, [](CaseBuilder& b) {
                     b.graph().output("y", unary(UnaryFunction::relu, b.given("x", {4}, std::array{nan, infinity, -infinity, -1.0F})));
                   }});
}

struct Stretch {
  std::string_view name;
  Shape a;
  Shape b;
};

void add_binary_cases(std::vector<OpCase>& cases) {
  const std::array stretches{
      Stretch{"same", {5, 37}, {5, 37}},       Stretch{"row", {5, 37}, {37}},
      Stretch{"column", {5, 37}, {5, 1}},      Stretch{"number", {5, 37}, {}},
      Stretch{"number_first", {}, {5, 37}},    Stretch{"outer", {7, 1}, {1, 9}},
      Stretch{"middle", {2, 1, 5}, {2, 3, 5}}, Stretch{"both_ends", {1, 3, 1}, {4, 1, 6}},
      Stretch{"empty", {0, 3}, {3}},
  };
  for (int i = 0; i <= static_cast<int>(BinaryFunction::less_equal); ++i) {
    const auto function = static_cast<BinaryFunction>(i);
    for (const Stretch& stretch : stretches) {
      cases.push_back({fmt::format("binary_{}_{}", name_of(function), stretch.name), Op::binary, [=](CaseBuilder& b) {
                         Value x = b.floats("a", stretch.a);
                         if (function == BinaryFunction::power) x = unary(UnaryFunction::absolute, x);
                         b.graph().output("y", binary(function, x, b.floats("b", stretch.b)));
                       }});
    }
    if (function == BinaryFunction::power) continue;
    for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{37}, {1, 37}, {1}, {}})
      for (bool first : {true, false})
        cases.push_back({fmt::format("binary_{}_constant_of_{}_axes_of_{}_{}", name_of(function), shape.size(),
                                     shape.empty() ? 1 : shape.back(), first ? "first" : "second"),
                         Op::binary, [=](CaseBuilder& b) {
                           const Value x = b.floats("x", {b.size("tokens", 5), 37});
                           const Value constant = b.weight("w", shape, DType::bfloat16);
                           b.graph().output("y", first ? binary(function, constant, x) : binary(function, x, constant));
                         }});
    cases.push_back({fmt::format("binary_{}_whole_numbers", name_of(function)), Op::binary, [=](CaseBuilder& b) {
                       const Dim tokens = b.size("tokens", 41);
                       b.graph().output("y", binary(function, b.whole_numbers("a", {tokens, 3}, -9, 9), b.whole_numbers("b", {3}, 1, 9)));
                     }});
  }
  for (BinaryFunction function : {BinaryFunction::minimum, BinaryFunction::maximum})
    cases.push_back({fmt::format("binary_{}_not_a_number", name_of(function)), Op::binary, [=](CaseBuilder& b) {
                       const Value x = b.given("a", {5}, std::array{nan, 1.0F, nan, infinity, -1.0F});
                       b.graph().output("y", binary(function, x, b.given("b", {5}, std::array{1.0F, nan, nan, -infinity, -2.0F})));
                     }});
  for (BinaryFunction function : {BinaryFunction::equal, BinaryFunction::not_equal, BinaryFunction::minimum, BinaryFunction::maximum})
    cases.push_back({fmt::format("binary_{}_booleans", name_of(function)), Op::binary,
                     [=](CaseBuilder& b) { b.graph().output("y", binary(function, b.booleans("a", {6, 5}), b.booleans("b", {5}))); }});
}

void add_where_and_cast_cases(std::vector<OpCase>& cases) {
  cases.push_back({"where_same", Op::where, [](CaseBuilder& b) {
                     const Dim tokens = b.size("tokens", 9);
                     b.graph().output("y", where(b.booleans("c", {tokens, 5}), b.floats("a", {tokens, 5}), b.floats("b", {tokens, 5})));
                   }});
  cases.push_back({"where_stretched", Op::where, [](CaseBuilder& b) {
                     const Dim tokens = b.size("tokens", 9);
                     b.graph().output("y", where(b.booleans("c", {tokens, 1}), b.floats("a", {5}), b.graph().number(-1)));
                   }});
  cases.push_back({"where_whole_numbers", Op::where, [](CaseBuilder& b) {
                     b.graph().output("y",
                                      where(b.booleans("c", {3, 4}), b.whole_numbers("a", {3, 4}, -5, 5), b.whole_numbers("b", {4}, 6, 9)));
                   }});
  struct Conversion {
    std::string_view name;
    DType to;
    Value (*source)(CaseBuilder&);
  };
  const auto floats = [](CaseBuilder& b) { return b.floats("x", {b.size("tokens", 21)}, {.spread = 3}); };
  const auto whole_numbers = [](CaseBuilder& b) { return b.whole_numbers("x", {21}, -2, 2); };
  const auto booleans = [](CaseBuilder& b) { return b.booleans("x", {21}); };
  for (const Conversion& conversion :
       {Conversion{"float32_to_int64", DType::int64, floats}, Conversion{"float32_to_bool", DType::boolean, floats},
        Conversion{"int64_to_float32", DType::float32, whole_numbers}, Conversion{"int64_to_bool", DType::boolean, whole_numbers},
        Conversion{"bool_to_float32", DType::float32, booleans}, Conversion{"bool_to_int64", DType::int64, booleans}})
    cases.push_back({fmt::format("cast_{}", conversion.name), Op::cast,
                     [=](CaseBuilder& b) { b.graph().output("y", cast(conversion.source(b), conversion.to)); }});
}

void add_reduction_cases(std::vector<OpCase>& cases) {
  for (Reduction function : {Reduction::sum, Reduction::mean, Reduction::maximum, Reduction::minimum})
    for (int axis : {0, 1, 2})
      cases.push_back({fmt::format("reduce_{}_axis_{}", name_of(function), axis), Op::reduce, [=](CaseBuilder& b) {
                         b.graph().output("y", reduce(b.floats("x", {b.size("tokens", 5), 3, 37}), {function, axis}));
                       }});
  for (bool logarithm : {false, true}) {
    const std::string_view kind = logarithm ? "logarithm" : "plain";
    for (const Shape& shape : {Shape{1, 1}, Shape{17}, Shape{5, 33}, Shape{2, 3, 130}})
      cases.push_back({fmt::format("softmax_{}_{}_axes_of_{}", kind, shape.size(), shape.back().text()), Op::softmax,
                       [=](CaseBuilder& b) { b.graph().output("y", softmax(b.floats("x", shape, {.spread = 3}), {logarithm})); }});
    cases.push_back({fmt::format("softmax_{}_large", kind), Op::softmax, [=](CaseBuilder& b) {
                       b.graph().output("y", softmax(b.floats("x", {4, 21}, {.spread = 300, .offset = 1e4}), {logarithm}));
                     }});
    cases.push_back({fmt::format("softmax_{}_minus_infinity", kind), Op::softmax, [=](CaseBuilder& b) {
                       b.graph().output("y",
                                        softmax(b.given("x", {1, 5}, std::array{1.0F, -infinity, 2.0F, -infinity, -3.0F}), {logarithm}));
                     }});
  }
}

}  // namespace

void add_element_cases(std::vector<OpCase>& cases) {
  add_source_cases(cases);
  add_unary_cases(cases);
  add_binary_cases(cases);
  add_where_and_cast_cases(cases);
  add_reduction_cases(cases);
}

}  // namespace accelerate
