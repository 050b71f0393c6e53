// unary, binary, where, cast.
#include "backends/openvino/translation.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::openvino {
namespace {

template <typename T, typename... Arguments>
Output make(Arguments&&... arguments) {
  return std::make_shared<T>(std::forward<Arguments>(arguments)...);
}

Output zero_like(const Output& x) { return ops::Constant::create(x.get_element_type(), {}, {0}); }

Output is_not_zero(const Output& x) { return make<ops::NotEqual>(x, zero_like(x)); }

/// x where it is no number, else `otherwise`: the runtime's smaller and larger of two let a NaN go.
Output keep_nan(const Output& x, const Output& otherwise) { return make<ops::Select>(make<ops::NotEqual>(x, x), x, otherwise); }

Output apply_binary(BinaryFunction function, const Output& a, const Output& b) {
  switch (function) {
    case BinaryFunction::add:
      return make<ops::Add>(a, b);
    case BinaryFunction::subtract:
      return make<ops::Subtract>(a, b);
    case BinaryFunction::multiply:
      return make<ops::Multiply>(a, b);
    case BinaryFunction::divide:
      return make<ops::Divide>(a, b, false);
    case BinaryFunction::minimum:
    case BinaryFunction::maximum: {
      const Output chosen = function == BinaryFunction::minimum ? make<ops::Minimum>(a, b) : make<ops::Maximum>(a, b);
      return a.get_element_type() == ov::element::f32 ? keep_nan(a, keep_nan(b, chosen)) : chosen;
    }
    case BinaryFunction::power:
      return make<ops::Power>(a, b);
    case BinaryFunction::equal:
      return make<ops::Equal>(a, b);
    case BinaryFunction::not_equal:
      return make<ops::NotEqual>(a, b);
    case BinaryFunction::less:
      return make<ops::Less>(a, b);
    case BinaryFunction::less_equal:
      return make<ops::LessEqual>(a, b);
  }
  throw Error(ErrorKind::internal, "openvino: [binary] a function has no translation");
}

}  // namespace

Output apply_unary(UnaryFunction function, const Output& x) {
  switch (function) {
    case UnaryFunction::negate:
      return make<ops::Negative>(x);
    case UnaryFunction::absolute:
      return make<ops::Abs>(x);
    case UnaryFunction::exponential:
      return make<ops::Exp>(x);
    case UnaryFunction::logarithm:
      return make<ops::Log>(x);
    case UnaryFunction::square_root:
      return make<ops::Sqrt>(x);
    case UnaryFunction::reciprocal_square_root:
      return make<ops::Divide>(number(1), make<ops::Sqrt>(x));
    case UnaryFunction::sine:
      return make<ops::Sin>(x);
    case UnaryFunction::cosine:
      return make<ops::Cos>(x);
    case UnaryFunction::tanh:
      return make<ops::Tanh>(x);
    case UnaryFunction::sigmoid:
      return make<ops::Sigmoid>(x);
    case UnaryFunction::erf:
      return make<ops::Erf>(x);
    case UnaryFunction::relu:
      return make<ops::Maximum>(number(0), x);  // in this order a NaN stays one
    case UnaryFunction::gelu_erf:
      return make<ops::Gelu>(x, ov::op::GeluApproximationMode::ERF);
    case UnaryFunction::gelu_tanh:
      return make<ops::Gelu>(x, ov::op::GeluApproximationMode::TANH);
    case UnaryFunction::gelu_quick:
      return make<ops::Swish>(x, number(1.702F));
    case UnaryFunction::silu:
      return make<ops::Swish>(x);
  }
  throw Error(ErrorKind::internal, "openvino: [unary] a function has no translation");
}

Output translate_unary(Translation& translation, const Node& node) {
  return apply_unary(node.as<UnaryOptions>().function, translation(node.inputs[0]));
}

Output translate_binary(Translation& translation, const Node& node) {
  const BinaryFunction function = node.as<BinaryOptions>().function;
  const Output a = translation(node.inputs[0]);
  const Output b = translation(node.inputs[1]);
  if (translation.dtype(node.inputs[0]) != DType::boolean) return apply_binary(function, a, b);
  // Booleans count as 0 and 1, and what is not 0 is true.
  const Output result = apply_binary(function, make<ops::Convert>(a, ov::element::i32), make<ops::Convert>(b, ov::element::i32));
  return result.get_element_type() == ov::element::boolean ? result : is_not_zero(result);
}

Output translate_where(Translation& translation, const Node& node) {
  return make<ops::Select>(translation(node.inputs[0]), translation(node.inputs[1]), translation(node.inputs[2]));
}

Output translate_cast(Translation& translation, const Node& node) {
  const Output x = translation(node.inputs[0]);
  const DType to = node.as<CastOptions>().dtype;
  if (translation.dtype(node.inputs[0]) == to) return x;
  return to == DType::boolean ? is_not_zero(x) : make<ops::Convert>(x, element_of(to));
}

}  // namespace accelerate::openvino
