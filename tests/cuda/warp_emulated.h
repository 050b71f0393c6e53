// A warp of 32 lanes on the host, as HalfAttention's Machine: what each PTX instruction does is written out from the layouts
// of fragments in the PTX ISA. Copies arrive as late as they may, and an access that the device would refuse or do slowly
// fails the test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <set>
#include <vector>

#include "backends/cuda/kernels/kernels.h"
#include "base/half.h"

namespace accelerate::cuda {

/// A register of each lane.
template <class T>
class Lanes {
 public:
  Lanes() : Lanes(T{}) {}
  Lanes(T value) { values_.fill(value); }  // NOLINT(google-explicit-constructor): a number is the same in each lane

  T& operator[](int lane) { return values_[static_cast<std::size_t>(lane)]; }
  const T& operator[](int lane) const { return values_[static_cast<std::size_t>(lane)]; }

  friend Lanes operator+(const Lanes& a, const Lanes& b) { return combine(a, b, std::plus<T>()); }
  friend Lanes operator-(const Lanes& a, const Lanes& b) { return combine(a, b, std::minus<T>()); }
  friend Lanes operator*(const Lanes& a, const Lanes& b) { return combine(a, b, std::multiplies<T>()); }
  friend Lanes operator/(const Lanes& a, const Lanes& b) { return combine(a, b, std::divides<T>()); }
  friend Lanes operator%(const Lanes& a, const Lanes& b) { return combine(a, b, std::modulus<T>()); }
  friend Lanes operator-(const Lanes& a) { return Lanes(T{}) - a; }
  friend Lanes<bool> operator<(const Lanes& a, const Lanes& b) { return compare(a, b, std::less<T>()); }
  friend Lanes<bool> operator>(const Lanes& a, const Lanes& b) { return compare(a, b, std::greater<T>()); }
  friend Lanes<bool> operator<=(const Lanes& a, const Lanes& b) { return compare(a, b, std::less_equal<T>()); }
  friend Lanes<bool> operator>=(const Lanes& a, const Lanes& b) { return compare(a, b, std::greater_equal<T>()); }
  friend Lanes<bool> operator==(const Lanes& a, const Lanes& b) { return compare(a, b, std::equal_to<T>()); }

 private:
  template <class Function>
  static Lanes combine(const Lanes& a, const Lanes& b, Function function) {
    Lanes result;
    for (int lane = 0; lane < 32; ++lane) result[lane] = function(a[lane], b[lane]);
    return result;
  }
  template <class Function>
  static Lanes<bool> compare(const Lanes& a, const Lanes& b, Function function) {
    Lanes<bool> result;
    for (int lane = 0; lane < 32; ++lane) result[lane] = function(a[lane], b[lane]);
    return result;
  }

  std::array<T, 32> values_;
};

/// Converts between float32 and the bits of a 16-bit float.
template <Element element>
struct Half {
  static float value(std::uint16_t bits) { return element == Element::bfloat16 ? from_bfloat16(bits) : from_float16(bits); }
  static std::uint16_t bits(float value) { return element == Element::bfloat16 ? to_bfloat16(value) : to_float16(value); }
};

template <Element element>
class EmulatedWarp {
 public:
  using Float = Lanes<float>;
  using Word = Lanes<std::uint32_t>;
  using Integer = Lanes<int>;
  using Long = Lanes<std::int64_t>;
  using Mask = Lanes<bool>;

  explicit EmulatedWarp(int warp) : warp_(warp) {}

  int warp() const { return warp_; }
  Integer lane() const {
    Integer result;
    for (int lane = 0; lane < 32; ++lane) result[lane] = lane;
    return result;
  }

  Long widen(const Integer& x) const {
    return map<Long>([&](int lane) { return std::int64_t{x[lane]}; });
  }
  Mask both(const Mask& a, const Mask& b) const {
    return map<Mask>([&](int lane) { return a[lane] && b[lane]; });
  }
  Mask either(const Mask& a, const Mask& b) const {
    return map<Mask>([&](int lane) { return a[lane] || b[lane]; });
  }
  Float as_float(const Integer& x) const {
    return map<Float>([&](int lane) { return static_cast<float>(x[lane]); });
  }
  template <class T>
  T select(const Mask& condition, const T& a, const T& b) const {
    return map<T>([&](int lane) { return condition[lane] ? a[lane] : b[lane]; });
  }
  float minus_infinity() const { return -std::numeric_limits<float>::infinity(); }
  Float larger(const Float& a, const Float& b) const {
    return map<Float>([&](int lane) { return std::fmax(a[lane], b[lane]); });
  }
  Float multiply_add(const Float& a, const Float& b, const Float& c) const {
    return map<Float>([&](int lane) { return std::fma(a[lane], b[lane], c[lane]); });
  }
  Float power_of_two(const Float& x) const {
    return map<Float>([&](int lane) { return std::exp2(x[lane]); });
  }
  Float hyperbolic_tangent(const Float& x) const {
    return map<Float>([&](int lane) { return std::tanh(x[lane]); });
  }
  Float exchange(const Float& x, int distance) const {
    return map<Float>([&](int lane) { return x[lane ^ distance]; });
  }
  Word pack(const Float& low, const Float& high) const {
    return map<Word>([&](int lane) {
      return static_cast<std::uint32_t>(Half<element>::bits(low[lane])) | static_cast<std::uint32_t>(Half<element>::bits(high[lane])) << 16;
    });
  }

