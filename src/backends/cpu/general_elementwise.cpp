// unary, binary, where, cast.
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <type_traits>

#include "backends/cpu/general_ops.h"
#include "backends/cpu/kernels/kernel_table.h"

namespace accelerate::cpu {
namespace {

/// The loop over an output whose inputs are stretched to its shape.
template <std::size_t operands>
StridedLoop<operands> stretched_loop(const GeneralCall& call) {
  const std::vector<std::int64_t>& shape = call.output.shape;
  std::array<std::vector<std::int64_t>, operands> strides;
  for (std::size_t i = 0; i < operands; ++i) strides[i] = stretched_strides(call.inputs[i].shape, shape.size());
  StridedLoop<operands> loop;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    typename StridedLoop<operands>::Strides steps;
    for (std::size_t i = 0; i < operands; ++i) steps[i] = strides[i][axis];
    loop.add_axis(shape[axis], steps);
  }
  return loop;
}

/// y = function(a, b) for each pair of elements.
template <typename Element, typename Result, typename Function>
void combine(const GeneralCall& call, const Function& function) {
  stretched_loop<2>(call).for_each_run(call.threads, [&](const StridedLoop<2>::Run& run) {
    const Element* a = elements<Element>(call.inputs[0]) + run.offsets[0];
    const Element* b = elements<Element>(call.inputs[1]) + run.offsets[1];
    Result* y = elements<Result>(call.output) + run.first;
    // A run has one element, or one that each of two stretched operands repeats; the other's are next to each other.
    if (run.strides[0] == 0)
      for (std::int64_t i = 0; i < run.count; ++i) y[i] = static_cast<Result>(function(*a, b[i]));
    else if (run.strides[1] == 0)
      for (std::int64_t i = 0; i < run.count; ++i) y[i] = static_cast<Result>(function(a[i], *b));
    else
      for (std::int64_t i = 0; i < run.count; ++i) y[i] = static_cast<Result>(function(a[i], b[i]));
  });
}

/// The functions of floats that the kernels have.
void run_kernel(const GeneralCall& call, BinaryFunction function) {
  const auto kernel = kernels().binary;
  stretched_loop<2>(call).for_each_run(call.threads, [&](const StridedLoop<2>::Run& run) {
    const float* a = elements<float>(call.inputs[0]) + run.offsets[0];
    const float* b = elements<float>(call.inputs[1]) + run.offsets[1];
    float* y = elements<float>(call.output) + run.first;
    if (run.strides[0] != 0 && run.strides[1] != 0) return kernel(function, a, b, y, run.count);
    // The kernel takes two runs of numbers: the one that is stretched is written out, a piece at a time.
    constexpr std::int64_t piece = 256;
    const bool a_repeats = run.strides[0] == 0;
    std::array<float, piece> repeated;
    repeated.fill(a_repeats ? *a : *b);
    for (std::int64_t i = 0; i < run.count; i += piece)
      kernel(function, a_repeats ? repeated.data() : a + i, a_repeats ? b + i : repeated.data(), y + i, std::min(piece, run.count - i));
  });
}

/// The element as it is computed with: a boolean is 0 or 1.
float number(float element) { return element; }
std::int64_t number(std::int64_t element) { return element; }
std::int64_t number(std::uint8_t boolean) { return boolean != 0 ? 1 : 0; }

template <typename Element>
void compare(const GeneralCall& call, BinaryFunction function) {
  switch (function) {
    case BinaryFunction::equal:
      return combine<Element, bool>(call, [](Element a, Element b) { return number(a) == number(b); });
    case BinaryFunction::not_equal:
      return combine<Element, bool>(call, [](Element a, Element b) { return number(a) != number(b); });
    case BinaryFunction::less:
      return combine<Element, bool>(call, [](Element a, Element b) { return number(a) < number(b); });
    case BinaryFunction::less_equal:
      return combine<Element, bool>(call, [](Element a, Element b) { return number(a) <= number(b); });
    default:
      throw Error(ErrorKind::internal, fmt::format("[binary] {} is no comparison", name_of(function)));
  }
}

void combine_floats(const GeneralCall& call, BinaryFunction function) {
  if (call.output.dtype == DType::boolean) return compare<float>(call, function);
  if (function != BinaryFunction::power) return run_kernel(call, function);
  combine<float, float>(call, [](float a, float b) { return std::pow(a, b); });
}

/// Whole numbers, which wrap around at 64 bits and divide towards zero, or booleans, where what is not 0 is true.
template <typename Element, typename Result>
void combine_whole_numbers(const GeneralCall& call, BinaryFunction function) {
  // Sums and products are taken without sign, where wrapping around is defined.
  const auto bits = [](Element element) { return static_cast<std::uint64_t>(number(element)); };
  const auto with_sign = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  switch (function) {
    case BinaryFunction::add:
      return combine<Element, Result>(call, [&](Element a, Element b) { return with_sign(bits(a) + bits(b)); });
    case BinaryFunction::subtract:
      return combine<Element, Result>(call, [&](Element a, Element b) { return with_sign(bits(a) - bits(b)); });
    case BinaryFunction::multiply:
      return combine<Element, Result>(call, [&](Element a, Element b) { return with_sign(bits(a) * bits(b)); });
    case BinaryFunction::divide:
      return combine<Element, Result>(call, [&](Element a, Element b) {
        if (number(b) == 0) throw call.invalid("a whole number is divided by zero");
        return number(b) == -1 ? with_sign(-bits(a)) : number(a) / number(b);
      });
    case BinaryFunction::minimum:
      return combine<Element, Result>(call, [](Element a, Element b) { return std::min(number(a), number(b)); });
    case BinaryFunction::maximum:
      return combine<Element, Result>(call, [](Element a, Element b) { return std::max(number(a), number(b)); });
    case BinaryFunction::power:
      return combine<Element, Result>(
          call, [&](Element, Element) -> std::int64_t { throw call.invalid("power takes floats, got whole numbers"); });
    default:
      return compare<Element>(call, function);
  }
}

/// x without its fraction; the nearest whole number where there are no 64 bits for it, 0 for NaN.
std::int64_t cut_towards_zero(float x) {
  if (std::isnan(x)) return 0;
  if (x >= 0x1p63F) return std::numeric_limits<std::int64_t>::max();
  if (x < -0x1p63F) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(x);
}

/// y = function(x) for each element.
template <typename From, typename To, typename Function>
void convert(const GeneralCall& call, const Function& function) {
  const From* x = elements<From>(call.inputs[0]);
  To* y = elements<To>(call.output);
  for_chunks(call.threads, count_of(call.output.shape), elements_per_chunk,
             [&](std::int64_t begin, std::int64_t end) { std::transform(x + begin, x + end, y + begin, function); });
}

}  // namespace

