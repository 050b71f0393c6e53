#include "backends/cpu/row_kernels.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/cpu/linear_tail.h"
#include "backends/cpu/rope.h"
#include "base/arithmetic.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cpu {
namespace {

ValueId input_or_none(const Node& node, std::size_t index) { return index < node.inputs.size() ? node.inputs[index] : no_value; }

bool is_constant(const Graph& graph, ValueId value) { return !constant_parts(graph, value).empty(); }

bool is_matrix(const ValueType& type) { return type.dtype == DType::float32 && type.shape.size() == 2 && type.shape[1].is_static(); }

bool is_grouped_matrix(const ValueType& type) {
  return type.dtype == DType::float32 && type.shape.size() == 3 && type.shape[1].is_static() && type.shape[2].is_static();
}

/// The precision of a linear whose products are not of codes: what is stored as codes and does not fit the kernels is rounded
/// less than int8 would round it again.
Precision plain_precision(const Node& node, std::span<const StoredMatrix> parts) {
  const Precision precision = node.as<LinearOptions>().precision;
  const bool coded = std::ranges::any_of(parts, [](const StoredMatrix& part) { return part.codes.has_value(); });
  return coded && (precision == Precision::int8 || precision == Precision::int4) ? Precision::bf16 : precision;
}

class LinearKernel final : public RowKernel {
 public:
  LinearKernel(const RowKernelContext& context, const Node& node, std::span<const StoredMatrix> parts)
      : kernels_(context.kernels),
        precision_(plain_precision(node, parts)),
        input_(node.inputs[0]),
        output_(node.outputs[0]),
        weights_(context.weights.get(context.kernels, precision_, parts, context.threads)),
        tail_(context, node, panels() * panel_columns()) {}

  void run(const RowFrame& frame) const override { run_parts(frame, prepare(frame, 0, frame.count), 0, panels()); }

  std::int64_t prepared_bytes(std::int64_t rows) const override {
    return kernels_.prepared_bytes(precision_, rows, weights_->packed().inputs);
  }

  std::int64_t column_parts() const override { return panels(); }

  const void* prepare(const RowFrame& frame, std::int64_t first, std::int64_t last) const override {
    if (const std::byte* prepared = frame.prepared_rows(input_)) return prepared;
    const Rows<float> x = frame.rows(input_);
    return kernels_.prepare({.precision = precision_,
                             .x = x.data,
                             .stride = x.stride,
                             .rows = frame.count,
                             .inputs = weights_->packed().inputs,
                             .first_row = first,
                             .last_row = last,
                             .memory = frame.prepared});
  }

  bool prepares_rows_apart() const override { return true; }

  bool reads_prepared(ValueId value) const override { return precision_ == Precision::bf16 && value == input_; }

  bool writes_prepared() const override { return precision_ == Precision::bf16 && weights_->packed().outputs % 32 == 0; }

  std::int64_t tile_rows() const override { return kernels_.gemm_shape(precision_).tile_rows; }

  void run_parts(const RowFrame& frame, const void* prepared, std::int64_t first, std::int64_t last) const override {
    const Rows<float> y = frame.rows(output_);
    kernels_.gemm({.weights = weights_->packed(),
                   .prepared = prepared,
                   .rows = frame.count,
                   .first_panel = first,
                   .last_panel = last,
                   .output = y.data,
                   .output_stride = y.stride,
                   .tail = tail_.on(frame),
                   .prepared_output = frame.prepared_rows(output_)},
                  frame.rows(input_).stride);
  }

 private:
  std::int64_t panel_columns() const { return kernels_.gemm_shape(precision_).panel_columns; }
  std::int64_t panels() const { return divide_up(weights_->packed().outputs, panel_columns()); }

  const KernelTable& kernels_;
  Precision precision_;
  ValueId input_;
  ValueId output_;
  std::shared_ptr<const LinearWeights> weights_;
  LinearTail tail_;
};

/// layer_norm, rms_norm and add_norm.
class NormKernel final : public RowKernel {
 public:
  NormKernel(const RowKernelContext& context, const Node& node, bool sum_is_read)
      : norm_(node.op == Op::rms_norm ? context.kernels.rms_norm : context.kernels.layer_norm),
        epsilon_(node.as<NormOptions>().epsilon),
        input_(node.inputs[0]),
        residual_(node.op == Op::add_norm ? node.inputs[1] : no_value),
        output_(node.outputs[0]),
        sum_(node.op == Op::add_norm && sum_is_read ? node.outputs[1] : no_value),
        columns_(context.placements[node.inputs[0]].columns) {
    const std::size_t first = node.op == Op::add_norm ? 2 : 1;
    scale_ = constant_floats(context.graph, input_or_none(node, first));
    bias_ = constant_floats(context.graph, input_or_none(node, first + 1));
  }

