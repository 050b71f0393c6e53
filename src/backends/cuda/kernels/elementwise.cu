// unary, binary, where, cast.
#include <algorithm>

#include "backends/cuda/kernels/functions.cuh"
#include "backends/cuda/kernels/indexing.cuh"
#include "backends/cuda/kernels/rows_launch.cuh"

namespace accelerate::cuda {
namespace {

bool is_float(Element element) { return element <= Element::bfloat16; }

/// Blocks of 256 threads for that many items, each thread taking more than one where that would be too many.
unsigned blocks_for(std::int64_t items) { return static_cast<unsigned>(std::min<std::int64_t>((items + 255) / 256, 1 << 22)); }

/// Calls function(item) for the items that are this thread's.
template <class Function>
__device__ void for_each_item(std::int64_t count, Function function) {
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t item = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; item < count; item += step) function(item);
}

/// Calls function(place, count) for the eights that are this thread's; the last may be less than eight.
template <class Function>
__device__ void for_each_vector(std::int64_t count, Function function) {
  for_each_item((count + vector_size - 1) / vector_size, [&](std::int64_t vector) {
    const std::int64_t place = vector * vector_size;
    function(place, count - place < vector_size ? static_cast<int>(count - place) : vector_size);
  });
}

// Arrays that begin on 16-byte boundaries are read eight at a time but for their last elements.
__device__ void load_eight(const void* data, Element element, std::int64_t place, int count, bool aligned, Vector& values) {
  if (aligned && count == vector_size)
    load_vector<true>(data, element, place, count, values);
  else
    load_vector<false>(data, element, place, count, values);
}

__device__ void store_eight(const Output& y, std::int64_t place, int count, bool aligned, const Vector& values) {
  if (aligned && count == vector_size)
    store_vector<true>(y.data, y.element, place, count, values);
  else
    store_vector<false>(y.data, y.element, place, count, values);
}

__global__ void __launch_bounds__(256) apply_unary(UnaryFunction function, Input x, Output y, std::int64_t count, bool aligned) {
  for_each_vector(count, [&](std::int64_t place, int present) {
    Vector values;
    load_eight(x.data, x.element, place, present, aligned, values);
    apply_to_all(function, values);
    store_eight(y, place, present, aligned, values);
  });
}

/// Of floats of one shape, or of which one is a row that repeats or a single number: b's place is that of a modulo `period`.
struct FloatPair {
  BinaryFunction function;
  Input a;
  Input b;
  Output y;
  std::int64_t count;
  std::int64_t period;  ///< of b: count, a multiple of eight, or 1
  bool is_swapped;      ///< b is the function's first argument
  bool aligned;
};

__global__ void __launch_bounds__(256) combine_vectors(const __grid_constant__ FloatPair pair) {
  for_each_vector(pair.count, [&](std::int64_t place, int present) {
    Vector first;
    Vector second;
    load_eight(pair.a.data, pair.a.element, place, present, pair.aligned, first);
    if (pair.period == 1) {
      const float number = Floats::load(pair.b.data, pair.b.element, 0);
#pragma unroll
      for (int i = 0; i < vector_size; ++i) second[i] = number;
    } else {
      const std::int64_t b_place = pair.period == pair.count ? place : place % pair.period;
      load_eight(pair.b.data, pair.b.element, b_place, present, pair.aligned, second);
    }
    if (is_comparison(pair.function)) {
      auto* results = static_cast<bool*>(pair.y.data) + place;
      for (int i = 0; i < vector_size; ++i)
        if (i < present)
          results[i] = pair.is_swapped ? compare(pair.function, second[i], first[i]) : compare(pair.function, first[i], second[i]);
      return;
    }
#pragma unroll
    for (int i = 0; i < vector_size; ++i)
      first[i] = pair.is_swapped ? apply(pair.function, second[i], first[i]) : apply(pair.function, first[i], second[i]);
    store_eight(pair.y, place, present, pair.aligned, first);
  });
}

struct PairProblem {
  BinaryFunction function;
  Input a;
  Input b;
  Output y;
  Walk<2> walk;
  std::int64_t count;
  Fault* fault;
  std::int32_t node;
};

template <int arrays>
__device__ void places_of(const Walk<arrays>& walk, std::int64_t count, std::int64_t item, std::int64_t (&places)[arrays]) {
  if (count <= 0x7fffffff)
    walk.places(static_cast<std::uint32_t>(item), places);
  else
    walk.places(item, places);
}

__global__ void __launch_bounds__(256) combine_floats(const __grid_constant__ PairProblem problem) {
  for_each_item(problem.count, [&](std::int64_t item) {
    std::int64_t places[2];
    places_of(problem.walk, problem.count, item, places);
    const float a = Floats::load(problem.a.data, problem.a.element, places[0]);
    const float b = Floats::load(problem.b.data, problem.b.element, places[1]);
    if (is_comparison(problem.function))
      static_cast<bool*>(problem.y.data)[item] = compare(problem.function, a, b);
    else
      Floats::store(problem.y.data, problem.y.element, item, apply(problem.function, a, b));
  });
}

/// Booleans count as 0 and 1, and what is not 0 is true.
template <class T>
__global__ void __launch_bounds__(256) combine_whole_numbers(const __grid_constant__ PairProblem problem) {
  for_each_item(problem.count, [&](std::int64_t item) {
    std::int64_t places[2];
    places_of(problem.walk, problem.count, item, places);
    const std::int64_t a = static_cast<const T*>(problem.a.data)[places[0]];
    const std::int64_t b = static_cast<const T*>(problem.b.data)[places[1]];
    if (is_comparison(problem.function)) {
      static_cast<bool*>(problem.y.data)[item] = compare(problem.function, a, b);
      return;
    }
    if (problem.function == BinaryFunction::divide && b == 0) tell(problem.fault, {FaultKind::division_by_zero, problem.node, 0, item, 0});
    static_cast<T*>(problem.y.data)[item] = static_cast<T>(apply(problem.function, a, b));
  });
}

struct ChoiceProblem {
  const bool* condition;
  Input a;
  Input b;
  Output y;
  Walk<3> walk;
  std::int64_t count;
};

template <class T>
__device__ void choose(const ChoiceProblem& problem, bool first, const std::int64_t (&places)[3], std::int64_t item) {
  static_cast<T*>(problem.y.data)[item] =
      first ? static_cast<const T*>(problem.a.data)[places[1]] : static_cast<const T*>(problem.b.data)[places[2]];
}

__global__ void __launch_bounds__(256) choose_elements(const __grid_constant__ ChoiceProblem problem) {
  for_each_item(problem.count, [&](std::int64_t item) {
    std::int64_t places[3];
    places_of(problem.walk, problem.count, item, places);
    const bool first = problem.condition[places[0]];
    if (problem.y.element == Element::int64) return choose<std::int64_t>(problem, first, places, item);
    if (problem.y.element == Element::boolean) return choose<bool>(problem, first, places, item);
    const Input& chosen = first ? problem.a : problem.b;
    Floats::store(problem.y.data, problem.y.element, item, Floats::load(chosen.data, chosen.element, places[first ? 1 : 2]));
  });
}

__global__ void __launch_bounds__(256) cast_floats(Input x, Output y, std::int64_t count, bool aligned) {
  for_each_vector(count, [&](std::int64_t place, int present) {
    Vector values;
    load_eight(x.data, x.element, place, present, aligned, values);
    store_eight(y, place, present, aligned, values);
  });
}

__global__ void __launch_bounds__(256) cast_elements(Input x, Output y, std::int64_t count) {
  for_each_item(count, [&](std::int64_t item) {
    if (x.element == Element::int64 || x.element == Element::boolean) {
      const std::int64_t number = x.element == Element::int64 ? static_cast<const std::int64_t*>(x.data)[item]
                                                              : std::int64_t{static_cast<const bool*>(x.data)[item]};
      if (y.element == Element::int64)
        static_cast<std::int64_t*>(y.data)[item] = number;
      else if (y.element == Element::boolean)
        static_cast<bool*>(y.data)[item] = number != 0;
      else
        Floats::store(y.data, y.element, item, static_cast<float>(number));
      return;
    }
    const float number = Floats::load(x.data, x.element, item);
    if (y.element == Element::int64)
      static_cast<std::int64_t*>(y.data)[item] = cut_towards_zero(number);
    else if (y.element == Element::boolean)
      static_cast<bool*>(y.data)[item] = number != 0.0F;
    else
      Floats::store(y.data, y.element, item, number);
  });
}

std::int64_t count_of(const Extents& extents) {
  std::int64_t count = 1;
  for (int axis = 0; axis < extents.rank; ++axis) count *= extents.sizes[static_cast<std::size_t>(axis)];
  return count;
}

Input plain(const ShapedInput& input) { return {input.data, input.element}; }

/// How often b repeats under a dense a; 0 when it is not by a period that combine_vectors takes. The walk's array 0 is a.
std::int64_t period_of(const Walk<2>& walk, int dense, int other, std::int64_t count) {
  if (!walk.is_dense(dense) && !(walk.rank == 2 && walk.strides[dense][1] == 1 && walk.strides[dense][0] == walk.sizes[1])) return 0;
  if (walk.is_scalar(other)) return 1;
  if (walk.is_dense(other)) return count;
  const bool is_row = walk.rank == 2 && walk.strides[other][0] == 0 && walk.strides[other][1] == 1;
  return is_row && walk.sizes[1] % vector_size == 0 ? walk.sizes[1] : 0;
}

}  // namespace

