// Products and attention as plain loops in host memory.
#include <algorithm>
#include <cmath>
#include <limits>

#include "cuda/fake_arrays.h"
#include "cuda/fake_device.h"

namespace accelerate::cuda {
namespace {

double number_at(const void* data, Number number, std::int64_t index) {
  switch (number) {
    case Number::float32:
      return load(data, Element::float32, index);
    case Number::float16:
      return load(data, Element::float16, index);
    case Number::bfloat16:
      return load(data, Element::bfloat16, index);
    case Number::int8:
      return load_as<std::int8_t>(data, index);
    case Number::int32:
      return load_as<std::int32_t>(data, index);
  }
  return 0;
}

void put_number(void* data, Number number, std::int64_t index, double value) {
  switch (number) {
    case Number::float16:
      return store(data, Element::float16, index, value);
    case Number::bfloat16:
      return store(data, Element::bfloat16, index, value);
    case Number::int32:
      return store_as(data, index, static_cast<std::int32_t>(value));
    default:
      return store(data, Element::float32, index, value);
  }
}

double gelu_tanh(double x) { return x * 0.5 * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))); }

class FakeProducts final : public MatrixProducts {
 public:
  explicit FakeProducts(std::shared_ptr<FakeState> state) : state_(std::move(state)) {}

  // The combinations that the vendor's library documents.
  bool can(const Product& p) override {
    if (state_->refuse_products || p.inputs == 0) return false;
    if (p.operands == Number::int8)
      return p.result == Number::int32 && p.inputs % 16 == 0 && p.outputs % 4 == 0 && p.bias == nullptr && p.residual == nullptr &&
             !p.gelu_tanh;
    if (p.operands == Number::float32) return p.result == Number::float32;
    return p.result == p.operands || p.result == Number::float32;
  }

  cudaError_t multiply(const Product& p) override {
    return submit(p.stream, "product", [p] {
      for (std::int64_t row = 0; row < p.rows; ++row)
        for (std::int64_t own = 0; own < p.groups * p.outputs; ++own) {
          const std::int64_t output = own % p.outputs;
          const std::int64_t x_row = row * p.groups + own / p.outputs;
          double sum = 0;
          for (std::int64_t i = 0; i < p.inputs; ++i)
            sum += number_at(p.x, p.operands, x_row * p.inputs + i) * number_at(p.weight, p.operands, own * p.inputs + i);
          const std::int64_t place = row * p.groups * p.outputs + own;
          if (p.residual != nullptr) sum += number_at(p.residual, p.result, place);
          if (p.bias != nullptr) sum += number_at(p.bias, p.result, output);
          put_number(p.y, p.result, place, p.gelu_tanh ? gelu_tanh(sum) : sum);
        }
    });
  }

  void abandon() override {}

 private:
  std::shared_ptr<FakeState> state_;
};

/// Whether the query at `place` sees the key of its sequence, which is row `row` of all keys.
bool sees(const AttentionArguments& a, std::int64_t place, std::int64_t key, std::int64_t row) {
  if (a.global_keys != nullptr && a.global_keys[row] != 0) return true;
  if (a.causal && key > place) return false;
  if (a.window_left >= 0 && place - key > a.window_left) return false;
  return a.window_right < 0 || key - place <= a.window_right;
}

/// Element `column` of a sequence's key or value.
double row_element(const AttentionArguments& a, std::int64_t sequence, std::int64_t key, std::int64_t column, bool is_value) {
  const std::int64_t stride = is_value ? a.value_stride : a.key_stride;
  if (a.pages.pages == nullptr) return load(is_value ? a.value : a.key, a.element, (a.key_begins[sequence] + key) * stride + column);
  const std::byte* page = a.pages.pages[a.pages.begins[sequence] + key / page_rows];
  return load(page + (is_value ? a.value_offset : a.key_offset), a.element, key % page_rows * stride + column);
}

