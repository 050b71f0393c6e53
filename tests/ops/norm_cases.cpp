// layer_norm, rms_norm, add_norm, embedding_norm.
#include <fmt/format.h>

#include <array>

#include "ops/cases.h"

namespace accelerate {
namespace {

constexpr NormOptions usual{.epsilon = 1e-5F};

void add_plain_norm_cases(std::vector<OpCase>& cases) {
  for (std::int64_t columns : {1, 7, 33, 64, 384, 1023}) {
    cases.push_back({fmt::format("layer_norm_{}", columns), Op::layer_norm, [=](CaseBuilder& b) {
                       const Value x = b.floats("x", {b.size("tokens", 5), columns});
                       b.graph().output("y", layer_norm(x, b.weight("s", {columns}), b.weight("b", {columns}), usual));
                     }});
    cases.push_back({fmt::format("rms_norm_{}", columns), Op::rms_norm, [=](CaseBuilder& b) {
                       b.graph().output("y", rms_norm(b.floats("x", {b.size("tokens", 5), columns}), b.weight("s", {columns}), usual));
                     }});
  }
  cases.push_back({"layer_norm_bare", Op::layer_norm,
                   [](CaseBuilder& b) { b.graph().output("y", layer_norm(b.floats("x", {b.size("tokens", 5), 40}), {}, {}, usual)); }});
  cases.push_back({"layer_norm_without_bias", Op::layer_norm, [](CaseBuilder& b) {
                     b.graph().output("y", layer_norm(b.floats("x", {b.size("tokens", 5), 40}), b.weight("s", {40}), {}, usual));
                   }});
  cases.push_back({"layer_norm_without_scale", Op::layer_norm, [](CaseBuilder& b) {
                     b.graph().output("y", layer_norm(b.floats("x", {b.size("tokens", 5), 40}), {}, b.weight("b", {40}), usual));
                   }});
  cases.push_back({"layer_norm_far_from_zero", Op::layer_norm,
                   [](CaseBuilder& b) {
                     const Value x = b.floats("x", {b.size("tokens", 5), 96}, {.spread = 1, .offset = 100});
                     b.graph().output("y", layer_norm(x, b.weight("s", {96}), b.weight("b", {96}), usual));
                   },
                   Precision::fp32, 2e-5});
  cases.push_back({"layer_norm_of_slice", Op::layer_norm, [](CaseBuilder& b) {
                     const Value x = slice(b.floats("x", {b.size("tokens", 5), 72}), {.axis = 1, .start = 24, .stop = 48});
                     b.graph().output("y", layer_norm(x, b.weight("s", {24}), b.weight("b", {24}), usual));
                   }});
  cases.push_back({"layer_norm_of_transpose", Op::layer_norm, [](CaseBuilder& b) {
                     const Value x = transpose(b.floats("x", {24, b.size("tokens", 5)}), {1, 0});
                     b.graph().output("y", layer_norm(x, b.weight("s", {24}), b.weight("b", {24}), usual));
                   }});
  cases.push_back({"layer_norm_three_axes", Op::layer_norm, [](CaseBuilder& b) {
                     const Value x = b.floats("x", {b.size("tokens", 5), 3, 24});
                     b.graph().output("y", layer_norm(x, b.weight("s", {24}, DType::float16), b.weight("b", {24}, DType::bfloat16), usual));
                   }});
  cases.push_back({"layer_norm_no_rows", Op::layer_norm, [](CaseBuilder& b) {
                     b.graph().output("y",
                                      layer_norm(b.floats("x", {b.size("tokens", 0), 8}), b.weight("s", {8}), b.weight("b", {8}), usual));
                   }});
  cases.push_back({"rms_norm_bare", Op::rms_norm,
                   [](CaseBuilder& b) { b.graph().output("y", rms_norm(b.floats("x", {b.size("tokens", 5), 40}), {}, usual)); }});
  cases.push_back({"rms_norm_of_slice", Op::rms_norm, [](CaseBuilder& b) {
                     const Value x = slice(b.floats("x", {b.size("tokens", 5), 72}), {.axis = 1, .start = 24, .stop = 48});
                     b.graph().output("y", rms_norm(x, b.weight("s", {24}), usual));
                   }});
}

Value add_norm(CaseBuilder& b, Value x, Value residual, std::int64_t columns) {
  return b.graph().add(Op::add_norm, {x.id(), residual.id(), b.weight("s", {columns}).id(), b.weight("b", {columns}).id()}, usual);
}

void add_fused_norm_cases(std::vector<OpCase>& cases) {
  for (std::int64_t columns : {1, 7, 64, 384})
    cases.push_back({fmt::format("add_norm_{}", columns), Op::add_norm, [=](CaseBuilder& b) {
                       const Dim tokens = b.size("tokens", 5);
                       const Value normed = add_norm(b, b.floats("x", {tokens, columns}), b.floats("r", {tokens, columns}), columns);
                       b.graph().output("normed", normed);
                       b.graph().output("sum", {b.graph(), normed.id() + 1});
                     }});
  cases.push_back({"add_norm_sum_unused", Op::add_norm, [](CaseBuilder& b) {
                     const Dim tokens = b.size("tokens", 5);
                     b.graph().output("normed", add_norm(b, b.floats("x", {tokens, 40}), b.floats("r", {tokens, 40}), 40));
                   }});
  cases.push_back({"add_norm_without_bias", Op::add_norm, [](CaseBuilder& b) {
                     const Dim tokens = b.size("tokens", 5);
                     const ValueId x = b.floats("x", {tokens, 40}).id();
                     const ValueId residual = b.floats("r", {tokens, 40}).id();
                     b.graph().output("y", b.graph().add(Op::add_norm, {x, residual, b.weight("s", {40}).id(), no_value}, usual));
                   }});
  cases.push_back({"embedding_norm_without_bias", Op::embedding_norm, [](CaseBuilder& b) {
                     const ValueId indices = b.whole_numbers("i", {b.size("tokens", 5)}, 0, 6).id();
                     std::vector<ValueId> inputs{b.weight("s", {40}).id(), no_value, b.weight("t", {7, 40}).id(), indices};
                     b.graph().output("y", b.graph().add(Op::embedding_norm, std::move(inputs), usual));
                   }});
  cases.push_back({"embedding_norm_of_columns", Op::embedding_norm, [](CaseBuilder& b) {
                     const Dim tokens = b.size("tokens", 9);
                     const Value indices = b.whole_numbers("i", {tokens, 3}, 0, 6);
                     std::vector<ValueId> inputs{b.weight("s", {40}).id(), b.weight("b", {40}).id()};
                     for (int i = 0; i < 3; ++i) {
                       inputs.push_back(b.weight("t", {7, 40}).id());
                       inputs.push_back(reshape(slice(indices, {.axis = 1, .start = i, .stop = i + 1}), {tokens}).id());
                     }
                     b.graph().output("y", b.graph().add(Op::embedding_norm, std::move(inputs), usual));
                   }});
  cases.push_back({"add_norm_of_slices", Op::add_norm, [](CaseBuilder& b) {
                     const Value x = b.floats("x", {b.size("tokens", 5), 72});
                     const Value left = slice(x, {.axis = 1, .start = 0, .stop = 24});
                     const Value normed = add_norm(b, left, slice(x, {.axis = 1, .start = 48, .stop = 72}), 24);
                     b.graph().output("normed", normed);
                     b.graph().output("sum", {b.graph(), normed.id() + 1});
                   }});
  for (std::size_t tables : {1U, 2U, 3U, 9U})
    for (DType stored : {DType::float32, DType::bfloat16, DType::float16})
      cases.push_back({fmt::format("embedding_norm_{}_tables_{}", tables, name_of(stored)), Op::embedding_norm, [=](CaseBuilder& b) {
                         const Dim tokens = b.size("tokens", 13);
                         std::vector<ValueId> inputs{b.weight("s", {40}).id(), b.weight("b", {40}).id()};
                         for (std::size_t i = 0; i < tables; ++i) {
                           inputs.push_back(b.weight(fmt::format("table{}", i), {5 + static_cast<std::int64_t>(i), 40}, stored).id());
                           inputs.push_back(b.whole_numbers(fmt::format("indices{}", i), {tokens}, 0, 4).id());
                         }
                         b.graph().output("y", b.graph().add(Op::embedding_norm, std::move(inputs), usual));
                       }});
}

}  // namespace

void add_norm_cases(std::vector<OpCase>& cases) {
  add_plain_norm_cases(cases);
  add_fused_norm_cases(cases);
}

}  // namespace accelerate
