#include "backends/cpu/coded_linear_weights.h"

#include <algorithm>
#include <numeric>

#include "backends/four_bits.h"
#include "base/arithmetic.h"

namespace accelerate::cpu {
namespace {

bool is_alike(const StoredCodes& a, const StoredCodes& b) {
  const bool same_options = a.options.bits == b.options.bits && a.options.group_size == b.options.group_size &&
                            a.options.zero == b.options.zero && a.codes->dtype() == b.codes->dtype();
  return same_options && (a.offsets == nullptr) == (b.offsets == nullptr) && a.group_of == b.group_of;
}

/// Whether every group but the last has all its columns, so that they can be brought in order.
bool fills_groups(const StoredCodes& codes) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(codes.groups()), 0);
  for (const std::int32_t group : codes.group_of->values<std::int32_t>()) ++counts[static_cast<std::size_t>(group)];
  return std::all_of(counts.begin(), counts.end() - 1, [&](std::int64_t count) { return count == codes.options.group_size; });
}

/// The inputs in the order of their groups.
std::vector<std::int32_t> order_of(const Tensor& group_of) {
  const auto groups = group_of.values<std::int32_t>();
  std::vector<std::int32_t> order(groups.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](std::int32_t input) { return groups[static_cast<std::size_t>(input)]; });
  return order;
}

/// Rows of weights on their way into a panel.
class Rows {
 public:
  Rows(const KernelTable& kernels, const CodedWeights& weights, std::int64_t most)
      : kernels_(kernels),
        weights_(weights),
        codes_(static_cast<std::size_t>(most * weights.inputs)),
        halves_(static_cast<std::size_t>(most * weights.groups())),
        offsets_(weights.has_offsets ? halves_.size() : 0),
        factors_(static_cast<std::size_t>(most)),
        scales_(static_cast<std::size_t>(2 * weights.groups())),
        both_(scales_.size()) {}

  void clear() { count_ = 0; }

  /// Appends a row of numbers, rounded to codes.
  void add(const float* numbers) {
    std::uint8_t* codes = codes_.data() + count_ * weights_.inputs;
    for (std::int64_t group = 0; group < weights_.groups(); ++group) {
      const std::int64_t first = group * weights_.group_size;
      const std::int64_t count = std::min(weights_.group_size, weights_.inputs - first);
      scales_[static_cast<std::size_t>(group)] = kernels_.coded.quantise_four_bits(numbers + first, count, codes + first);
    }
    add_scales();
  }

  /// Appends a row of stored codes.
  void add(const StoredCodes& stored, std::int64_t row) {
    const std::int64_t groups = weights_.groups();
    decode_floats(*stored.scales, row * groups, groups, scales_.data());
    if (stored.offsets != nullptr) decode_floats(*stored.offsets, row * groups, groups, scales_.data() + groups);
    const auto* from = reinterpret_cast<const std::uint8_t*>(stored.codes->bytes().data()) + row * stored.codes->dim(1);
    std::uint8_t* to = codes_.data() + count_ * weights_.inputs;
    const unsigned shift = stored.codes->dtype() == DType::int8 ? 128U : 0U;  // codes are unsigned here
    for (std::int64_t i = 0; i < weights_.inputs; ++i) {
      const std::int64_t input = weights_.order == nullptr ? i : weights_.order[i];
      const unsigned code = weights_.bits == 8 ? from[input] + shift : input % 2 == 0 ? from[input / 2] & 15U : from[input / 2] >> 4U;
      to[i] = static_cast<std::uint8_t>(code);
    }
    add_scales();
  }

  CodedRows rows() const {
    return {.codes = codes_.data(),
            .scales = halves_.data(),
            .offsets = offsets_.empty() ? nullptr : offsets_.data(),
            .factors = factors_.data(),
            .count = count_};
  }

 private:
  /// Ends the row whose scales, and offsets after them, are there.
  void add_scales() {
    const auto groups = static_cast<std::size_t>(weights_.groups());
    const std::size_t given = offsets_.empty() ? groups : 2 * groups;
    const auto row = static_cast<std::size_t>(count_);
    factors_[row] = halve_scales(std::span(scales_).first(given), both_.data());
    std::copy_n(both_.data(), groups, halves_.data() + row * groups);
    if (given > groups) std::copy_n(both_.data() + groups, groups, offsets_.data() + row * groups);
    ++count_;
  }

  const KernelTable& kernels_;
  const CodedWeights& weights_;
  std::vector<std::uint8_t> codes_;
  std::vector<std::uint16_t> halves_;
  std::vector<std::uint16_t> offsets_;
  std::vector<float> factors_;
  std::vector<float> scales_;
  std::vector<std::uint16_t> both_;
  std::int64_t count_ = 0;
};

}  // namespace

