// The kernels of kernels.h as plain loops in host memory: rows, norms, tails and quantisation.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "backends/reference/functions.h"
#include "cuda/fake_arrays.h"
#include "cuda/fake_device.h"

namespace accelerate::cuda {
namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// Keeps the first fault.
void report(Fault* fault, const Fault& found) {
  if (fault->kind == FaultKind::none) *fault = found;
}

std::vector<double> normalised(std::vector<double> row, const float* scale, const float* bias, float epsilon, bool centred) {
  const auto count = static_cast<double>(row.size());
  double mean = 0;
  if (centred)
    for (double x : row) mean += x / count;
  double variance = 0;
  for (double x : row) variance += (x - mean) * (x - mean) / count;
  const double factor = 1 / std::sqrt(variance + epsilon);
  for (std::size_t i = 0; i < row.size(); ++i)
    row[i] = (row[i] - mean) * factor * (scale == nullptr ? 1 : scale[i]) + (bias == nullptr ? 0 : bias[i]);
  return row;
}

Status norm(const LayerNormArguments& a, bool centred) {
  return submit(a.stream, "kernel", [a, centred] {
    for (std::int64_t row = 0; row < a.rows; ++row) {
      const auto y = normalised(row_of(a.x, row, a.columns), a.scale, a.bias, a.epsilon, centred);
      put_row(a.y, row, y);
      put_quantised(a.quantised, row, y);
    }
  });
}

double activated(const std::optional<UnaryFunction>& function, double x) { return function ? reference::apply(*function, x) : x; }

}  // namespace

void put_quantised(const QuantisedRows& rows, std::int64_t row, const std::vector<double>& numbers) {
  if (rows.codes == nullptr) return;
  const auto columns = static_cast<std::int64_t>(numbers.size());
  const std::int64_t stride = rows.stride == 0 ? columns : rows.stride;
  std::int8_t* const codes = rows.codes + row * stride;
  std::fill(codes, codes + stride, std::int8_t{0});
  double least = 0;
  double largest = 0;
  bool finite = true;
  for (double x : numbers) {
    finite = finite && std::isfinite(x);
    least = std::min(least, static_cast<double>(static_cast<float>(x)));
    largest = std::max(largest, static_cast<double>(static_cast<float>(x)));
  }
  const auto scale = static_cast<float>((largest - least) / 255);
  rows.scales[row] = !finite ? not_a_number : least == largest ? 1 : scale;
  rows.offsets[row] = 0;
  if (!finite || least == largest) return;
  const auto zero = static_cast<std::int32_t>(std::nearbyint(-least / scale));
  rows.offsets[row] = 128 - zero;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double place = std::clamp(std::nearbyint(static_cast<double>(static_cast<float>(numbers[i])) / scale) + zero, 0.0, 255.0);
    codes[i] = static_cast<std::int8_t>(place - 128);
  }
}

Status gather(const GatherArguments& a) {
  return submit(a.stream, "kernel", [a] {
    for (std::int64_t i = 0; i < a.count; ++i) {
      const std::int64_t index = a.indices[i];
      const bool inside = index >= 0 && index < a.table_rows;
      if (!inside) report(a.fault, {.kind = FaultKind::index_outside_table, .node = a.node, .position = i, .value = index});
      for (std::int64_t column = 0; column < a.columns; ++column) {
        if (a.y.element == Element::int64)
          store_as(a.y.data, i * a.columns + column, inside ? load_as<std::int64_t>(a.table.data, index * a.columns + column) : 0);
        else
          store(a.y.data, a.y.element, i * a.columns + column,
                inside ? load(a.table.data, a.table.element, index * a.columns + column) : 0);
      }
    }
  });
}

Status scatter(const ScatterArguments& a) {
  return submit(a.stream, "kernel", [a] {
    const std::size_t row_bytes = static_cast<std::size_t>(a.columns) * size_of(a.y.element);
    const auto row_at = [&](void* data, std::int64_t row) {
      return static_cast<std::byte*>(data) + static_cast<std::size_t>(row) * row_bytes;
    };
    if (a.rows > 0) std::memcpy(a.y.data, a.x.data, static_cast<std::size_t>(a.rows) * row_bytes);
    for (std::int64_t i = 0; i < a.count; ++i) {
      const std::int64_t index = a.indices[i];
      if (index < 0 || index >= a.rows)
        report(a.fault, {.kind = FaultKind::index_outside_table, .node = a.node, .position = i, .value = index});
      else
        std::memcpy(row_at(a.y.data, index), row_at(const_cast<void*>(a.updates.data), i), row_bytes);
    }
  });
}

