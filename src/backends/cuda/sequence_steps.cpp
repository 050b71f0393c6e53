// sequence_pool, sequence_cumsum, sequence_shift.
#include <fmt/format.h>

#include "backends/cuda/node_step.h"

namespace accelerate::cuda {
namespace {

class SequencePool final : public NodeStep {
 public:
  SequencePool(StepContext& context, const Node& node) : NodeStep(context, node), fault_(context.add_fault(*this)) {}

  void enqueue(const Call& call) const override {
    const std::vector<std::int64_t> shape = call.shape(y());
    SequencePoolArguments arguments{.function = node().as<PoolOptions>().function,
                                    .x = call.input(x(0)),
                                    .begins = call.whole_numbers(x(1)),
                                    .y = call.output(y()),
                                    .sequences = shape[0],
                                    .columns = 1,
                                    .fault = call.fault,
                                    .node = fault_,
                                    .stream = call.stream};
    for (std::size_t axis = 1; axis < shape.size(); ++axis) arguments.columns *= shape[axis];
    call.check(sequence_pool(arguments), "[sequence_pool]");
  }

  std::string message(const Fault& fault) const override {
    return fmt::format("[sequence_pool] sequence {} is empty and has no {}", fault.position, name_of(node().as<PoolOptions>().function));
  }

 private:
  std::int32_t fault_;  ///< its place among the steps that can fail
};

class SequenceCumsum final : public NodeStep {
 public:
  using NodeStep::NodeStep;

  void enqueue(const Call& call) const override {
    call.check(sequence_cumsum({.x = call.whole_numbers(x(0)),
                                .begins = call.whole_numbers(x(1)),
                                .y = reinterpret_cast<std::int64_t*>(call.at(y())),
                                .sequences = call.count(x(1)) - 1,
                                .stream = call.stream}),
               "[sequence_cumsum]");
  }
};

class SequenceShift final : public NodeStep {
 public:
  using NodeStep::NodeStep;

  void enqueue(const Call& call) const override {
    const std::int64_t tokens = call.shape(y())[0];
    call.check(sequence_shift({.x = call.input(x(0)),
                               .begins = call.whole_numbers(x(1)),
                               .y = call.output(y()),
                               .tokens = tokens,
                               .columns = tokens == 0 ? 0 : call.count(y()) / tokens,
                               .sequences = call.count(x(1)) - 1,
                               .offset = node().as<ShiftOptions>().offset,
                               .stream = call.stream}),
               "[sequence_shift]");
  }
};

}  // namespace

std::unique_ptr<Step> make_sequence_step(StepContext& context, const Node& node) {
  if (node.op == Op::sequence_pool) return std::make_unique<SequencePool>(context, node);
  if (node.op == Op::sequence_shift) return std::make_unique<SequenceShift>(context, node);
  return std::make_unique<SequenceCumsum>(context, node);
}

}  // namespace accelerate::cuda