Status unary(const UnaryArguments& arguments) {
  if (arguments.count <= 0) return cudaSuccess;
  const bool aligned = is_vectored(arguments.x.data, 0) && is_vectored(arguments.y.data, 0);
  apply_unary<<<blocks_for((arguments.count + 7) / 8), 256, 0, arguments.stream>>>(arguments.function, arguments.x, arguments.y,
                                                                                   arguments.count, aligned);
  return cudaGetLastError();
}

Status binary(const BinaryArguments& arguments) {
  const std::int64_t count = count_of(arguments.extents);
  if (count <= 0) return cudaSuccess;
  const Extents strides[] = {stretched_strides(arguments.a.extents, arguments.extents),
                             stretched_strides(arguments.b.extents, arguments.extents)};
  const Walk<2> walk = walk_over(arguments.extents, strides);
  const PairProblem problem{arguments.function, plain(arguments.a), plain(arguments.b), arguments.y, walk, count,
                            arguments.fault,    arguments.node};
  if (!is_float(arguments.a.element)) {
    if (arguments.function == BinaryFunction::power) return cudaErrorInvalidValue;
    const auto kernel = arguments.a.element == Element::int64 ? combine_whole_numbers<std::int64_t> : combine_whole_numbers<bool>;
    kernel<<<blocks_for(count), 256, 0, arguments.stream>>>(problem);
    return cudaGetLastError();
  }
  const std::int64_t period = period_of(walk, 0, 1, count);
  const std::int64_t swapped_period = period != 0 ? 0 : period_of(walk, 1, 0, count);
  if (period == 0 && swapped_period == 0) {
    combine_floats<<<blocks_for(count), 256, 0, arguments.stream>>>(problem);
    return cudaGetLastError();
  }
  const bool is_swapped = period == 0;
  const FloatPair pair{.function = arguments.function,
                       .a = is_swapped ? problem.b : problem.a,
                       .b = is_swapped ? problem.a : problem.b,
                       .y = arguments.y,
                       .count = count,
                       .period = is_swapped ? swapped_period : period,
                       .is_swapped = is_swapped,
                       .aligned = is_vectored(arguments.a.data, 0) && is_vectored(arguments.b.data, 0) && is_vectored(arguments.y.data, 0)};
  combine_vectors<<<blocks_for((count + 7) / 8), 256, 0, arguments.stream>>>(pair);
  return cudaGetLastError();
}

