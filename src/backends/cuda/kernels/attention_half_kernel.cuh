// The kernel around HalfAttention and the choice among its forms.
#pragma once

#include "backends/cuda/kernels/attention_half.cuh"
#include "backends/cuda/kernels/attention_launch.cuh"
#include "backends/cuda/kernels/attention_machine.cuh"

namespace accelerate::cuda {

template <Element element, int Width, int Blocks, bool General>
__global__ void __launch_bounds__(128) attend_half(const __grid_constant__ AttentionProblem problem) {
  extern __shared__ __align__(16) std::uint16_t shared_halves[];
  const BlockPlace place = block_place(problem.heads);
  DeviceMachine<element> machine;
  HalfAttention<DeviceMachine<element>, Width, Blocks, General> attention(machine, problem, shared_halves);
  attention.run(place.number, place.head);
}

template <Element element, int Width, int Blocks, bool General>
cudaError_t launch_half(const AttentionProblem& problem, std::int64_t query_tokens, cudaStream_t stream) {
  using Attention = HalfAttention<DeviceMachine<element>, Width, Blocks, General>;
  return launch_attention(attend_half<element, Width, Blocks, General>, problem,
                          {.query_tokens = query_tokens,
                           .block_queries = Attention::block_queries,
                           .threads = Attention::threads,
                           .shared_bytes = Attention::shared_bytes,
                           .stream = stream});
}

/// Narrow heads leave registers for 32 queries a warp, which halves the reads of keys and values; short sequences would leave
/// half of them idle.
template <Element element, int Width, bool General>
cudaError_t launch_half_of_width(const AttentionProblem& problem, std::int64_t query_tokens, cudaStream_t stream) {
  if constexpr (Width <= 64 && !General)
    if (query_tokens > 96 * problem.sequences) return launch_half<element, Width, 2, General>(problem, query_tokens, stream);
  return launch_half<element, Width, 1, General>(problem, query_tokens, stream);
}

template <Element element, bool General>
cudaError_t launch_half_of_any_width(const AttentionProblem& problem, std::int64_t query_tokens, cudaStream_t stream) {
  const int size = problem.size > problem.value_size ? problem.size : problem.value_size;
  if (size <= 32) return launch_half_of_width<element, 32, General>(problem, query_tokens, stream);
  if (size <= 64) return launch_half_of_width<element, 64, General>(problem, query_tokens, stream);
  if (size <= 96) return launch_half_of_width<element, 96, General>(problem, query_tokens, stream);
  return launch_half_of_width<element, 128, General>(problem, query_tokens, stream);
}

template <Element element>
cudaError_t half_attention(const AttentionProblem& problem, std::int64_t query_tokens, cudaStream_t stream) {
  if (!problem.is_plain() || !(problem.scale > 0)) return launch_half_of_any_width<element, true>(problem, query_tokens, stream);
  return launch_half_of_any_width<element, false>(problem, query_tokens, stream);
}

}  // namespace accelerate::cuda
