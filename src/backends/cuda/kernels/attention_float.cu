// The kernel around FloatAttention, one for each width.
#include "backends/cuda/kernels/attention_float.cuh"

#include "backends/cuda/kernels/attention_launch.cuh"
#include "backends/cuda/kernels/elements.cuh"

namespace accelerate::cuda {
namespace {

template <int Width>
__global__ void __launch_bounds__(128) attend_float(const __grid_constant__ AttentionProblem problem) {
  using Attention = FloatAttention<Floats, Width>;
  extern __shared__ __align__(16) unsigned char shared_bytes[];
  auto& shared = *reinterpret_cast<typename Attention::Shared*>(shared_bytes);
  const int thread = static_cast<int>(threadIdx.x);
  const BlockPlace place = block_place(problem.heads);
  const auto count = [&](auto predicate) { return __syncthreads_count(predicate(thread) ? 1 : 0); };
  const QueryBlock block = query_block(place.number, problem, Attention::block_queries, Attention::threads, count);
  if (block.rows == 0) return;
  Attention attention(problem, block, place.head, shared);
  typename Attention::Sums sums;
  attention.begin(thread, sums);
  const int end = attention.end_key();
  for (int tile = attention.first_tile(count); tile < end; tile = attention.tile_after(tile, count)) {
    __syncthreads();
    attention.fetch(thread, tile);
    __syncthreads();
    attention.score(thread, tile);
    __syncthreads();
    attention.weigh(thread);
    __syncthreads();
    attention.add(thread, sums);
  }
  __syncthreads();
  attention.store(thread, sums);
}

template <int Width>
cudaError_t launch(const AttentionProblem& problem, std::int64_t query_tokens, cudaStream_t stream) {
  using Attention = FloatAttention<Floats, Width>;
  return launch_attention(attend_float<Width>, problem,
                          {.query_tokens = query_tokens,
                           .block_queries = Attention::block_queries,
                           .threads = Attention::threads,
                           .shared_bytes = sizeof(typename Attention::Shared),
                           .stream = stream});
}

}  // namespace

cudaError_t float_attention(const AttentionProblem& problem, std::int64_t query_tokens, cudaStream_t stream) {
  const int size = problem.size > problem.value_size ? problem.size : problem.value_size;
  if (size <= 32) return launch<32>(problem, query_tokens, stream);
  if (size <= 64) return launch<64>(problem, query_tokens, stream);
  if (size <= 128) return launch<128>(problem, query_tokens, stream);
  return launch<256>(problem, query_tokens, stream);
}

}  // namespace accelerate::cuda
