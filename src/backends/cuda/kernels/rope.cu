#include "backends/cuda/kernels/rope.cuh"

#include <algorithm>

#include "backends/cuda/kernels/elements.cuh"

namespace accelerate::cuda {
namespace {

/// A block takes a token, of whose heads each thread takes a pair, or a number that stays, at a time.
__global__ void __launch_bounds__(256) turn(const __grid_constant__ RopeArguments arguments) {
  const std::int64_t items = arguments.size - arguments.pairs;  // of a head
  for (std::int64_t token = blockIdx.x; token < arguments.tokens; token += gridDim.x) {
    const float* cosines = arguments.cosines + token * arguments.pairs;
    const float* sines = arguments.sines + token * arguments.pairs;
    for (std::int64_t number = threadIdx.x; number < arguments.heads * items; number += blockDim.x) {
      const std::int64_t item = number % items;
      const TurnedPair pair = turned_pair(item, arguments.pairs, arguments.interleaved);
      const std::int64_t from = token * arguments.x.stride + number / items * arguments.size;
      const std::int64_t to = token * arguments.y.stride + number / items * arguments.size;
      const float a = Floats::load(arguments.x.data, arguments.x.element, from + pair.first);
      if (pair.second < 0) {
        Floats::store(arguments.y.data, arguments.y.element, to + pair.first, a);
        continue;
      }
      const float b = Floats::load(arguments.x.data, arguments.x.element, from + pair.second);
      Floats::store(arguments.y.data, arguments.y.element, to + pair.first, a * cosines[item] - b * sines[item]);
      Floats::store(arguments.y.data, arguments.y.element, to + pair.second, b * cosines[item] + a * sines[item]);
    }
  }
}

}  // namespace

Status rope(const RopeArguments& arguments) {
  const std::int64_t columns = arguments.heads * arguments.size;
  if (arguments.tokens <= 0 || columns <= 0) return cudaSuccess;
  RopeArguments complete = arguments;
  if (complete.x.stride == 0) complete.x.stride = columns;
  if (complete.y.stride == 0) complete.y.stride = columns;
  const std::int64_t items = arguments.heads * (arguments.size - arguments.pairs);
  const auto blocks = static_cast<unsigned>(std::min<std::int64_t>(arguments.tokens, 1 << 20));
  const auto threads = static_cast<unsigned>(std::clamp<std::int64_t>((items + 31) / 32 * 32, 32, 256));
  turn<<<blocks, threads, 0, arguments.stream>>>(complete);
  return cudaGetLastError();
}

}  // namespace accelerate::cuda
