#include "coded_cases.h"

#include <algorithm>
#include <numeric>

#include "base/half.h"

namespace accelerate::cpu {
namespace {

/// Activations in 255 steps around zero for each chunk.
std::vector<double> rounded_chunks(const std::vector<float>& row) {
  std::vector<double> result;
  for (std::size_t first = 0; first < row.size(); first += coded_chunk) {
    const std::size_t last = std::min(row.size(), first + coded_chunk);
    float largest = 0;
    for (std::size_t i = first; i < last; ++i) largest = std::max(largest, std::abs(row[i]));
    for (std::size_t i = first; i < last; ++i)
      result.push_back(largest == 0 ? 0 : std::nearbyint(row[i] * (127.0F / largest)) * (static_cast<double>(largest) / 127.0));
  }
  return result;
}

}  // namespace

void check_coded(const KernelTable& table, const CodedCase& test, double tolerance) {
  SCOPED_TRACE(testing::Message() << test.bits << " bits, rows " << test.rows << " inputs " << test.inputs << " outputs " << test.outputs
                                  << " groups of " << test.group_size << (test.offsets ? " offsets" : "")
                                  << (test.shuffled ? " shuffled" : ""));
  std::mt19937 random(static_cast<std::uint32_t>(test.rows * 1000003 + test.inputs * 1009 + test.outputs));
  std::vector<std::int32_t> order(static_cast<std::size_t>(test.inputs));
  std::iota(order.begin(), order.end(), 0);
  if (test.shuffled) std::shuffle(order.begin(), order.end(), random);
  CodedWeights weights{.bits = test.bits,
                       .outputs = test.outputs,
                       .inputs = test.inputs,
                       .group_size = test.group_size,
                       .zero = test.zero,
                       .has_offsets = test.offsets,
                       .order = test.shuffled ? order.data() : nullptr};
  const std::int64_t columns = table.gemm_shape(Precision::int4).panel_columns;
  const std::int64_t panels = (test.outputs + columns - 1) / columns;
  const std::int64_t groups = weights.groups();
  const Memory memory(panels * table.coded.panel_bytes(weights));
  std::vector<float> factors(static_cast<std::size_t>(panels * columns));
  weights.panels = memory.data();
  weights.factors = factors.data();
  std::vector<float> byte_scales(factors.size());
  std::vector<std::int32_t> byte_sums(factors.size());
  weights.byte_scales = byte_scales.data();
  weights.byte_sums = byte_sums.data();

  const auto any = [&](std::size_t count, auto make_one) {
    std::vector<decltype(make_one())> values(count);
    for (auto& value : values) value = make_one();
    return values;
  };
  std::normal_distribution<float> normal;
  const float step = test.bits == 4 ? 0.1F : 0.01F;
  const auto codes = any(static_cast<std::size_t>(test.outputs * test.inputs),
                         [&] { return static_cast<std::uint8_t>(random() % (test.bits == 4 ? 16 : 256)); });
  const auto scales = any(static_cast<std::size_t>(test.outputs * groups), [&] { return to_float16(step * (1 + 0.2F * normal(random))); });
  const auto offsets = any(scales.size(), [&] { return to_float16(normal(random)); });
  const auto row_factors = any(static_cast<std::size_t>(test.outputs), [&] { return 0.25F * static_cast<float>(1 + random() % 8); });
  for (std::int64_t panel = 0; panel < panels; ++panel) {
    const std::int64_t first = panel * columns;
    table.coded.pack_panel(weights, panel,
                           {.codes = codes.data() + first * test.inputs,
                            .scales = scales.data() + first * groups,
                            .offsets = test.offsets ? offsets.data() + first * groups : nullptr,
                            .factors = row_factors.data() + first,
                            .count = std::min(columns, test.outputs - first)});
  }

  const Matrix x = Matrix::random(test.rows, test.inputs, 1, test.gap);
  const Matrix bias = Matrix::random(1, panels * columns, 3);
  const Matrix residual = Matrix::random(test.rows, test.outputs, 4, test.gap);
  Matrix output(test.rows, test.outputs, test.gap);
  const UnaryFunction activation = UnaryFunction::relu;
  const Memory prepared(table.coded.prepared_bytes(weights, test.rows));
  table.coded.prepare(weights, x.data(), x.stride, test.rows, prepared.data());
  for (const auto& [first, last] : {std::pair<std::int64_t, std::int64_t>{panels / 2, panels}, {0, panels / 2}})
    table.coded.gemm({.weights = weights,
                      .prepared = prepared.data(),
                      .rows = test.rows,
                      .first_panel = first,
                      .last_panel = last,
                      .output = output.data(),
                      .output_stride = output.stride,
                      .tail = {.bias = test.tail ? bias.data() : nullptr,
                               .activation = test.tail ? &activation : nullptr,
                               .residual = test.tail ? residual.data() : nullptr,
                               .residual_stride = residual.stride}});

  for (std::int64_t row = 0; row < test.rows; ++row) {
    std::vector<float> ordered;
    for (const std::int32_t input : order) ordered.push_back(x.at(row, input));
    const std::vector<double> activations = rounded_chunks(ordered);
    for (std::int64_t column = 0; column < test.outputs; ++column) {
      double sum = 0;
      double size = 0;
      for (std::int64_t i = 0; i < test.inputs; ++i) {
        const auto group = static_cast<std::size_t>(column * groups + i / test.group_size);
        const std::int32_t code = codes[static_cast<std::size_t>(column * test.inputs + i)];
        double weight = static_cast<double>(from_float16(scales[group])) * (code - test.zero);
        if (test.offsets) weight += from_float16(offsets[group]);
        weight *= row_factors[static_cast<std::size_t>(column)];
        sum += activations[static_cast<std::size_t>(i)] * weight;
        size += weight * weight;
      }
      double expected = sum + (test.tail ? bias.at(0, column) : 0.0);
      if (test.tail) expected = std::max(expected, 0.0) + residual.at(row, column);
      ASSERT_NEAR(output.at(row, column), expected, tolerance * (1 + std::sqrt(size))) << "row " << row << " column " << column;
    }
    for (std::int64_t column = test.outputs; column < (row + 1 < test.rows ? output.stride : 0); ++column)
      ASSERT_TRUE(std::isnan(output.at(row, column))) << "written past row " << row << " at column " << column;
  }
}

}  // namespace accelerate::cpu