Status rope(const RopeArguments& a) {
  return submit(a.stream, "kernel", [a] {
    for (std::int64_t token = 0; token < a.tokens; ++token) {
      const std::vector<double> x = row_of(a.x, token, a.heads * a.size);
      std::vector<double> y = x;
      for (std::int64_t head = 0; head < a.heads; ++head)
        for (std::int64_t pair = 0; pair < a.pairs; ++pair) {
          const std::int64_t begin = head * a.size;
          const auto first = static_cast<std::size_t>(begin + (a.interleaved ? 2 * pair : pair));
          const auto second = static_cast<std::size_t>(begin + (a.interleaved ? 2 * pair + 1 : pair + a.pairs));
          const double cosine = a.cosines[token * a.pairs + pair];
          const double sine = a.sines[token * a.pairs + pair];
          y[first] = x[first] * cosine - x[second] * sine;
          y[second] = x[second] * cosine + x[first] * sine;
        }
      put_row(a.y, token, y);
    }
  });
}

Status layer_norm(const LayerNormArguments& a) { return norm(a, true); }
Status rms_norm(const LayerNormArguments& a) { return norm(a, false); }

Status add_norm(const AddNormArguments& a) {
  return submit(a.stream, "kernel", [a] {
    for (std::int64_t row = 0; row < a.rows; ++row) {
      std::vector<double> sum = row_of(a.x, row, a.columns);
      const std::vector<double> residual = row_of(a.residual, row, a.columns);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = static_cast<float>(sum[i]) + static_cast<float>(residual[i]);
      const auto y = normalised(sum, a.scale, a.bias, a.epsilon, true);
      put_row(a.sum, row, sum);
      put_row(a.y, row, y);
      put_quantised(a.quantised, row, y);
    }
  });
}

Status embedding_norm(const EmbeddingNormArguments& a) {
  return submit(a.stream, "kernel", [a] {
    for (std::int64_t token = 0; token < a.tokens; ++token) {
      std::vector<double> sum(static_cast<std::size_t>(a.columns), 0);
      for (int t = 0; t < a.table_count; ++t) {
        const EmbeddingTable& table = a.tables[static_cast<std::size_t>(t)];
        const std::int64_t index = table.indices[token];
        if (index < 0 || index >= table.rows) {
          report(a.fault, {.kind = FaultKind::index_outside_table, .node = a.node, .table = t, .position = token, .value = index});
          continue;
        }
        const std::vector<double> row = row_of(table.table, index, a.columns);
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += row[i];
      }
      const auto y = normalised(sum, a.scale, a.bias, a.epsilon, true);
      put_row(a.y, token, y);
      put_quantised(a.quantised, token, y);
    }
  });
}

Status softmax(const SoftmaxArguments& a) {
  return submit(a.stream, "kernel", [a] {
    for (std::int64_t row = 0; row < a.rows; ++row) {
      std::vector<double> x = row_of(a.x, row, a.columns);
      double largest = -std::numeric_limits<double>::infinity();
      for (double number : x) largest = reference::larger(largest, number);
      double sum = 0;
      for (double number : x) sum += std::exp(number - largest);
      for (double& number : x) number = a.logarithm ? number - largest - std::log(sum) : std::exp(number - largest) / sum;
      put_row(a.y, row, x);
    }
  });
}

Status tail(const TailArguments& a) {
  return submit(a.stream, "kernel", [a] {
    for (std::int64_t row = 0; row < a.rows; ++row) {
      std::vector<double> y = row_of(a.x, row, a.columns);
      const std::vector<double> residual =
          a.residual.data == nullptr ? std::vector<double>(y.size(), 0) : row_of(a.residual, row, a.columns);
      for (std::size_t i = 0; i < y.size(); ++i) y[i] = activated(a.activation, y[i] + (a.bias == nullptr ? 0 : a.bias[i])) + residual[i];
      put_row(a.y, row, y);
      put_quantised(a.quantised, row, y);
    }
  });
}

Status int8_tail(const Int8TailArguments& a) {
  return submit(a.stream, "kernel", [a] {
    const std::int64_t stride = a.sums_stride == 0 ? a.columns : a.sums_stride;
    for (std::int64_t row = 0; row < a.rows; ++row) {
      std::vector<double> y(static_cast<std::size_t>(a.columns));
      const std::vector<double> residual =
          a.residual.data == nullptr ? std::vector<double>(y.size(), 0) : row_of(a.residual, row, a.columns);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const double steps = static_cast<double>(a.sums[row * stride + static_cast<std::int64_t>(i)]) +
                             static_cast<double>(a.row_offsets[row]) * a.weight_sums[i];
        const double product = steps * a.row_scales[row] * a.weight_scales[i];
        y[i] = activated(a.activation, product + (a.bias == nullptr ? 0 : a.bias[i])) + residual[i];
      }
      put_row(a.y, row, y);
      put_quantised(a.quantised, row, y);
    }
  });
}

Status quantise_rows(const QuantiseArguments& a) {
  return submit(a.stream, "kernel", [a] {
    for (std::int64_t row = 0; row < a.rows; ++row) put_quantised(a.quantised, row, row_of(a.x, row, a.columns));
  });
}

}  // namespace accelerate::cuda
