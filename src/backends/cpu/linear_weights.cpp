#include "backends/cpu/linear_weights.h"

#include <algorithm>

#include "base/arithmetic.h"

namespace accelerate::cpu {
namespace {

std::int64_t total_rows(std::span<const StoredMatrix> parts) {
  std::int64_t rows = 0;
  for (const StoredMatrix& part : parts) rows += part.rows();
  return rows;
}

/// Rows [first, first + count) of the stacked parts as float32.
void decode_stacked(std::span<const StoredMatrix> parts, std::int64_t first, std::int64_t count, float* result) {
  for (const StoredMatrix& part : parts) {
    const std::int64_t here = std::clamp<std::int64_t>(part.rows() - first, 0, count);
    if (here > 0) {
      decode_rows(part, first, here, result);
      result += here * part.columns();
      count -= here;
    }
    first = std::max<std::int64_t>(first - part.rows(), 0);
  }
}

}  // namespace

LinearWeights::LinearWeights(const KernelTable& kernels, Precision precision, std::span<const StoredMatrix> parts, ThreadPool& threads) {
  const std::int64_t inputs = parts.front().columns();
  const std::int64_t outputs = total_rows(parts);
  const std::int64_t columns = kernels.gemm_shape(precision).panel_columns;
  const std::int64_t panels = divide_up(outputs, columns);
  const std::int64_t panel_bytes = kernels.packed_bytes(precision, outputs, inputs);
  const auto per_output = static_cast<std::size_t>(precision == Precision::int8 ? panels * columns : 0);

  const auto matrix_bytes = static_cast<std::size_t>(round_up(panel_bytes, 64));
  memory_ = Buffer(matrix_bytes + 2 * per_output * sizeof(float));
  std::byte* scales = memory_.data() + matrix_bytes;
  packed_ = {.precision = precision,
             .outputs = outputs,
             .inputs = inputs,
             .panels = memory_.data(),
             .scales = per_output == 0 ? nullptr : reinterpret_cast<float*>(scales),
             .sums = per_output == 0 ? nullptr : reinterpret_cast<std::int32_t*>(scales + per_output * sizeof(float))};

  const bool direct = parts.size() == 1 && !parts.front().transposed && parts.front().tensor->dtype() == DType::float32;
  std::vector<std::vector<float>> scratch(static_cast<std::size_t>(threads.threads()));
  threads.parallel_for(panels, [&](std::int64_t panel, int worker) {
    const std::int64_t first = panel * columns;
    const std::int64_t count = std::min(columns, outputs - first);
    if (direct) return kernels.pack_panel(packed_, panel, parts.front().tensor->values<float>().data() + first * inputs, count);
    std::vector<float>& rows = scratch[static_cast<std::size_t>(worker)];
    rows.resize(static_cast<std::size_t>(columns * inputs));
    decode_stacked(parts, first, count, rows.data());
    kernels.pack_panel(packed_, panel, rows.data(), count);
  });
}

SharedWeights::Key SharedWeights::key_of(Precision precision, std::span<const StoredMatrix> parts) {
  Key key{precision, {}};
  for (const StoredMatrix& part : parts) key.second.emplace_back(part.tensor->bytes().data(), part.rows(), part.transposed);
  return key;
}

std::shared_ptr<const LinearWeights> SharedWeights::get(const KernelTable& kernels, Precision precision,
                                                        std::span<const StoredMatrix> parts, ThreadPool& threads) {
  std::shared_ptr<const LinearWeights>& packed = packed_[key_of(precision, parts)];
  if (packed == nullptr) packed = std::make_shared<const LinearWeights>(kernels, precision, parts, threads);
  bytes_read_ += packed->byte_size();
  return packed;
}

std::shared_ptr<const CodedLinearWeights> SharedWeights::get(const KernelTable& kernels, const CodedFormat& format,
                                                             std::span<const StoredMatrix> parts, ThreadPool& threads) {
  std::shared_ptr<const CodedLinearWeights>& packed = coded_[key_of(Precision::int4, parts)];
  if (packed == nullptr) packed = std::make_shared<const CodedLinearWeights>(kernels, format, parts, threads);
  bytes_read_ += packed->byte_size();
  return packed;
}

}  // namespace accelerate::cpu
