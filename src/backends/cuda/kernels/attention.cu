// attention: which of the kernels computes it.
#include <algorithm>

#include "backends/cuda/kernels/attention_launch.cuh"

namespace accelerate::cuda {
namespace {

bool is_aligned(const void* data) { return reinterpret_cast<std::uintptr_t>(data) % 16 == 0; }

/// Whether sixteen bytes at a time can be read of every head of every token.
bool suits_tensor_cores(const AttentionProblem& problem) {
  return problem.element != Element::float32 && problem.size <= 128 && problem.value_size <= 128 && problem.size % 8 == 0 &&
         problem.value_size % 8 == 0 && problem.query_stride % 8 == 0 && problem.key_stride % 8 == 0 && problem.value_stride % 8 == 0 &&
         problem.y_stride % 8 == 0 && problem.key_offset % 16 == 0 && problem.value_offset % 16 == 0 && is_aligned(problem.query) &&
         is_aligned(problem.key) && is_aligned(problem.value) && is_aligned(problem.y);
}

int distance_limit(std::int64_t window) {
  return window < 0 ? unlimited_distance : static_cast<int>(std::min<std::int64_t>(window, unlimited_distance));
}

std::int64_t stride_or(std::int64_t stride, std::int64_t dense) { return stride == 0 ? dense : stride; }

AttentionProblem problem_of(const AttentionArguments& arguments) {
  const std::int64_t value_size = stride_or(arguments.value_size, arguments.size);
  const int ahead = distance_limit(arguments.window_right);
  return {.query = arguments.query,
          .key = arguments.key,
          .value = arguments.value,
          .y = arguments.y.data,
          .element = arguments.element,
          .y_element = arguments.y.element,
          .query_stride = stride_or(arguments.query_stride, arguments.heads * arguments.size),
          .key_stride = stride_or(arguments.key_stride, arguments.key_heads * arguments.size),
          .value_stride = stride_or(arguments.value_stride, arguments.key_heads * value_size),
          .y_stride = stride_or(arguments.y_stride != 0 ? arguments.y_stride : arguments.y.stride, arguments.heads * value_size),
          .heads = static_cast<int>(arguments.heads),
          .key_heads = static_cast<int>(arguments.key_heads),
          .size = static_cast<int>(arguments.size),
          .value_size = static_cast<int>(value_size),
          .query_begins = arguments.query_begins,
          .key_begins = arguments.key_begins,
          .sequences = arguments.sequences,
          .scale = arguments.scale,
          .softcap = arguments.softcap,
          .behind = distance_limit(arguments.window_left),
          .ahead = arguments.causal ? 0 : ahead,
          .global_keys = arguments.global_keys,
          .slopes = arguments.slopes,
          .head_bias = arguments.head_bias,
          .query_bias = arguments.query_bias,
          .key_bias = arguments.key_bias,
          .distance_columns = arguments.distance_columns,
          .bias_columns = arguments.bias_columns,
          .distance_radius = static_cast<int>(std::min<std::int64_t>(arguments.distance_radius, unlimited_distance)),
          .pages = arguments.pages,
          .key_offset = arguments.key_offset,
          .value_offset = arguments.value_offset};
}

}  // namespace

Status attention(const AttentionArguments& arguments) {
  if (arguments.query_tokens <= 0 || arguments.sequences <= 0 || arguments.heads <= 0) return cudaSuccess;
  if (arguments.size < 0 || arguments.size > 256 || arguments.value_size > 256 || arguments.key_heads <= 0 ||
      arguments.heads % arguments.key_heads != 0)
    return cudaErrorInvalidValue;
  if (arguments.pages.pages != nullptr && (arguments.key_bias != nullptr || arguments.global_keys != nullptr)) return cudaErrorInvalidValue;
  const AttentionProblem problem = problem_of(arguments);
  if (!suits_tensor_cores(problem)) return float_attention(problem, arguments.query_tokens, arguments.stream);
  if (problem.element == Element::float16) return float16_attention(problem, arguments.query_tokens, arguments.stream);
  return bfloat16_attention(problem, arguments.query_tokens, arguments.stream);
}

}  // namespace accelerate::cuda