Status where(const WhereArguments& arguments) {
  const std::int64_t count = count_of(arguments.extents);
  if (count <= 0) return cudaSuccess;
  const Extents strides[] = {stretched_strides(arguments.condition.extents, arguments.extents),
                             stretched_strides(arguments.a.extents, arguments.extents),
                             stretched_strides(arguments.b.extents, arguments.extents)};
  const ChoiceProblem problem{static_cast<const bool*>(arguments.condition.data),
                              plain(arguments.a),
                              plain(arguments.b),
                              arguments.y,
                              walk_over(arguments.extents, strides),
                              count};
  choose_elements<<<blocks_for(count), 256, 0, arguments.stream>>>(problem);
  return cudaGetLastError();
}

Status cast(const CastArguments& arguments) {
  if (arguments.count <= 0) return cudaSuccess;
  if (is_float(arguments.x.element) && is_float(arguments.y.element)) {
    const bool aligned = is_vectored(arguments.x.data, 0) && is_vectored(arguments.y.data, 0);
    cast_floats<<<blocks_for((arguments.count + 7) / 8), 256, 0, arguments.stream>>>(arguments.x, arguments.y, arguments.count, aligned);
  } else {
    cast_elements<<<blocks_for(arguments.count), 256, 0, arguments.stream>>>(arguments.x, arguments.y, arguments.count);
  }
  return cudaGetLastError();
}

}  // namespace accelerate::cuda