  void run(const RowFrame& frame) const override {
    const Rows<float> x = frame.rows(input_);
    const Rows<float> y = frame.rows(output_);
    const Rows<float> residual = residual_ == no_value ? Rows<float>{} : frame.rows(residual_);
    const Rows<float> sum = sum_ == no_value ? Rows<float>{} : frame.rows(sum_);
    norm_({.input = x.data,
           .residual = residual.data,
           .scale = scale_.empty() ? nullptr : scale_.data(),
           .bias = bias_.empty() ? nullptr : bias_.data(),
           .sum = sum.data,
           .output = y.data,
           .input_stride = x.stride,
           .residual_stride = residual.stride,
           .sum_stride = sum.stride,
           .output_stride = y.stride,
           .rows = frame.count,
           .columns = columns_,
           .epsilon = epsilon_});
  }

 private:
  void (*norm_)(const NormArguments&);
  float epsilon_;
  ValueId input_;
  ValueId residual_;
  ValueId output_;
  ValueId sum_;
  std::int64_t columns_;
  std::vector<float> scale_;
  std::vector<float> bias_;
};

class EmbeddingNormKernel final : public RowKernel {
 public:
  EmbeddingNormKernel(const RowKernelContext& context, const Node& node)
      : kernels_(context.kernels),
        epsilon_(node.as<NormOptions>().epsilon),
        output_(node.outputs[0]),
        columns_(context.placements[node.outputs[0]].columns),
        scale_(constant_floats(context.graph, node.inputs[0])),
        bias_(constant_floats(context.graph, node.inputs[1])) {
    for (std::size_t i = 2; i < node.inputs.size(); i += 2)
      lookups_.push_back({*context.graph.constant_of(node.inputs[i]), node.inputs[i + 1]});
  }

  void run(const RowFrame& frame) const override {
    const Rows<float> y = frame.rows(output_);
    std::vector<float> addend(static_cast<std::size_t>(columns_));
    std::vector<Rows<const std::int64_t>> indices;
    for (const Lookup& each : lookups_) indices.push_back(frame.indices(each.indices));
    for (std::int64_t row = 0; row < frame.count; ++row) {
      float* sum = y.data + row * y.stride;
      for (std::size_t i = 0; i < lookups_.size(); ++i) {
        const float* found = lookup(lookups_[i], indices[i].data[row * indices[i].stride], addend.data());
        if (i == 0)
          std::copy_n(found, columns_, sum);
        else
          kernels_.binary(BinaryFunction::add, sum, found, sum, columns_);
      }
    }
    kernels_.layer_norm({.input = y.data,
                         .scale = scale_.data(),
                         .bias = bias_.empty() ? nullptr : bias_.data(),
                         .output = y.data,
                         .input_stride = y.stride,
                         .output_stride = y.stride,
                         .rows = frame.count,
                         .columns = columns_,
                         .epsilon = epsilon_});
  }

 private:
  struct Lookup {
    ConstantOptions table;
    ValueId indices;
  };

  /// Row `index` of the table: in place when it is float32, else decoded into `decoded`.
  const float* lookup(const Lookup& lookup, std::int64_t index, float* decoded) const {
    const Tensor& table = lookup.table.tensor;
    if (index < 0 || index >= table.dim(0))
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("[gather] index {} is outside the table of {} rows ('{}')", index, table.dim(0), lookup.table.name));
    if (table.dtype() == DType::float32) return table.values<float>().data() + index * columns_;
    decode_floats(table, index * columns_, columns_, decoded);
    return decoded;
  }

  const KernelTable& kernels_;
  float epsilon_;
  ValueId output_;
  std::int64_t columns_;
  std::vector<float> scale_;
  std::vector<float> bias_;
  std::vector<Lookup> lookups_;
};

class UnaryKernel final : public RowKernel {
 public:
  UnaryKernel(const RowKernelContext& context, const Node& node)
      : kernels_(context.kernels),
        function_(node.as<UnaryOptions>().function),
        input_(node.inputs[0]),
        output_(node.outputs[0]),
        columns_(context.placements[node.outputs[0]].columns) {}

  void run(const RowFrame& frame) const override {
    const Rows<float> x = frame.rows(input_);
    const Rows<float> y = frame.rows(output_);
    for (std::int64_t row = 0; row < frame.count; ++row)
      kernels_.unary(function_, x.data + row * x.stride, y.data + row * y.stride, columns_);
  }

