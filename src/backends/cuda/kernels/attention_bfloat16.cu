#include "backends/cuda/kernels/attention_half_kernel.cuh"

namespace accelerate::cuda {

cudaError_t bfloat16_attention(const AttentionProblem& problem, std::int64_t query_tokens, cudaStream_t stream) {
  return half_attention<Element::bfloat16>(problem, query_tokens, stream);
}

}  // namespace accelerate::cuda
