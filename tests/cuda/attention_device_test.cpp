// attention on a device beside plain loops: every shape in every storage, and heads within one row of a fused product.
#include <algorithm>
#include <bit>

#include "cuda/attention_problems.h"
#include "cuda/device_arrays.h"

namespace accelerate::cuda {
namespace {

using AttentionKernel = OnDevice;

float as_float16(float x) { return round_to_float16(x); }
float as_bfloat16(float x) { return round_to_bfloat16(x); }
float as_float32(float x) { return x; }

AttentionNumbers numbers_for(const AttentionShape& shape, Element element) {
  return attention_numbers(shape, element == Element::float16 ? as_float16 : (element == Element::bfloat16 ? as_bfloat16 : as_float32));
}

/// What is multiplied with weights is rounded too, so results are less exact than their storage.
double tolerance_for(Element element) { return element == Element::float32 ? 2e-5 : (element == Element::float16 ? 4e-3 : 3e-2); }

void expect_results(const std::vector<float>& y, const AttentionShape& shape, const AttentionNumbers& numbers, Element element) {
  const std::vector<double> expected = attention_by_loops(shape, numbers);
  ASSERT_EQ(y.size(), expected.size());
  for (std::size_t i = 0; i < y.size(); ++i)
    ASSERT_TRUE(std::abs(static_cast<double>(y[i]) - expected[i]) <= tolerance_for(element))
        << shape.name << " as element " << static_cast<int>(element) << " at " << i << ": " << y[i] << ", expected " << expected[i];
}

AttentionArguments arguments_of(const AttentionShape& shape, const AttentionNumbers& numbers, Element element) {
  return {.element = element,
          .heads = shape.heads,
          .key_heads = shape.key_heads,
          .size = shape.size,
          .value_size = shape.value_size,
          .sequences = static_cast<std::int64_t>(shape.sequences.size()),
          .query_tokens = numbers.query_begins.back(),
          .scale = shape.scale,
          .softcap = shape.softcap,
          .causal = shape.causal,
          .window_left = shape.window_left,
          .window_right = shape.window_right,
          .bias_columns = numbers.columns,
          .distance_radius = shape.radius};
}

/// The arrays of a shape that are of one dtype whatever the element.
struct DeviceExtras {
  explicit DeviceExtras(const AttentionNumbers& numbers)
      : head_bias(numbers.head_bias),
        query_bias(numbers.query_bias),
        key_bias(numbers.key_bias),
        slopes(numbers.slopes),
        global_keys(numbers.global_keys),
        distance_columns(numbers.distance_columns),
        query_begins(numbers.query_begins),
        key_begins(numbers.key_begins) {}

  void add_to(AttentionArguments& arguments, const AttentionShape& shape) const {
    arguments.query_begins = query_begins.data();
    arguments.key_begins = key_begins.data();
    if (shape.head_bias) arguments.head_bias = head_bias.data();
    if (shape.query_bias) arguments.query_bias = query_bias.data();
    if (shape.key_bias) arguments.key_bias = key_bias.data();
    if (shape.slopes) arguments.slopes = slopes.data();
    if (shape.global_every != 0) arguments.global_keys = global_keys.data();
    arguments.distance_columns = distance_columns.data();
  }

  DeviceArray<float> head_bias;
  DeviceArray<float> query_bias;
  DeviceArray<float> key_bias;
  DeviceArray<float> slopes;
  DeviceArray<std::uint8_t> global_keys;
  DeviceArray<std::int64_t> distance_columns;
  DeviceArray<std::int64_t> query_begins;
  DeviceArray<std::int64_t> key_begins;
};

void expect_attention(const AttentionShape& shape, Element element, Element stored) {
  const AttentionNumbers numbers = numbers_for(shape, element);
  const DeviceFloats query(element, numbers.query);
  const DeviceFloats key(element, numbers.key);
  const DeviceFloats value(element, numbers.value);
  const DeviceExtras extras(numbers);
  const DeviceFloats y(stored, static_cast<std::size_t>(numbers.query_begins.back() * shape.heads * shape.value_size));
  AttentionArguments arguments = arguments_of(shape, numbers, element);
  arguments.query = query.data();
  arguments.key = key.data();
  arguments.value = value.data();
  arguments.y = y.output();
  extras.add_to(arguments, shape);
  ASSERT_EQ(attention(arguments), cudaSuccess) << shape.name;
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess) << shape.name;
  expect_results(y.numbers(), shape, numbers, element);
}

TEST_F(AttentionKernel, is_what_loops_compute) {
  for (const AttentionShape& shape : attention_shapes())
    for (Element element : float_elements) {
      expect_attention(shape, element, Element::float32);
      expect_attention(shape, element, element);
    }
}

/// Appends all keys and values to pages, whose unused rows are no numbers, and attends to those.
void expect_remembered_attention(const AttentionShape& shape, Element element) {
  const AttentionNumbers numbers = numbers_for(shape, element);
  const std::int64_t key_columns = shape.key_heads * shape.size;
  const std::int64_t value_columns = shape.key_heads * shape.value_size;
  const std::int64_t key_bytes = page_rows * key_columns * static_cast<std::int64_t>(size_of(element));
  const std::int64_t page_bytes = key_bytes + page_rows * value_columns * static_cast<std::int64_t>(size_of(element));
  std::vector<std::int64_t> begins;
  std::int64_t pages = 0;
  for (const auto& [queries, keys] : shape.sequences) {
    begins.push_back(pages);
    pages += (keys + page_rows - 1) / page_rows;
  }
  const DeviceBytes memory(static_cast<std::size_t>(pages * page_bytes));
  std::vector<std::int64_t> addresses;
  for (std::int64_t page = 0; page < pages; ++page)
    addresses.push_back(std::bit_cast<std::int64_t>(static_cast<std::byte*>(memory.data()) + page * page_bytes));
  const DeviceArray<std::int64_t> device_begins(begins);
  const DeviceArray<std::int64_t> device_addresses(addresses);
  const PageTable table{.begins = device_begins.data(), .pages = reinterpret_cast<std::byte* const*>(device_addresses.data())};

  const DeviceExtras extras(numbers);
  const auto put = [&](const std::vector<float>& rows, std::int64_t columns, std::int64_t offset) {
    const DeviceFloats x(Element::float32, rows);
    ASSERT_EQ(append({.x = x.input(),
                      .begins = extras.key_begins.data(),
                      .context = extras.key_begins.data(),
                      .pages = table,
                      .offset = offset,
                      .element = element,
                      .tokens = numbers.key_begins.back(),
                      .columns = columns,
                      .sequences = static_cast<std::int64_t>(shape.sequences.size())}),
              cudaSuccess);
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  };
  put(numbers.key, key_columns, 0);
  put(numbers.value, value_columns, key_bytes);
  const DeviceFloats query(element, numbers.query);
  const DeviceFloats y(Element::float32, static_cast<std::size_t>(numbers.query_begins.back() * shape.heads * shape.value_size));
  AttentionArguments arguments = arguments_of(shape, numbers, element);
  arguments.query = query.data();
  arguments.y = y.output();
  extras.add_to(arguments, shape);
  arguments.pages = table;
  arguments.value_offset = key_bytes;
  ASSERT_EQ(attention(arguments), cudaSuccess) << shape.name;
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess) << shape.name;
  expect_results(y.numbers(), shape, numbers, element);
}