std::optional<CodedFormat> coded_format_of(std::span<const StoredMatrix> parts, Precision precision) {
  if (precision != Precision::int8 && precision != Precision::int4) return std::nullopt;
  const bool stored = std::ranges::all_of(parts, [](const StoredMatrix& part) { return part.codes.has_value(); });
  if (!stored) {
    const bool plain = std::ranges::none_of(parts, [](const StoredMatrix& part) { return part.codes.has_value(); });
    if (precision != Precision::int4 || !plain) return std::nullopt;
    return CodedFormat{
        .bits = 4, .group_size = four_bit_group, .zero = four_bit_zero, .has_offsets = false, .group_of = nullptr, .stored = false};
  }
  const StoredCodes& first = *parts.front().codes;
  if (!std::ranges::all_of(parts, [&](const StoredMatrix& part) { return is_alike(*part.codes, first); })) return std::nullopt;
  const std::int64_t columns = first.options.columns;
  // One group of all columns may be any number of them: what it lacks to a whole chunk has no activations.
  const std::int64_t group_size = first.options.group_size >= columns ? round_up(columns, coded_chunk) : first.options.group_size;
  const bool fits = group_size % coded_chunk == 0 || (group_size == 16 && first.options.bits == 8);
  if (columns == 0 || !fits || (first.group_of != nullptr && !fills_groups(first))) return std::nullopt;
  const std::int64_t shift = first.codes->dtype() == DType::int8 ? 128 : 0;
  return CodedFormat{.bits = first.options.bits,
                     .group_size = group_size,
                     .zero = static_cast<std::int32_t>(first.options.zero + shift),
                     .has_offsets = first.offsets != nullptr,
                     .group_of = first.group_of,
                     .stored = true};
}

CodedLinearWeights::CodedLinearWeights(const KernelTable& kernels, const CodedFormat& format, std::span<const StoredMatrix> parts,
                                       ThreadPool& threads) {
  const std::int64_t inputs = parts.front().columns();
  std::int64_t outputs = 0;
  for (const StoredMatrix& part : parts) outputs += part.rows();
  const std::int64_t columns = kernels.gemm_shape(Precision::int4).panel_columns;
  panels_ = divide_up(outputs, columns);
  if (format.group_of != nullptr) order_ = order_of(*format.group_of);
  packed_ = {.bits = format.bits,
             .outputs = outputs,
             .inputs = inputs,
             .group_size = format.group_size,
             .zero = format.zero,
             .has_offsets = format.has_offsets,
             .order = order_.empty() ? nullptr : order_.data()};
  const auto panel_bytes = static_cast<std::size_t>(panels_ * kernels.coded.panel_bytes(packed_));
  const std::size_t codes_bytes = (panel_bytes + 63) / 64 * 64;
  const auto per_output = static_cast<std::size_t>(panels_ * columns);
  memory_ = Buffer(codes_bytes + 3 * per_output * sizeof(float));
  packed_.panels = memory_.data();
  packed_.factors = reinterpret_cast<float*>(memory_.data() + codes_bytes);
  packed_.byte_scales = packed_.factors + per_output;
  packed_.byte_sums = reinterpret_cast<std::int32_t*>(packed_.byte_scales + per_output);

  std::vector<std::int64_t> begins{0};  // the first row of each part
  for (const StoredMatrix& part : parts) begins.push_back(begins.back() + part.rows());
  std::vector<std::optional<Rows>> rows_of(static_cast<std::size_t>(threads.threads()));
  std::vector<std::vector<float>> numbers_of(rows_of.size());
  threads.parallel_for(panels_, [&](std::int64_t panel, int worker) {
    std::optional<Rows>& rows = rows_of[static_cast<std::size_t>(worker)];
    std::vector<float>& numbers = numbers_of[static_cast<std::size_t>(worker)];
    if (!rows) rows.emplace(kernels, packed_, columns);
    rows->clear();
    const std::int64_t last = std::min(outputs, (panel + 1) * columns);
    for (std::int64_t row = panel * columns; row < last;) {
      const auto part = static_cast<std::size_t>(std::ranges::upper_bound(begins, row) - begins.begin() - 1);
      const std::int64_t own = row - begins[part];
      const std::int64_t count = std::min(last - row, parts[part].rows() - own);
      if (!format.stored) {
        numbers.resize(static_cast<std::size_t>(columns * inputs));
        decode_rows(parts[part], own, count, numbers.data());
      }
      for (std::int64_t i = 0; i < count; ++i) {
        if (format.stored)
          rows->add(*parts[part].codes, own + i);
        else
          rows->add(numbers.data() + i * inputs);
      }
      row += count;
    }
    kernels.coded.pack_panel(packed_, panel, rows->rows());
  });
}

}  // namespace accelerate::cpu
