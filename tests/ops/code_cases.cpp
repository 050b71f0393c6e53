// dequantize: alone, as the weight of a linear, as the table of a gather.
#include <fmt/format.h>

#include <array>

#include "ops/cases.h"

namespace accelerate {
namespace {

/// How a matrix is stored as codes.
struct Storage {
  std::string_view name;
  std::int64_t rows;
  DequantizeOptions options;
  DType codes = DType::uint8;
  DType scales = DType::float32;
  bool offsets = false;
  bool ordered = true;  ///< else columns name their groups
};

const std::array storages{
    Storage{"int8", 33, {.bits = 8, .columns = 64, .group_size = 32}, DType::int8},
    Storage{"int8_by_row", 40, {.bits = 8, .columns = 70, .group_size = 70}, DType::int8, DType::bfloat16},
    Storage{"uint8_zero", 35, {.bits = 8, .columns = 96, .group_size = 48, .zero = 128}, DType::uint8},
    Storage{"uint8_offsets", 37, {.bits = 8, .columns = 64, .group_size = 16}, DType::uint8, DType::float32, true},
    Storage{"four_bits", 48, {.bits = 4, .columns = 64, .group_size = 32, .zero = 8}, DType::uint8, DType::float16},
    Storage{"four_bits_offsets", 32, {.bits = 4, .columns = 256, .group_size = 128}, DType::uint8, DType::float16, true},
    Storage{"four_bits_odd", 34, {.bits = 4, .columns = 75, .group_size = 32, .zero = 7}, DType::uint8},
    Storage{
        "four_bits_groups_told", 36, {.bits = 4, .columns = 64, .group_size = 16, .zero = 8}, DType::uint8, DType::float32, true, false},
};

double tolerance_of(Precision precision) {
  if (precision == Precision::int8 || precision == Precision::int4) return rounded_less_tolerance;
  return precision == Precision::fp32 ? fp32_tolerance : rounded_tolerance;
}

/// A matrix [rows, columns] stored that way, of numbers of about 1.
Value stored_matrix(CaseBuilder& b, const Storage& storage, std::string_view name = "w") {
  const DequantizeOptions& options = storage.options;
  const std::int64_t groups = (options.columns + options.group_size - 1) / options.group_size;
  const double step = options.bits == 4 ? 0.2 : 0.012;
  const auto part = [&](std::string_view what) { return fmt::format("{}.{}", name, what); };
  const std::int64_t stored_columns = options.bits == 4 ? (options.columns + 1) / 2 : options.columns;
  const Value codes = b.weight(part("codes"), {storage.rows, stored_columns}, storage.codes);
  const Numbers scales{.spread = 0.2 * step, .offset = step};
  const Value scale = b.weight(part("scales"), {storage.rows, groups}, storage.scales, scales);
  const Value offset = storage.offsets ? b.weight(part("offsets"), {storage.rows, groups}, storage.scales) : Value{};
  if (storage.ordered) return dequantize(codes, scale, offset, options);
  std::vector<std::int32_t> group_of;
  for (std::int64_t column = 0; column < options.columns; ++column) group_of.push_back(static_cast<std::int32_t>(column * 7 % groups));
  return dequantize(codes, scale, offset, options, b.graph().constant(Tensor::from<std::int32_t>(group_of, {options.columns})));
}

}  // namespace

void add_code_cases(std::vector<OpCase>& cases) {
  for (const Storage& storage : storages) {
    cases.push_back({fmt::format("dequantize_{}", storage.name), Op::dequantize, [&](CaseBuilder& b) {
                       const Value x = b.floats("x", {b.size("tokens", 3), storage.options.columns});
                       b.graph().output("y", x + slice(stored_matrix(b, storage), {.axis = 0, .start = 1, .stop = 2}));
                     }});
    cases.push_back({fmt::format("gather_from_{}", storage.name), Op::gather, [&](CaseBuilder& b) {
                       const Value ids = b.whole_numbers("ids", {b.size("tokens", 9)}, 0, storage.rows - 1);
                       b.graph().output("y", gather(stored_matrix(b, storage), ids));
                     }});
    for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8, Precision::int4})
      for (const std::int64_t rows : {1, 40})
        cases.push_back({fmt::format("linear_by_{}_{}_rows_{}", storage.name, rows, name_of(precision)), Op::linear,
                         [&, rows](CaseBuilder& b) {
                           const Value x = b.floats("x", {b.size("tokens", rows), storage.options.columns});
                           b.graph().output("y", linear(x, stored_matrix(b, storage), b.weight("b", {storage.rows})));
                         },
                         precision, tolerance_of(precision)});
  }
  cases.push_back({"linear_by_stacked_codes", Op::linear, [](CaseBuilder& b) {
                     const Value x = b.floats("x", {b.size("tokens", 5), 64});
                     const std::array weights{stored_matrix(b, storages[0], "q"), stored_matrix(b, storages[4], "k"),
                                              b.weight("v", {9, 64})};
                     b.graph().output("y", linear(x, concat(weights, {.axis = 0})));
                   }});
  cases.push_back({"linear_by_transposed_codes", Op::linear, [](CaseBuilder& b) {
                     const Value x = b.floats("x", {b.size("tokens", 5), storages[4].rows});
                     b.graph().output("y", linear(x, transpose(stored_matrix(b, storages[4]), {1, 0})));
                   }});
  cases.push_back({"linear_by_codes_of_its_table", Op::linear, [](CaseBuilder& b) {
                     const Value table = stored_matrix(b, storages[4]);
                     b.graph().output("y", linear(gather(table, b.whole_numbers("ids", {b.size("tokens", 9)}, 0, 47)), table));
                   }});
}

}  // namespace accelerate