  /// d += a · b: lane l's parts of the result are at (l / 4, 2 (l % 4)), the column after it, and both eight rows below.
  void multiply(Float (&d)[4], const Word (&a)[4], const Word& b0, const Word& b1) const {
    std::array<std::array<float, 16>, 16> left{};
    std::array<std::array<float, 8>, 16> right{};
    for (std::size_t lane = 0; lane < 32; ++lane) {
      const std::size_t major = lane / 4;
      const std::size_t minor = lane % 4 * 2;
      for (std::size_t high = 0; high < 2; ++high) {
        const auto half = [&](const Word& word) {
          return Half<element>::value(static_cast<std::uint16_t>(word[static_cast<int>(lane)] >> (16 * high)));
        };
        left[major][minor + high] = half(a[0]);
        left[major + 8][minor + high] = half(a[1]);
        left[major][minor + 8 + high] = half(a[2]);
        left[major + 8][minor + 8 + high] = half(a[3]);
        right[minor + high][major] = half(b0);
        right[minor + 8 + high][major] = half(b1);
      }
    }
    for (std::size_t lane = 0; lane < 32; ++lane)
      for (std::size_t part = 0; part < 4; ++part)
        for (std::size_t inner = 0; inner < 16; ++inner)
          d[part][static_cast<int>(lane)] += left[lane / 4 + part / 2 * 8][inner] * right[inner][lane % 4 * 2 + part % 2];
  }

  void load_matrices(Word (&words)[4], const std::uint16_t* shared, const Integer& offset) const {
    expect_no_conflicts(offset);
    for (int matrix = 0; matrix < 4; ++matrix)
      for (int lane = 0; lane < 32; ++lane) {
        const std::uint16_t* row = shared + offset[matrix * 8 + lane / 4];
        words[matrix][lane] = word_of(row[lane % 4 * 2], row[lane % 4 * 2 + 1]);
      }
  }
  void load_matrices_transposed(Word (&words)[4], const std::uint16_t* shared, const Integer& offset) const {
    expect_no_conflicts(offset);
    for (int matrix = 0; matrix < 4; ++matrix)
      for (int lane = 0; lane < 32; ++lane)
        words[matrix][lane] =
            word_of(shared[offset[matrix * 8 + lane % 4 * 2] + lane / 4], shared[offset[matrix * 8 + lane % 4 * 2 + 1] + lane / 4]);
  }

  Word load_word(const std::uint16_t* data, const Long& offset, const Mask& exists) const {
    return map<Word>([&](int lane) {
      if (!exists[lane]) return 0U;
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(data + offset[lane]) % 4, 0U) << "a word of two elements at an odd place";
      return word_of(data[offset[lane]], data[offset[lane] + 1]);
    });
  }
  template <class T>
  Lanes<T> gather(const T* data, const Long& offset, const Mask& exists) const {
    return map<Lanes<T>>([&](int lane) { return exists[lane] ? data[offset[lane]] : T{}; });
  }
  Mask is_set(const std::uint8_t* data, const Long& offset, const Mask& exists) const {
    return map<Mask>([&](int lane) { return exists[lane] && data[offset[lane]] != 0; });
  }
  void store_pair(void* data, Element stored, const Long& place, const Float& low, const Float& high, const Mask& exists) const {
    EXPECT_EQ(stored, Element::float32);
    auto* results = static_cast<float*>(data);
    for (int lane = 0; lane < 32; ++lane)
      if (exists[lane]) {
        results[place[lane]] = low[lane];
        results[place[lane] + 1] = high[lane];
      }
  }

  /// Sixteen bytes that arrive with wait_for_copies and are noise until then.
  void copy(std::uint16_t* shared, const std::uint16_t* source, bool exists) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(shared) % 16, 0U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(source) % 16, 0U);
    std::fill_n(shared, 8, std::uint16_t{0x7fff});  // not a number
    copies_.push_back([=] {
      for (int i = 0; i < 8; ++i) shared[i] = exists ? source[i] : std::uint16_t{0};
    });
  }
  void commit_copies() {
    for (auto& each : copies_) committed_.push_back(each);
    copies_.clear();
  }
  void wait_for_copies() {
    for (auto& each : committed_) each();
    committed_.clear();
  }
  void barrier() const {}

  template <int items, class Function>
  void share_out(Function function) const {
    for (int item = 0; item < items; ++item) function(item);
  }
  template <class Predicate>
  int count(Predicate predicate) const {
    int sum = 0;
    for (int thread = 0; thread < 128; ++thread) sum += predicate(thread) ? 1 : 0;
    return sum;
  }

 private:
  template <class Result, class Function>
  static Result map(Function function) {
    Result result;
    for (int lane = 0; lane < 32; ++lane) result[lane] = function(lane);
    return result;
  }
  static std::uint32_t word_of(std::uint16_t low, std::uint16_t high) { return low | static_cast<std::uint32_t>(high) << 16; }

  /// The eight rows of each matrix lie on 16-byte boundaries and in different banks.
  static void expect_no_conflicts(const Integer& offset) {
    for (int matrix = 0; matrix < 4; ++matrix) {
      std::set<int> banks;
      for (int row = 0; row < 8; ++row) {
        EXPECT_EQ(offset[matrix * 8 + row] % 8, 0);
        banks.insert(offset[matrix * 8 + row] / 8 % 8);
      }
      EXPECT_EQ(banks.size(), 8U);
    }
  }

  int warp_;
  std::vector<std::function<void()>> copies_;
  std::vector<std::function<void()>> committed_;
};

}  // namespace accelerate::cuda