TEST_F(AttentionKernel, finds_keys_in_pages) {
  for (const AttentionShape& shape : remembered_attention_shapes())
    for (Element element : float_elements) expect_remembered_attention(shape, element);
}

TEST_F(AttentionKernel, takes_any_size_of_head) {
  for (std::int64_t size : {1, 3, 8, 31, 33, 72, 100, 112, 128, 129, 200, 256})
    for (Element element : float_elements)
      expect_attention({.name = "size " + std::to_string(size),
                        .sequences = {{9, 9}, {70, 90}},
                        .heads = 2,
                        .key_heads = 1,
                        .size = size,
                        .value_size = size,
                        .scale = 1 / std::sqrt(static_cast<float>(size))},
                       element, Element::float32);
}

TEST_F(AttentionKernel, takes_long_sequences) {
  for (Element element : float_elements)
    for (bool causal : {false, true})
      expect_attention({.name = "long", .sequences = {{1000, 1000}, {3, 777}}, .causal = causal}, element, Element::float32);
}

TEST_F(AttentionKernel, reads_heads_within_a_fused_row) {
  const AttentionShape shape{.name = "fused", .sequences = {{37, 37}, {100, 100}}, .heads = 4, .key_heads = 4};
  for (Element element : float_elements) {
    const AttentionNumbers numbers = numbers_for(shape, element);
    const std::int64_t hidden = shape.heads * shape.size;
    const std::int64_t tokens = numbers.query_begins.back();
    std::vector<float> rows;
    for (std::int64_t token = 0; token < tokens; ++token)
      for (const auto* part : {&numbers.query, &numbers.key, &numbers.value})
        rows.insert(rows.end(), part->begin() + token * hidden, part->begin() + (token + 1) * hidden);
    const DeviceFloats fused(element, rows);
    const DeviceArray<std::int64_t> begins(numbers.query_begins);
    const DeviceFloats y(Element::float32, static_cast<std::size_t>(tokens * hidden));
    const auto* first = static_cast<const std::byte*>(fused.data());
    const auto part_bytes = static_cast<std::size_t>(hidden) * size_of(element);
    AttentionArguments arguments = arguments_of(shape, numbers, element);
    arguments.query = first;
    arguments.key = first + part_bytes;
    arguments.value = first + 2 * part_bytes;
    arguments.query_stride = arguments.key_stride = arguments.value_stride = 3 * hidden;
    arguments.y = y.output();
    arguments.query_begins = begins.data();
    arguments.key_begins = begins.data();
    arguments.query_tokens = tokens + 1000;  // more than there are is allowed
    ASSERT_EQ(attention(arguments), cudaSuccess);
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    expect_results(y.numbers(), shape, numbers, element);
  }
}

TEST_F(AttentionKernel, refuses_what_it_cannot_compute) {
  EXPECT_EQ(attention({.heads = 2, .key_heads = 2, .size = 300, .sequences = 1, .query_tokens = 1}), cudaErrorInvalidValue);
  EXPECT_EQ(attention({.heads = 3, .key_heads = 2, .size = 8, .sequences = 1, .query_tokens = 1}), cudaErrorInvalidValue);
  EXPECT_EQ(attention({.heads = 2, .key_heads = 2, .size = 8}), cudaSuccess) << "no queries are no work";
}

}  // namespace
}  // namespace accelerate::cuda
