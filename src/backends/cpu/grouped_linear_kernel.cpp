#include <algorithm>

#include "backends/cpu/row_kernels.h"
#include "base/arithmetic.h"

namespace accelerate::cpu {
namespace {

/// Each group's columns by its own weight.
class GroupedLinearKernel final : public RowKernel {
 public:
  GroupedLinearKernel(const RowKernelContext& context, const Node& node)
      : kernels_(context.kernels), precision_(node.as<LinearOptions>().precision), input_(node.inputs[0]), output_(node.outputs[0]) {
    const Shape& shape = context.graph.type(node.inputs[1]).shape;
    groups_ = shape[0].value();
    outputs_ = shape[1].value();
    inputs_ = shape[2].value();
    const std::vector<float> all = constant_floats(context.graph, node.inputs[1]);
    const std::span<const float> rows(all);
    const auto size = static_cast<std::size_t>(outputs_ * inputs_);
    for (std::int64_t group = 0; group < groups_; ++group) {
      const Tensor own = Tensor::from(rows.subspan(static_cast<std::size_t>(group) * size, size), {outputs_, inputs_});
      const StoredMatrix part{.tensor = &own};
      weights_.emplace_back(context.kernels, precision_, std::span(&part, 1), context.threads);
    }
    if (node.inputs.size() > 2) set_biases(constant_floats(context.graph, node.inputs[2]));
  }

  void run(const RowFrame& frame) const override { run_parts(frame, nullptr, 0, groups_); }

  std::int64_t prepared_bytes(std::int64_t rows) const override { return groups_ * group_bytes(rows); }

  std::int64_t column_parts() const override { return groups_; }

  void run_parts(const RowFrame& frame, const void*, std::int64_t first, std::int64_t last) const override {
    const Rows<float> x = frame.rows(input_);
    const Rows<float> y = frame.rows(output_);
    for (std::int64_t group = first; group < last; ++group) {
      const PackedWeights& weights = weights_[static_cast<std::size_t>(group)].packed();
      const void* prepared = kernels_.prepare({.precision = precision_,
                                               .x = x.data + group * inputs_,
                                               .stride = x.stride,
                                               .rows = frame.count,
                                               .inputs = inputs_,
                                               .first_row = 0,
                                               .last_row = frame.count,
                                               .memory = frame.prepared + group * group_bytes(frame.count)});
      kernels_.gemm({.weights = weights,
                     .prepared = prepared,
                     .rows = frame.count,
                     .first_panel = 0,
                     .last_panel = divide_up(outputs_, panel_columns()),
                     .output = y.data + group * outputs_,
                     .output_stride = y.stride,
                     .tail = {.bias = biases_.empty() ? nullptr : biases_.data() + group * padded_outputs(),
                              .activation = nullptr,
                              .residual = nullptr,
                              .residual_stride = 0}},
                    x.stride);
    }
  }

 private:
  std::int64_t panel_columns() const { return kernels_.gemm_shape(precision_).panel_columns; }
  std::int64_t padded_outputs() const { return round_up(outputs_, panel_columns()); }
  std::int64_t group_bytes(std::int64_t rows) const { return kernels_.prepared_bytes(precision_, rows, inputs_); }

  /// Lays the biases out so that tails may read whole vectors of a group's last panel.
  void set_biases(const std::vector<float>& given) {
    if (given.empty()) return;
    biases_.assign(static_cast<std::size_t>(groups_ * padded_outputs()), 0.0F);
    for (std::int64_t group = 0; group < groups_; ++group)
      std::copy_n(given.data() + group * outputs_, outputs_, biases_.data() + group * padded_outputs());
  }

  const KernelTable& kernels_;
  Precision precision_;
  ValueId input_;
  ValueId output_;
  std::int64_t groups_ = 0;
  std::int64_t outputs_ = 0;
  std::int64_t inputs_ = 0;
  std::vector<LinearWeights> weights_;
  std::vector<float> biases_;
};

}  // namespace

std::unique_ptr<RowKernel> make_grouped_linear_kernel(const RowKernelContext& context, const Node& node) {
  return std::make_unique<GroupedLinearKernel>(context, node);
}

}  // namespace accelerate::cpu
