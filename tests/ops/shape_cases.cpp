// reshape, transpose, slice, concat, gather, scatter.
#include <fmt/format.h>

#include <array>

#include "ops/cases.h"

namespace accelerate {
namespace {

void add_reshape_cases(std::vector<OpCase>& cases) {
  cases.push_back({"reshape_split_heads", Op::reshape,
                   [](CaseBuilder& b) { b.graph().output("y", split_heads(b.floats("x", {b.size("tokens", 5), 24}), 3)); }});
  cases.push_back({"reshape_merge_heads", Op::reshape,
                   [](CaseBuilder& b) { b.graph().output("y", merge_heads(b.floats("x", {b.size("tokens", 5), 3, 8}))); }});
  cases.push_back({"reshape_flat_whole_numbers", Op::reshape,
                   [](CaseBuilder& b) { b.graph().output("y", reshape(b.whole_numbers("x", {2, 3, 5}, 0, 99), {30})); }});
  cases.push_back({"reshape_of_slice", Op::reshape, [](CaseBuilder& b) {
                     const Value x = b.floats("x", {b.size("tokens", 5), 24});
                     b.graph().output("y", split_heads(slice(x, {.axis = 1, .start = 8, .stop = 16}), 2));
                   }});
}

void add_transpose_cases(std::vector<OpCase>& cases) {
  for (const std::vector<int>& permutation : {std::vector{0, 1, 2}, {1, 0, 2}, {0, 2, 1}, {2, 0, 1}, {2, 1, 0}})
    cases.push_back({fmt::format("transpose_{}{}{}", permutation[0], permutation[1], permutation[2]), Op::transpose,
                     [=](CaseBuilder& b) { b.graph().output("y", transpose(b.floats("x", {b.size("tokens", 5), 3, 9}), permutation)); }});
  cases.push_back({"transpose_whole_numbers", Op::transpose,
                   [](CaseBuilder& b) { b.graph().output("y", transpose(b.whole_numbers("x", {4, 7}, 0, 99), {1, 0})); }});
  cases.push_back({"transpose_twice", Op::transpose,
                   [](CaseBuilder& b) { b.graph().output("y", transpose(transpose(b.floats("x", {3, 4, 5}), {1, 2, 0}), {2, 1, 0})); }});
}

void add_slice_cases(std::vector<OpCase>& cases) {
  struct SliceCase {
    std::string_view name;
    SliceOptions options;
  };
  for (const SliceCase& given :
       {SliceCase{"first_rows", {.axis = 0, .start = 0, .stop = 2}}, SliceCase{"last_row", {.axis = 0, .start = 5, .stop = 6}},
        SliceCase{"no_rows", {.axis = 0, .start = 3, .stop = 3}}, SliceCase{"columns", {.axis = 2, .start = 3, .stop = 8}},
        SliceCase{"middle_axis", {.axis = 1, .start = 1, .stop = 3}},
        SliceCase{"every_second", {.axis = 2, .start = 1, .stop = 9, .step = 2}},
        SliceCase{"every_third_row", {.axis = 0, .start = 0, .stop = 6, .step = 3}}})
    cases.push_back({fmt::format("slice_{}", given.name), Op::slice,
                     [=](CaseBuilder& b) { b.graph().output("y", slice(b.floats("x", {6, 4, 9}), given.options)); }});
  cases.push_back({"slice_to_named_size", Op::slice, [](CaseBuilder& b) {
                     const Dim tokens = b.size("tokens", 6);
                     b.graph().output("y", slice(b.floats("x", {tokens, 4}), {.axis = 0, .start = 1, .stop = tokens}));
                   }});
  cases.push_back({"slice_of_slice", Op::slice, [](CaseBuilder& b) {
                     const Value columns = slice(b.floats("x", {6, 20}), {.axis = 1, .start = 4, .stop = 16});
                     b.graph().output("y", slice(columns, {.axis = 1, .start = 2, .stop = 7}));
                   }});
  cases.push_back({"slice_whole_numbers", Op::slice, [](CaseBuilder& b) {
                     b.graph().output("y", slice(b.whole_numbers("x", {9}, 0, 99), {.axis = 0, .start = 2, .stop = 7}));
                   }});
}

void add_concat_cases(std::vector<OpCase>& cases) {
  cases.push_back({"concat_rows", Op::concat, [](CaseBuilder& b) {
                     const Dim tokens = b.size("tokens", 5);
                     b.graph().output("y", concat(std::array{b.floats("a", {tokens, 7}), b.floats("b", {2, 7})}, {.axis = 0}));
                   }});
  cases.push_back({"concat_columns", Op::concat, [](CaseBuilder& b) {
                     const Dim tokens = b.size("tokens", 5);
                     const std::array parts{b.floats("a", {tokens, 7}), b.floats("b", {tokens, 1}), b.floats("c", {tokens, 12})};
                     b.graph().output("y", concat(parts, {.axis = 1}));
                   }});
  cases.push_back(
      {"concat_one", Op::concat, [](CaseBuilder& b) { b.graph().output("y", concat(std::array{b.floats("a", {3, 2})}, {.axis = 1})); }});
  cases.push_back({"concat_middle_axis", Op::concat, [](CaseBuilder& b) {
                     b.graph().output("y", concat(std::array{b.floats("a", {2, 3, 4}), b.floats("b", {2, 1, 4})}, {.axis = 1}));
                   }});
  cases.push_back({"concat_slices", Op::concat, [](CaseBuilder& b) {
                     const Value x = b.floats("x", {4, 10});
                     const std::array halves{slice(x, {.axis = 1, .start = 5, .stop = 10}), slice(x, {.axis = 1, .start = 0, .stop = 5})};
                     b.graph().output("y", concat(halves, {.axis = 1}));
                   }});
  cases.push_back({"concat_constants", Op::concat, [](CaseBuilder& b) {
                     b.graph().output("y", concat(std::array{b.weight("a", {2, 5}), b.weight("b", {3, 5}, DType::bfloat16)}, {.axis = 0}));
                   }});
  cases.push_back({"concat_whole_numbers", Op::concat, [](CaseBuilder& b) {
                     b.graph().output("y",
                                      concat(std::array{b.whole_numbers("a", {4}, 0, 9), b.whole_numbers("b", {3}, 0, 9)}, {.axis = 0}));
                   }});
}

void add_gather_cases(std::vector<OpCase>& cases) {
  for (DType stored : {DType::float32, DType::float16, DType::bfloat16, DType::float64, DType::int64})
    cases.push_back({fmt::format("gather_{}", name_of(stored)), Op::gather, [=](CaseBuilder& b) {
                       const Value indices = b.whole_numbers("i", {b.size("tokens", 23)}, 0, 10);
                       b.graph().output("y", gather(b.weight("table", {11, 37}, stored), indices));
                     }});
  cases.push_back({"gather_numbers", Op::gather,
                   [](CaseBuilder& b) { b.graph().output("y", gather(b.weight("table", {11}), b.whole_numbers("i", {2, 5}, 0, 10))); }});
  cases.push_back({"gather_planes", Op::gather,
                   [](CaseBuilder& b) { b.graph().output("y", gather(b.weight("table", {4, 3, 5}), b.whole_numbers("i", {7}, 0, 3))); }});
  cases.push_back({"gather_computed_rows", Op::gather, [](CaseBuilder& b) {
                     const Dim tokens = b.size("tokens", 9);
                     b.graph().output("y", gather(tanh(b.floats("x", {tokens, 8})), b.whole_numbers("i", {4}, 0, 8)));
                   }});
  cases.push_back({"gather_nothing", Op::gather, [](CaseBuilder& b) {
                     b.graph().output("y", gather(b.weight("table", {4, 3}), b.whole_numbers("i", {b.size("tokens", 0)}, 0, 3)));
                   }});
}

void add_scatter_cases(std::vector<OpCase>& cases) {
  const auto add = [&](std::string_view name, const std::vector<std::int64_t>& indices) {
    cases.push_back({fmt::format("scatter_{}", name), Op::scatter, [=](CaseBuilder& b) {
                       const auto count = static_cast<std::int64_t>(indices.size());
                       const Value places = b.graph().constant(Tensor::from<std::int64_t>(indices, {count}));
                       b.graph().output("y", scatter(b.floats("x", {b.size("tokens", 9), 2, 5}), places, b.floats("u", {count, 2, 5})));
                     }});
  };
  add("some_rows", {4, 0, 8});
  add("no_rows", {});
}

}  // namespace

void add_shape_cases(std::vector<OpCase>& cases) {
  add_scatter_cases(cases);
  add_reshape_cases(cases);
  add_transpose_cases(cases);
  add_slice_cases(cases);
  add_concat_cases(cases);
  add_gather_cases(cases);
}

}  // namespace accelerate