/// One query of one head.
void attend(const AttentionArguments& a, std::int64_t sequence, std::int64_t query, std::int64_t head) {
  const std::int64_t first_key = a.key_begins[sequence];
  const std::int64_t keys = a.key_begins[sequence + 1] - first_key;
  const std::int64_t place = keys - (a.query_begins[sequence + 1] - query);
  const std::int64_t key_head = head / (a.heads / a.key_heads);
  const std::int64_t value_size = a.value_size == 0 ? a.size : a.value_size;
  std::vector<double> scores(static_cast<std::size_t>(keys), -std::numeric_limits<double>::infinity());
  double largest = -std::numeric_limits<double>::infinity();
  for (std::int64_t key = 0; key < keys; ++key) {
    if (!sees(a, place, key, first_key + key)) continue;
    double score = 0;
    for (std::int64_t i = 0; i < a.size; ++i)
      score += load(a.query, a.element, query * a.query_stride + head * a.size + i) *
               row_element(a, sequence, key, key_head * a.size + i, false);
    score *= a.scale;
    if (a.softcap != 0) score = a.softcap * std::tanh(score / a.softcap);
    if (a.slopes != nullptr) score += a.slopes[head] * static_cast<double>(key - place);
    if (a.distance_columns != nullptr) {
      const std::int64_t column = a.distance_columns[std::clamp(key - place, -a.distance_radius, a.distance_radius) + a.distance_radius];
      if (a.head_bias != nullptr) score += a.head_bias[head * a.bias_columns + column];
      if (a.query_bias != nullptr) score += a.query_bias[(query * a.heads + head) * a.bias_columns + column];
      if (a.key_bias != nullptr) score += a.key_bias[((first_key + key) * a.heads + head) * a.bias_columns + column];
    }
    scores[static_cast<std::size_t>(key)] = score;
    largest = std::max(largest, score);
  }
  std::vector<double> y(static_cast<std::size_t>(value_size), 0);
  double weights = 0;
  for (std::int64_t key = 0; key < keys; ++key) {
    const double weight = std::isinf(largest) ? 0 : std::exp(scores[static_cast<std::size_t>(key)] - largest);
    if (weight == 0) continue;  // its page may be gone
    weights += weight;
    for (std::int64_t i = 0; i < value_size; ++i)
      y[static_cast<std::size_t>(i)] += weight * row_element(a, sequence, key, key_head * value_size + i, true);
  }
  for (std::int64_t i = 0; i < value_size; ++i)
    store(a.y.data, a.y.element, query * a.y_stride + head * value_size + i, weights == 0 ? 0 : y[static_cast<std::size_t>(i)] / weights);
}

}  // namespace

std::unique_ptr<MatrixProducts> make_fake_products(std::shared_ptr<FakeState> state) {
  return std::make_unique<FakeProducts>(std::move(state));
}

Status matmul(const MatmulArguments& a) {
  return submit(a.stream, "kernel", [a] {
    const std::int64_t inner = a.a.extents.sizes[static_cast<std::size_t>(a.a.extents.rank - (a.transpose_a ? 2 : 1))];
    std::int64_t next = 0;
    for_each_place(a.extents, [&](const auto& index) {
      const auto row_axis = static_cast<std::size_t>(a.extents.rank - 2);
      auto left = index;
      auto right = index;
      double sum = 0;
      for (std::int64_t i = 0; i < inner; ++i) {
        left[row_axis] = a.transpose_a ? i : index[row_axis];
        left[row_axis + 1] = a.transpose_a ? index[row_axis] : i;
        right[row_axis] = a.transpose_b ? index[row_axis + 1] : i;
        right[row_axis + 1] = a.transpose_b ? i : index[row_axis + 1];
        sum += load(a.a.data, a.a.element, stretched_place(a.a.extents, a.extents.rank, left)) *
               load(a.b.data, a.b.element, stretched_place(a.b.extents, a.extents.rank, right));
      }
      store(a.y.data, a.y.element, next++, sum);
    });
  });
}

Status append(const AppendArguments& a) {
  return submit(a.stream, "kernel", [a] {
    const std::int64_t stride = a.x.stride == 0 ? a.columns : a.x.stride;
    for (std::int64_t sequence = 0; sequence < a.sequences; ++sequence) {
      const std::int64_t before = a.context[sequence + 1] - a.context[sequence] - (a.begins[sequence + 1] - a.begins[sequence]);
      for (std::int64_t token = a.begins[sequence]; token < a.begins[sequence + 1]; ++token) {
        const std::int64_t row = before + token - a.begins[sequence];
        std::byte* const rows = a.pages.pages[a.pages.begins[sequence] + row / page_rows] + a.offset;
        for (std::int64_t column = 0; column < a.columns; ++column)
          store(rows, a.element, row % page_rows * a.columns + column, load(a.x.data, a.x.element, token * stride + column));
      }
    }
  });
}

Status attention(const AttentionArguments& a) {
  return submit(a.stream, "kernel", [a] {
    for (std::int64_t sequence = 0; sequence < a.sequences; ++sequence)
      for (std::int64_t query = a.query_begins[sequence]; query < a.query_begins[sequence + 1]; ++query)
        for (std::int64_t head = 0; head < a.heads; ++head) attend(a, sequence, query, head);
  });
}

}  // namespace accelerate::cuda