 private:
  const KernelTable& kernels_;
  UnaryFunction function_;
  ValueId input_;
  ValueId output_;
  std::int64_t columns_;
};

/// A function of two values of one shape, or of a value and a constant that is stretched over its rows.
class BinaryKernel final : public RowKernel {
 public:
  BinaryKernel(const RowKernelContext& context, const Node& node)
      : kernels_(context.kernels),
        function_(node.as<BinaryOptions>().function),
        output_(node.outputs[0]),
        columns_(context.placements[node.outputs[0]].columns),
        left_(operand(context.graph, node.inputs[0])),
        right_(operand(context.graph, node.inputs[1])) {}

  void run(const RowFrame& frame) const override {
    const Rows<const float> a = rows(frame, left_);
    const Rows<const float> b = rows(frame, right_);
    const Rows<float> y = frame.rows(output_);
    for (std::int64_t row = 0; row < frame.count; ++row)
      kernels_.binary(function_, a.data + row * a.stride, b.data + row * b.stride, y.data + row * y.stride, columns_);
  }

 private:
  struct Operand {
    ValueId value;
    std::vector<float> row;  ///< of a constant, in place of the value's
  };

  Operand operand(const Graph& graph, ValueId value) const {
    Operand result{.value = value, .row = constant_floats(graph, value)};
    if (result.row.size() == 1) result.row.resize(static_cast<std::size_t>(columns_), result.row.front());
    return result;
  }

  static Rows<const float> rows(const RowFrame& frame, const Operand& operand) {
    if (!operand.row.empty()) return {operand.row.data(), 0};
    const Rows<float> found = frame.rows(operand.value);
    return {found.data, found.stride};
  }

  const KernelTable& kernels_;
  BinaryFunction function_;
  ValueId output_;
  std::int64_t columns_;
  Operand left_;
  Operand right_;
};

/// Values side by side: concat along the columns.
class ConcatKernel final : public RowKernel {
 public:
  ConcatKernel(const RowKernelContext& context, const Node& node) : output_(node.outputs[0]) {
    for (ValueId input : node.inputs) parts_.push_back({input, context.placements[input].columns});
  }

  void run(const RowFrame& frame) const override {
    const Rows<float> y = frame.rows(output_);
    std::int64_t first = 0;
    for (const Part& part : parts_) {
      const Rows<float> x = frame.rows(part.value);
      for (std::int64_t row = 0; row < frame.count; ++row)
        std::copy_n(x.data + row * x.stride, part.columns, y.data + row * y.stride + first);
      first += part.columns;
    }
  }

 private:
  struct Part {
    ValueId value;
    std::int64_t columns;
  };

  std::vector<Part> parts_;
  ValueId output_;
};

class RopeKernel final : public RowKernel {
 public:
  RopeKernel(const RowKernelContext& context, const Node& node)
      : options_(node.as<RopeOptions>()),
        input_(node.inputs[0]),
        cosines_(node.inputs[1]),
        sines_(node.inputs[2]),
        output_(node.outputs[0]),
        heads_(context.graph.type(node.inputs[0]).shape[1].value()),
        size_(context.graph.type(node.inputs[0]).shape[2].value()),
        pairs_(context.placements[node.inputs[1]].columns) {}

  void run(const RowFrame& frame) const override {
    const Rows<float> x = frame.rows(input_);
    const Rows<float> cosines = frame.rows(cosines_);
    const Rows<float> sines = frame.rows(sines_);
    const Rows<float> y = frame.rows(output_);
    turn_rows({.x = x.data,
               .cosines = cosines.data,
               .sines = sines.data,
               .y = y.data,
               .x_stride = x.stride,
               .cosines_stride = cosines.stride,
               .sines_stride = sines.stride,
               .y_stride = y.stride,
               .rows = frame.count,
               .heads = heads_,
               .size = size_,
               .pairs = pairs_},
              options_);
  }

 private:
  RopeOptions options_;
  ValueId input_;
  ValueId cosines_;
  ValueId sines_;
  ValueId output_;
  std::int64_t heads_;
  std::int64_t size_;
  std::int64_t pairs_;
};

bool is_arithmetic(BinaryFunction function) {
  switch (function) {
    case BinaryFunction::add:
    case BinaryFunction::subtract:
    case BinaryFunction::multiply:
    case BinaryFunction::divide:
    case BinaryFunction::minimum:
    case BinaryFunction::maximum:
      return true;
    default:
      return false;
  }
}

