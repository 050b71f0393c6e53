// unary, binary, where.
#include "backends/reference/definitions.h"
#include "backends/reference/functions.h"
#include "backends/reference/indexing.h"

namespace accelerate::reference {
namespace {

/// function(a, b) for each pair of elements, computed as Number and kept as Result.
template <typename Element, typename Number, typename Result>
void combine(const Arguments& arguments, Tensor& output) {
  const Tensor& a = arguments.input(0);
  const Tensor& b = arguments.input(1);
  const auto a_values = a.values<Element>();
  const auto b_values = b.values<Element>();
  const auto results = output.mutable_values<Result>();
  std::size_t next = 0;
  for_each_index(output.shape(), [&](std::span<const std::int64_t> index) {
    const Element left = a_values[static_cast<std::size_t>(place_of(index, a.shape()))];
    const Element right = b_values[static_cast<std::size_t>(place_of(index, b.shape()))];
    results[next++] =
        static_cast<Result>(apply(arguments.options<BinaryOptions>().function, static_cast<Number>(left), static_cast<Number>(right)));
  });
}

/// Chooses by the dtype of the output, which is boolean for comparisons.
template <typename Element, typename Number>
Tensor combine(const Arguments& arguments) {
  Tensor output = arguments.new_output();
  if (output.dtype() == DType::boolean)
    combine<Element, Number, bool>(arguments, output);
  else
    combine<Element, Number, Element>(arguments, output);
  return output;
}

}  // namespace

Tensors unary(const Arguments& arguments) {
  Tensor output = arguments.new_output();
  const auto x = arguments.floats(0);
  const auto results = output.mutable_values<float>();
  for (std::size_t i = 0; i < x.size(); ++i) results[i] = static_cast<float>(apply(arguments.options<UnaryOptions>().function, x[i]));
  return {output};
}

// Booleans count as 0 and 1, and what is not 0 is true.
Tensors binary(const Arguments& arguments) {
  switch (arguments.input(0).dtype()) {
    case DType::float32:
      return {combine<float, double>(arguments)};
    case DType::int64:
      return {combine<std::int64_t, std::int64_t>(arguments)};
    case DType::boolean:
      return {combine<bool, std::int64_t>(arguments)};
    default:
      arguments.fail("takes float32, int64 or bool");
  }
}

Tensors where(const Arguments& arguments) {
  Tensor output = arguments.new_output();
  const Tensor& condition = arguments.input(0);
  std::int64_t next = 0;
  for_each_index(output.shape(), [&](std::span<const std::int64_t> index) {
    const bool first = condition.values<bool>()[static_cast<std::size_t>(place_of(index, condition.shape()))];
    const Tensor& chosen = arguments.input(first ? 1 : 2);
    copy_elements(chosen, place_of(index, chosen.shape()), output, next++);
  });
  return {output};
}

}  // namespace accelerate::reference
