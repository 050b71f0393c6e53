#include "graph/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

namespace accelerate {
namespace {

struct TextOf {
  std::string operator()(const NoOptions&) const { return {}; }
  std::string operator()(const InputOptions& o) const {
    switch (o.marked.which) {
      case MarkedTokens::Which::none:
        return o.name;
      case MarkedTokens::Which::first:
        return o.name + " marked=first";
      case MarkedTokens::Which::before:
        return fmt::format("{} marked=before {}", o.name, o.marked.id);
    }
    return {};
  }
  std::string operator()(const ConstantOptions& o) const {
    return fmt::format("{}{}stored={}", o.name, o.name.empty() ? "" : " ", name_of(o.tensor.dtype()));
  }
  std::string operator()(const ReshapeOptions& o) const { return accelerate::text_of(o.shape); }
  std::string operator()(const TransposeOptions& o) const { return fmt::format("[{}]", fmt::join(o.permutation, ", ")); }
  std::string operator()(const SliceOptions& o) const {
    return fmt::format("axis={} start={} stop={}{}", o.axis, o.start.text(), o.stop.text(),
                       o.step == 1 ? "" : fmt::format(" step={}", o.step));
  }
  std::string operator()(const AxisOptions& o) const { return fmt::format("axis={}", o.axis); }
  std::string operator()(const UnaryOptions& o) const { return std::string(name_of(o.function)); }
  std::string operator()(const BinaryOptions& o) const { return std::string(name_of(o.function)); }
  std::string operator()(const CastOptions& o) const { return std::string(name_of(o.dtype)); }
  std::string operator()(const ReduceOptions& o) const { return fmt::format("{} axis={}", name_of(o.function), o.axis); }
  std::string operator()(const SoftmaxOptions& o) const { return o.logarithm ? "logarithm" : ""; }
  std::string operator()(const MatmulOptions& o) const {
    return fmt::format("{}{}", o.transpose_a ? "transpose_a " : "", o.transpose_b ? "transpose_b" : "");
  }
  std::string operator()(const LinearOptions& o) const {
    std::string text = o.convolution ? " convolution" : "";
    if (o.activation) text += fmt::format(" activation={}", name_of(*o.activation));
    if (o.precision != Precision::fp32) text += fmt::format(" precision={}", name_of(o.precision));
    return text.empty() ? text : text.substr(1);
  }
  std::string operator()(const DequantizeOptions& o) const {
    return fmt::format("bits={} group_size={}{}", o.bits, o.group_size, o.zero == 0 ? "" : fmt::format(" zero={}", o.zero));
  }
  std::string operator()(const NormOptions& o) const { return fmt::format("epsilon={}", o.epsilon); }
  std::string operator()(const AttentionOptions& o) const {
    std::string text = fmt::format("scale={}", o.scale);
    if (o.softcap != 0) text += fmt::format(" softcap={}", o.softcap);
    if (o.causal) text += " causal";
    if (o.window_left >= 0 || o.window_right >= 0) text += fmt::format(" window={},{}", o.window_left, o.window_right);
    if (o.precision != Precision::fp32) text += fmt::format(" precision={}", name_of(o.precision));
    return text;
  }
  std::string operator()(const AppendOptions& o) const { return fmt::format("name={} rows={}", o.name, o.rows.text()); }
  std::string operator()(const ShiftOptions& o) const { return fmt::format("offset={}", o.offset); }
  std::string operator()(const RopeOptions& o) const { return o.interleaved ? "interleaved" : ""; }
  std::string operator()(const PoolOptions& o) const { return std::string(name_of(o.function)); }
};

}  // namespace

std::string_view name_of(UnaryFunction function) {
  constexpr std::array<std::string_view, 16> names{
      "negate",   "absolute",  "exponential", "logarithm", "square_root", "reciprocal_square_root",
      "sine",     "cosine",    "tanh",        "sigmoid",   "erf",         "relu",
      "gelu_erf", "gelu_tanh", "gelu_quick",  "silu"};
  return names.at(static_cast<std::size_t>(function));
}

std::string_view name_of(BinaryFunction function) {
  constexpr std::array<std::string_view, 11> names{"add",   "subtract", "multiply",  "divide", "minimum",   "maximum",
                                                   "power", "equal",    "not_equal", "less",   "less_equal"};
  return names.at(static_cast<std::size_t>(function));
}

std::string_view name_of(Reduction function) {
  constexpr std::array<std::string_view, 4> names{"sum", "mean", "maximum", "minimum"};
  return names.at(static_cast<std::size_t>(function));
}

std::string_view name_of(Pooling function) {
  constexpr std::array<std::string_view, 5> names{"mean", "maximum", "sum", "first", "last"};
  return names.at(static_cast<std::size_t>(function));
}

std::string text_of(const Options& options) { return std::visit(TextOf{}, options); }

}  // namespace accelerate