void run_unary(const GeneralCall& call) {
  const UnaryFunction function = call.node.as<UnaryOptions>().function;
  const auto kernel = kernels().unary;
  const auto* x = elements<float>(call.inputs[0]);
  auto* y = elements<float>(call.output);
  for_chunks(call.threads, count_of(call.output.shape), elements_per_chunk,
             [&](std::int64_t begin, std::int64_t end) { kernel(function, x + begin, y + begin, end - begin); });
}

void run_binary(const GeneralCall& call) {
  const BinaryFunction function = call.node.as<BinaryOptions>().function;
  switch (call.inputs[0].dtype) {
    case DType::float32:
      return combine_floats(call, function);
    case DType::int64:
      return combine_whole_numbers<std::int64_t, std::int64_t>(call, function);
    case DType::boolean:
      return combine_whole_numbers<std::uint8_t, bool>(call, function);
    default:
      throw Error(ErrorKind::internal, fmt::format("[binary] takes float32, int64 or bool, got {}", name_of(call.inputs[0].dtype)));
  }
}

void run_where(const GeneralCall& call) {
  const auto* condition = elements<std::uint8_t>(call.inputs[0]);
  with_element_type(call.output.dtype, [&]<typename T>(T) {
    const T* a = elements<T>(call.inputs[1]);
    const T* b = elements<T>(call.inputs[2]);
    T* y = elements<T>(call.output);
    stretched_loop<3>(call).for_each_run(call.threads, [&](const StridedLoop<3>::Run& run) {
      const auto& [condition_start, a_start, b_start] = run.offsets;
      const auto& [condition_step, a_step, b_step] = run.strides;
      for (std::int64_t i = 0; i < run.count; ++i)
        y[run.first + i] = condition[condition_start + i * condition_step] != 0 ? a[a_start + i * a_step] : b[b_start + i * b_step];
    });
  });
}

void run_cast(const GeneralCall& call) {
  with_element_type(call.inputs[0].dtype, [&]<typename From>(From) {
    with_element_type(call.output.dtype, [&]<typename To>(To) {
      constexpr bool from_boolean = std::is_same_v<From, std::uint8_t>;
      constexpr bool to_boolean = std::is_same_v<To, std::uint8_t>;
      if constexpr (from_boolean || to_boolean)
        convert<From, To>(call, [](From x) { return static_cast<To>(to_boolean ? x != 0 : x); });
      else if constexpr (std::is_same_v<From, float> && std::is_same_v<To, std::int64_t>)
        convert<From, To>(call, cut_towards_zero);
      else
        convert<From, To>(call, [](From x) { return static_cast<To>(x); });
    });
  });
}

}  // namespace accelerate::cpu
