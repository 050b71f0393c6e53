// Arrays on the device for tests: filled from numbers, read back as numbers.
#pragma once

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "backends/cuda/kernels/kernels.h"
#include "base/half.h"

namespace accelerate::cuda {

/// Skips a test, with the reason, where there is no device.
class OnDevice : public testing::Test {
 protected:
  void SetUp() override {
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess) GTEST_SKIP() << "no CUDA device: " << cudaGetErrorString(error);
    if (count == 0) GTEST_SKIP() << "no CUDA device";
  }
};

/// `value` as that element holds it.
inline float rounded(Element element, float value) {
  if (element == Element::float16) return round_to_float16(value);
  if (element == Element::bfloat16) return round_to_bfloat16(value);
  return value;
}

/// Bytes on the device, which are not numbers until they are written.
class DeviceBytes {
 public:
  explicit DeviceBytes(std::size_t size) : size_(size) {
    EXPECT_EQ(cudaMalloc(&data_, size + 16), cudaSuccess);
    EXPECT_EQ(cudaMemset(data_, 0xff, size + 16), cudaSuccess);
  }
  ~DeviceBytes() { cudaFree(data_); }
  DeviceBytes(const DeviceBytes&) = delete;
  DeviceBytes& operator=(const DeviceBytes&) = delete;

  void* data() const { return data_; }
  void write(const void* bytes) { EXPECT_EQ(cudaMemcpy(data_, bytes, size_, cudaMemcpyHostToDevice), cudaSuccess); }
  void read(void* bytes) const { EXPECT_EQ(cudaMemcpy(bytes, data_, size_, cudaMemcpyDeviceToHost), cudaSuccess); }
  std::size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  std::size_t size_;
};

/// Numbers of any type as they are.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t count) : bytes_(count * sizeof(T)) {}
  explicit DeviceArray(const std::vector<T>& numbers) : DeviceArray(numbers.size()) { bytes_.write(numbers.data()); }

  T* data() const { return static_cast<T*>(bytes_.data()); }
  std::vector<T> numbers() const {
    std::vector<T> result(bytes_.size() / sizeof(T));
    bytes_.read(result.data());
    return result;
  }

 private:
  DeviceBytes bytes_;
};

/// Floats in the storage of an element.
class DeviceFloats {
 public:
  DeviceFloats(Element element, std::size_t count) : element_(element), count_(count), bytes_(count * size_of(element)) {}
  DeviceFloats(Element element, const std::vector<float>& numbers) : DeviceFloats(element, numbers.size()) {
    std::vector<std::uint16_t> halves;
    for (float number : numbers) halves.push_back(element == Element::float16 ? to_float16(number) : to_bfloat16(number));
    bytes_.write(element == Element::float32 ? static_cast<const void*>(numbers.data()) : halves.data());
  }

  void* data() const { return bytes_.data(); }
  Input input() const { return {bytes_.data(), element_}; }
  Output output() const { return {bytes_.data(), element_}; }
  std::vector<float> numbers() const {
    std::vector<float> result(count_);
    if (element_ == Element::float32) {
      bytes_.read(result.data());
      return result;
    }
    std::vector<std::uint16_t> halves(count_);
    bytes_.read(halves.data());
    for (std::size_t i = 0; i < count_; ++i) result[i] = element_ == Element::float16 ? from_float16(halves[i]) : from_bfloat16(halves[i]);
    return result;
  }

 private:
  Element element_;
  std::size_t count_;
  DeviceBytes bytes_;
};

/// `count` numbers about normally distributed, as `element` holds them.
inline std::vector<float> random_numbers(std::size_t count, Element element, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(count);
  for (float& number : numbers) number = rounded(element, normal(random));
  return numbers;
}

/// How far results stored as that element may be from exact ones, for each unit of magnitude.
inline double tolerance_of(Element element) {
  if (element == Element::float16) return 1e-3;
  if (element == Element::bfloat16) return 8e-3;
  return 2e-5;
}

/// Fails when one of the results is further from what is expected than its element explains, or is missing.
inline void expect_near(const std::vector<float>& results, const std::vector<double>& expected, Element element, const std::string& what) {
  ASSERT_EQ(results.size(), expected.size()) << what;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const double limit = tolerance_of(element) * (1 + std::abs(expected[i]));
    ASSERT_TRUE(std::abs(static_cast<double>(results[i]) - expected[i]) <= limit)
        << what << " at " << i << ": " << results[i] << ", expected " << expected[i];
  }
}

inline constexpr Element float_elements[] = {Element::float32, Element::float16, Element::bfloat16};

}  // namespace accelerate::cuda
