#pragma once

#include "backends/cpu/row_kernels.h"

namespace accelerate::cpu {

/// What a linear does to its product: bias, activation and residual of the node.
class LinearTail {
 public:
  /// `outputs` are the outputs up to whole panels, which tails read.
  LinearTail(const RowKernelContext& context, const Node& node, std::int64_t outputs)
      : activation_(node.as<LinearOptions>().activation), residual_(node.inputs.size() > 3 ? node.inputs[3] : no_value) {
    if (node.inputs.size() > 2) bias_ = constant_floats(context.graph, node.inputs[2]);
    if (!bias_.empty()) bias_.resize(static_cast<std::size_t>(outputs), 0.0F);
  }

  /// The tail on the frame's rows.
  GemmTail on(const RowFrame& frame) const {
    GemmTail tail{.bias = bias_.empty() ? nullptr : bias_.data(),
                  .activation = activation_ ? &*activation_ : nullptr,
                  .residual = nullptr,
                  .residual_stride = 0};
    if (residual_ != no_value) {
      const Rows<float> residual = frame.rows(residual_);
      tail.residual = residual.data;
      tail.residual_stride = residual.stride;
    }
    return tail;
  }

 private:
  std::optional<UnaryFunction> activation_;
  ValueId residual_;
  std::vector<float> bias_;
};

}  // namespace accelerate::cpu
