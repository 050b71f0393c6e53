// How attention kernels are launched: one block for each head and each block of queries.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "backends/cuda/kernels/attention_problem.cuh"

namespace accelerate::cuda {

/// For any element and any size up to 256.
cudaError_t float_attention(const AttentionProblem& problem, std::int64_t query_tokens, cudaStream_t stream);

/// On tensor cores: elements of 16 bits, sizes up to 128 that are multiples of 8, arrays on 16-byte boundaries with strides
/// that keep them there.
cudaError_t float16_attention(const AttentionProblem& problem, std::int64_t query_tokens, cudaStream_t stream);
cudaError_t bfloat16_attention(const AttentionProblem& problem, std::int64_t query_tokens, cudaStream_t stream);

struct AttentionLaunch {
  std::int64_t query_tokens;
  int block_queries;
  int threads;
  std::size_t shared_bytes;
  cudaStream_t stream;
};

template <class Kernel>
cudaError_t launch_attention(Kernel kernel, const AttentionProblem& problem, const AttentionLaunch& launch) {
  const std::int64_t numbers = launch.query_tokens / launch.block_queries + problem.sequences;
  const std::int64_t blocks = numbers * problem.heads;
  if (blocks > 0x7fffffff) return cudaErrorInvalidConfiguration;
  // More shared memory than any kernel may have by default must be asked for.
  if (launch.shared_bytes > std::size_t{48} * 1024) {
    const cudaError_t error =
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(launch.shared_bytes));
    if (error != cudaSuccess) return error;
  }
  kernel<<<static_cast<unsigned>(blocks), static_cast<unsigned>(launch.threads), launch.shared_bytes, launch.stream>>>(problem);
  return cudaGetLastError();
}

/// What this block works on. The last queries come first: where attention is causal they see the most keys, and work that
/// begins last had better be short.
struct BlockPlace {
  std::int64_t number;
  int head;
};

__device__ inline BlockPlace block_place(int heads) {
  const auto block = static_cast<std::int64_t>(gridDim.x - 1 - blockIdx.x);
  return {block / heads, static_cast<int>(block % heads)};
}

}  // namespace accelerate::cuda
