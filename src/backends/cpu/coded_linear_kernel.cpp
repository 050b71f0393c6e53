// A linear whose weights are packed as codes.
#include "backends/cpu/linear_tail.h"
#include "backends/cpu/row_kernels.h"

namespace accelerate::cpu {
namespace {

class CodedLinearKernel final : public RowKernel {
 public:
  CodedLinearKernel(const RowKernelContext& context, const Node& node, const CodedFormat& format, std::span<const StoredMatrix> parts)
      : kernels_(context.kernels.coded),
        input_(node.inputs[0]),
        output_(node.outputs[0]),
        weights_(context.weights.get(context.kernels, format, parts, context.threads)),
        tail_(context, node, weights_->panels() * context.kernels.gemm_shape(Precision::int4).panel_columns) {}

  void run(const RowFrame& frame) const override { run_parts(frame, prepare(frame, 0, frame.count), 0, weights_->panels()); }

  std::int64_t prepared_bytes(std::int64_t rows) const override { return kernels_.prepared_bytes(weights_->packed(), rows); }

  std::int64_t column_parts() const override { return weights_->panels(); }

  const void* prepare(const RowFrame& frame, std::int64_t, std::int64_t) const override {
    const Rows<float> x = frame.rows(input_);
    kernels_.prepare(weights_->packed(), x.data, x.stride, frame.count, frame.prepared);
    return frame.prepared;
  }

  void run_parts(const RowFrame& frame, const void* prepared, std::int64_t first, std::int64_t last) const override {
    const Rows<float> y = frame.rows(output_);
    kernels_.gemm({.weights = weights_->packed(),
                   .prepared = prepared,
                   .rows = frame.count,
                   .first_panel = first,
                   .last_panel = last,
                   .output = y.data,
                   .output_stride = y.stride,
                   .tail = tail_.on(frame)});
  }

 private:
  const CodedKernels& kernels_;
  ValueId input_;
  ValueId output_;
  std::shared_ptr<const CodedLinearWeights> weights_;
  LinearTail tail_;
};

}  // namespace

std::unique_ptr<RowKernel> make_coded_linear_kernel(const RowKernelContext& context, const Node& node) {
  const std::vector<StoredMatrix> parts = stored_matrices(context.graph, node.inputs[1]);
  const std::optional<CodedFormat> format = coded_format_of(parts, node.as<LinearOptions>().precision);
  return format ? std::make_unique<CodedLinearKernel>(context, node, *format, parts) : nullptr;
}

}  // namespace accelerate::cpu
