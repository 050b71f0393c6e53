// unary, binary, where, cast, reduce, matmul.
#include <fmt/format.h>

#include "backends/cuda/node_step.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {
namespace {

class Unary final : public NodeStep {
 public:
  using NodeStep::NodeStep;

  void enqueue(const Call& call) const override {
    call.check(unary({.function = node().as<UnaryOptions>().function,
                      .x = call.input(x(0)),
                      .y = call.output(y()),
                      .count = call.count(y()),
                      .stream = call.stream}),
               "[unary]");
  }
};

class Binary final : public NodeStep {
 public:
  Binary(StepContext& context, const Node& node) : NodeStep(context, node), fault_(context.add_fault(*this)) {}

  void enqueue(const Call& call) const override {
    call.check(binary({.function = node().as<BinaryOptions>().function,
                       .a = call.shaped(x(0)),
                       .b = call.shaped(x(1)),
                       .y = call.output(y()),
                       .extents = call.extents(y()),
                       .fault = call.fault,
                       .node = fault_,
                       .stream = call.stream}),
               "[binary]");
  }

  std::string message(const Fault& fault) const override {
    return fmt::format("[binary] a whole number is divided by zero, at element {}", fault.position);
  }

 private:
  std::int32_t fault_;  ///< its place among the steps that can fail
};

class Where final : public NodeStep {
 public:
  using NodeStep::NodeStep;

  void enqueue(const Call& call) const override {
    call.check(where({.condition = call.shaped(x(0)),
                      .a = call.shaped(x(1)),
                      .b = call.shaped(x(2)),
                      .y = call.output(y()),
                      .extents = call.extents(y()),
                      .stream = call.stream}),
               "[where]");
  }
};

class Cast final : public NodeStep {
 public:
  using NodeStep::NodeStep;

  void enqueue(const Call& call) const override {
    call.check(cast({.x = call.input(x(0)), .y = call.output(y()), .count = call.count(y()), .stream = call.stream}), "[cast]");
  }
};

class Reduce final : public NodeStep {
 public:
  using NodeStep::NodeStep;

  void enqueue(const Call& call) const override {
    const auto& options = node().as<ReduceOptions>();
    const std::vector<std::int64_t> shape = call.shape(x(0));
    const auto axis = static_cast<std::size_t>(options.axis);
    ReduceArguments arguments{
        .function = options.function, .x = call.input(x(0)), .y = call.output(y()), .count = shape[axis], .stream = call.stream};
    for (std::size_t i = 0; i < axis; ++i) arguments.outer *= shape[i];
    for (std::size_t i = axis + 1; i < shape.size(); ++i) arguments.inner *= shape[i];
    if (arguments.count == 0 && (options.function == Reduction::maximum || options.function == Reduction::minimum))
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("[reduce] {} of no elements: the input is {}", name_of(options.function), shape_text(shape)));
    call.check(reduce(arguments), "[reduce]");
  }
};

class Matmul final : public NodeStep {
 public:
  using NodeStep::NodeStep;

  void enqueue(const Call& call) const override {
    const auto& options = node().as<MatmulOptions>();
    call.check(matmul({.a = call.shaped(x(0)),
                       .b = call.shaped(x(1)),
                       .transpose_a = options.transpose_a,
                       .transpose_b = options.transpose_b,
                       .y = call.output(y()),
                       .extents = call.extents(y()),
                       .stream = call.stream}),
               "[matmul]");
  }
};

}  // namespace

std::unique_ptr<Step> make_element_step(StepContext& context, const Node& node) {
  switch (node.op) {
    case Op::unary:
      return std::make_unique<Unary>(context, node);
    case Op::binary:
      return std::make_unique<Binary>(context, node);
    case Op::where:
      return std::make_unique<Where>(context, node);
    case Op::cast:
      return std::make_unique<Cast>(context, node);
    case Op::reduce:
      return std::make_unique<Reduce>(context, node);
    case Op::matmul:
      return std::make_unique<Matmul>(context, node);
    default:
      return nullptr;
  }
}

}  // namespace accelerate::cuda
