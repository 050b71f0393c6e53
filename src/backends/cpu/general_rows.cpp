// Ops that treat each row of the last axis by itself: the kernels do the work.
#include "backends/cpu/general_ops.h"
#include "backends/cpu/kernels/kernel_table.h"
#include "backends/cpu/rope.h"

namespace accelerate::cpu {
namespace {

using NormKernel = void (*)(const NormArguments& arguments);

/// The optional input, or nullptr where it is absent.
const float* optional(const GeneralCall& call, std::size_t index) {
  return index < call.inputs.size() ? elements<float>(call.inputs[index]) : nullptr;
}

void run_norm(const GeneralCall& call, NormKernel kernel) {
  const std::int64_t columns = call.output.shape.back();
  const std::int64_t rows = count_of(std::span(call.output.shape).first(call.output.shape.size() - 1));
  if (columns == 0) return;
  for_chunks(call.threads, rows, items_per_chunk(columns), [&](std::int64_t begin, std::int64_t end) {
    kernel({.input = elements<float>(call.inputs[0]) + begin * columns,
            .scale = optional(call, 1),
            .bias = optional(call, 2),
            .output = elements<float>(call.output) + begin * columns,
            .input_stride = columns,
            .output_stride = columns,
            .rows = end - begin,
            .columns = columns,
            .epsilon = call.node.as<NormOptions>().epsilon});
  });
}

}  // namespace

void run_layer_norm(const GeneralCall& call) { run_norm(call, kernels().layer_norm); }

void run_rms_norm(const GeneralCall& call) { run_norm(call, kernels().rms_norm); }

void run_rope(const GeneralCall& call) {
  const std::int64_t heads = call.output.shape[1];
  const std::int64_t size = call.output.shape[2];
  const std::int64_t pairs = call.inputs[1].shape[1];
  const std::int64_t columns = heads * size;
  for_chunks(call.threads, call.output.shape[0], items_per_chunk(columns), [&](std::int64_t begin, std::int64_t end) {
    turn_rows({.x = elements<float>(call.inputs[0]) + begin * columns,
               .cosines = elements<float>(call.inputs[1]) + begin * pairs,
               .sines = elements<float>(call.inputs[2]) + begin * pairs,
               .y = elements<float>(call.output) + begin * columns,
               .x_stride = columns,
               .cosines_stride = pairs,
               .sines_stride = pairs,
               .y_stride = columns,
               .rows = end - begin,
               .heads = heads,
               .size = size,
               .pairs = pairs},
              call.node.as<RopeOptions>());
  });
}

void run_softmax(const GeneralCall& call) {
  const auto kernel = kernels().softmax;
  const std::int64_t columns = call.output.shape.back();
  const std::int64_t rows = count_of(std::span(call.output.shape).first(call.output.shape.size() - 1));
  const auto* x = elements<float>(call.inputs[0]);
  auto* y = elements<float>(call.output);
  if (columns == 0) return;
  for_chunks(call.threads, rows, items_per_chunk(columns), [&](std::int64_t begin, std::int64_t end) {
    kernel(x + begin * columns, y + begin * columns, end - begin, columns, call.node.as<SoftmaxOptions>().logarithm);
  });
}

}  // namespace accelerate::cpu
