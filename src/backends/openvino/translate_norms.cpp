// reduce, softmax, layer_norm, rms_norm.
#include "backends/openvino/translation.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::openvino {
namespace {

Output scaled(Translation& translation, const Node& node, Output x) {
  if (translation.has(node, 1)) x = std::make_shared<ops::Multiply>(x, translation(node.inputs[1]));
  if (translation.has(node, 2)) x = std::make_shared<ops::Add>(x, translation(node.inputs[2]));
  return x;
}

}  // namespace

Output translate_reduce(Translation& translation, const Node& node) {
  const auto& options = node.as<ReduceOptions>();
  const Output x = translation(node.inputs[0]);
  const Output axis = whole_numbers({options.axis});
  switch (options.function) {
    case Reduction::sum:
      return std::make_shared<ops::ReduceSum>(x, axis, true);
    case Reduction::mean:
      return std::make_shared<ops::ReduceMean>(x, axis, true);
    case Reduction::maximum:
      return std::make_shared<ops::ReduceMax>(x, axis, true);
    case Reduction::minimum:
      return std::make_shared<ops::ReduceMin>(x, axis, true);
  }
  throw Error(ErrorKind::internal, "openvino: [reduce] a function has no translation");
}

Output translate_softmax(Translation& translation, const Node& node) {
  const Output x = translation(node.inputs[0]);
  if (node.as<SoftmaxOptions>().logarithm) return std::make_shared<ops::LogSoftmax>(x, -1);
  return std::make_shared<ops::Softmax>(x, -1);
}

Output translate_layer_norm(Translation& translation, const Node& node) {
  const Output normalised = std::make_shared<ops::MVN>(translation(node.inputs[0]), whole_numbers({-1}), true,
                                                       node.as<NormOptions>().epsilon, ov::op::MVNEpsMode::INSIDE_SQRT);
  return scaled(translation, node, normalised);
}

// Written as the runtime's own RMS norm recognises it.
Output translate_rms_norm(Translation& translation, const Node& node) {
  const Output x = translation(node.inputs[0]);
  const Output squares = std::make_shared<ops::Power>(x, number(2));
  const Output mean = std::make_shared<ops::ReduceMean>(squares, whole_numbers({-1}), true);
  const Output root = std::make_shared<ops::Sqrt>(std::make_shared<ops::Add>(mean, number(node.as<NormOptions>().epsilon)));
  return scaled(translation, node, std::make_shared<ops::Multiply>(x, std::make_shared<ops::Divide>(number(1), root)));
}

}  // namespace accelerate::openvino