/// Whether the value is a constant that can be stretched over rows of `columns`.
bool is_constant_row(const Graph& graph, ValueId value, std::int64_t columns) {
  const ConstantOptions* constant = graph.constant_of(value);
  if (constant == nullptr || graph.type(value).dtype != DType::float32) return false;
  const std::int64_t size = constant->tensor.size();
  return constant->tensor.rank() <= 2 && (size == 1 || (size == columns && constant->tensor.dim(-1) == columns));
}

/// Whether the operands are matrices of the output's shape, or one of them a constant that is stretched to it.
bool are_row_operands(const Graph& graph, const Node& node) {
  const ValueType& output = graph.type(node.outputs[0]);
  if (!is_matrix(output)) return false;
  int matrices = 0;
  for (ValueId input : node.inputs) {
    if (is_constant_row(graph, input, output.shape[1].value())) continue;
    if (graph.constant_of(input) != nullptr || graph.type(input).shape != output.shape) return false;
    ++matrices;
  }
  return matrices > 0;
}

bool constant_or_absent(const Graph& graph, const Node& node, std::size_t index) {
  return input_or_none(node, index) == no_value || is_constant(graph, node.inputs[index]);
}

}  // namespace

bool is_row_local(const Graph& graph, const Node& node) {
  const auto matrix = [&](ValueId value) { return is_matrix(graph.type(value)) && graph.constant_of(value) == nullptr; };
  switch (node.op) {
    case Op::linear:
      return matrix(node.inputs[0]) && !stored_matrices(graph, node.inputs[1]).empty() && constant_or_absent(graph, node, 2) &&
             (input_or_none(node, 3) == no_value || matrix(node.inputs[3]));
    case Op::grouped_linear:
      return is_grouped_matrix(graph.type(node.inputs[0])) && graph.constant_of(node.inputs[1]) != nullptr &&
             constant_or_absent(graph, node, 2);
    case Op::layer_norm:
    case Op::rms_norm:
      return matrix(node.inputs[0]) && constant_or_absent(graph, node, 1) && constant_or_absent(graph, node, 2);
    case Op::add_norm:
      return matrix(node.inputs[0]) && matrix(node.inputs[1]) && is_constant(graph, node.inputs[2]) && constant_or_absent(graph, node, 3);
    case Op::embedding_norm: {
      bool tables = is_matrix(graph.type(node.outputs[0])) && is_constant(graph, node.inputs[0]) && constant_or_absent(graph, node, 1);
      for (std::size_t i = 2; i < node.inputs.size(); i += 2) tables = tables && graph.constant_of(node.inputs[i]) != nullptr;
      return tables;
    }
    case Op::unary:
      return matrix(node.inputs[0]);
    case Op::binary:
      return is_arithmetic(node.as<BinaryOptions>().function) && are_row_operands(graph, node);
    case Op::concat:
      return node.as<AxisOptions>().axis == 1 && std::ranges::all_of(node.inputs, matrix);
    case Op::rope: {
      const ValueType& x = graph.type(node.inputs[0]);
      return graph.constant_of(node.inputs[0]) == nullptr && x.shape[1].is_static() && matrix(node.inputs[1]) && matrix(node.inputs[2]);
    }
    default:
      return false;
  }
}

std::unique_ptr<RowKernel> make_row_kernel(const RowKernelContext& context, const Node& node) {
  switch (node.op) {
    case Op::linear:
      if (auto coded = make_coded_linear_kernel(context, node)) return coded;
      return std::make_unique<LinearKernel>(context, node, stored_matrices(context.graph, node.inputs[1]));
    case Op::grouped_linear:
      return make_grouped_linear_kernel(context, node);
    case Op::layer_norm:
    case Op::rms_norm:
      return std::make_unique<NormKernel>(context, node, false);
    case Op::add_norm:
      return std::make_unique<NormKernel>(context, node, context.graph.use_counts()[static_cast<std::size_t>(node.outputs[1])] > 0);
    case Op::embedding_norm:
      return std::make_unique<EmbeddingNormKernel>(context, node);
    case Op::unary:
      return std::make_unique<UnaryKernel>(context, node);
    case Op::binary:
      return std::make_unique<BinaryKernel>(context, node);
    case Op::concat:
      return std::make_unique<ConcatKernel>(context, node);
    case Op::rope:
      return std::make_unique<RopeKernel>(context, node);
    default:
      throw Error(ErrorKind::internal, fmt::format("[{}] does not run row by row", traits_of(node.op).name));
  }
}

}  // namespace accelerate::cpu
