// gather, scatter, embedding_norm, layer_norm, rms_norm, add_norm, softmax, rope.
#include <fmt/format.h>

#include "backends/cuda/node_step.h"

namespace accelerate::cuda {
namespace {

/// The constant's name as " ('embeddings.weight')", or nothing: to end a message with.
std::string name_of_table(const Graph& graph, ValueId table) {
  const ConstantOptions* constant = graph.constant_of(table);
  return constant == nullptr || constant->name.empty() ? "" : fmt::format(" ('{}')", constant->name);
}

std::string outside_table(std::string_view op, const Fault& fault, const Graph& graph, ValueId table) {
  return fmt::format("[{}] index {} at position {} is outside the table of {} rows{}", op, fault.value, fault.position,
                     graph.type(table).shape[0].text(), name_of_table(graph, table));
}

class Gather final : public NodeStep {
 public:
  Gather(StepContext& context, const Node& node) : NodeStep(context, node), graph_(context.graph), fault_(context.add_fault(*this)) {}

  void enqueue(const Call& call) const override {
    const std::vector<std::int64_t> table = call.shape(x(0));
    std::int64_t columns = 1;
    for (std::size_t axis = 1; axis < table.size(); ++axis) columns *= table[axis];
    call.check(gather({.table = call.input(x(0)),
                       .indices = call.whole_numbers(x(1)),
                       .y = call.output(y()),
                       .table_rows = table[0],
                       .columns = columns,
                       .count = call.count(x(1)),
                       .fault = call.fault,
                       .node = fault_,
                       .stream = call.stream}),
               "[gather]");
  }

  std::string message(const Fault& fault) const override { return outside_table("gather", fault, graph_, x(0)); }

 private:
  const Graph& graph_;
  std::int32_t fault_;  ///< its place among the steps that can fail
};

class Scatter final : public NodeStep {
 public:
  Scatter(StepContext& context, const Node& node) : NodeStep(context, node), graph_(context.graph), fault_(context.add_fault(*this)) {}

  void enqueue(const Call& call) const override {
    const std::int64_t rows = call.shape(x(0))[0];
    call.check(scatter({.x = call.input(x(0)),
                        .indices = call.whole_numbers(x(1)),
                        .updates = call.input(x(2)),
                        .y = call.output(y()),
                        .rows = rows,
                        .columns = rows == 0 ? 0 : call.count(x(0)) / rows,
                        .count = call.count(x(1)),
                        .fault = call.fault,
                        .node = fault_,
                        .stream = call.stream}),
               "[scatter]");
  }

  std::string message(const Fault& fault) const override { return outside_table("scatter", fault, graph_, x(0)); }

 private:
  const Graph& graph_;
  std::int32_t fault_;  ///< its place among the steps that can fail
};

class EmbeddingNorm final : public NodeStep {
 public:
  EmbeddingNorm(StepContext& context, const Node& node)
      : NodeStep(context, node), graph_(context.graph), fault_(context.add_fault(*this)) {}

  void enqueue(const Call& call) const override {
    EmbeddingNormArguments arguments{.table_count = static_cast<int>(node().inputs.size() / 2) - 1,
                                     .scale = call.floats(x(0)),
                                     .bias = call.floats(x(1)),
                                     .y = call.output(y()),
                                     .quantised = call.int8_rows(y()),
                                     .tokens = call.rows(y()),
                                     .columns = call.columns(y()),
                                     .epsilon = node().as<NormOptions>().epsilon,
                                     .fault = call.fault,
                                     .node = fault_,
                                     .stream = call.stream};
    for (std::size_t i = 0; i < static_cast<std::size_t>(arguments.table_count); ++i)
      arguments.tables[i] = {
          .table = call.input(table(i)), .indices = call.whole_numbers(x(3 + 2 * i)), .rows = call.shape(table(i)).front()};
    call.check(embedding_norm(arguments), "[embedding_norm]");
  }

  std::string message(const Fault& fault) const override {
    return outside_table("embedding_norm", fault, graph_, table(static_cast<std::size_t>(fault.table)));
  }

 private:
  ValueId table(std::size_t index) const { return x(2 + 2 * index); }

  const Graph& graph_;
  std::int32_t fault_;  ///< its place among the steps that can fail
};

/// layer_norm and rms_norm.
class Norm final : public NodeStep {
 public:
  using NodeStep::NodeStep;

  void enqueue(const Call& call) const override {
    const LayerNormArguments arguments{.x = call.input(x(0)),
                                       .scale = call.floats(x(1)),
                                       .bias = call.floats(x(2)),
                                       .y = call.output(y()),
                                       .quantised = call.int8_rows(y()),
                                       .rows = call.rows(y()),
                                       .columns = call.columns(y()),
                                       .epsilon = node().as<NormOptions>().epsilon,
                                       .stream = call.stream};
    if (node().op == Op::layer_norm)
      call.check(layer_norm(arguments), "[layer_norm]");
    else
      call.check(rms_norm(arguments), "[rms_norm]");
  }
};

class AddNorm final : public NodeStep {
 public:
  using NodeStep::NodeStep;

  void enqueue(const Call& call) const override {
    call.check(add_norm({.x = call.input(x(0)),
                         .residual = call.input(x(1)),
                         .scale = call.floats(x(2)),
                         .bias = call.floats(x(3)),
                         .y = call.output(y(0)),
                         .sum = call.output(y(1)),
                         .quantised = call.int8_rows(y(0)),
                         .rows = call.rows(y()),
                         .columns = call.columns(y()),
                         .epsilon = node().as<NormOptions>().epsilon,
                         .stream = call.stream}),
               "[add_norm]");
  }
};

class Softmax final : public NodeStep {
 public:
  using NodeStep::NodeStep;

  void enqueue(const Call& call) const override {
    call.check(softmax({.x = call.input(x(0)),
                        .y = call.output(y()),
                        .rows = call.rows(y()),
                        .columns = call.columns(y()),
                        .logarithm = node().as<SoftmaxOptions>().logarithm,
                        .stream = call.stream}),
               "[softmax]");
  }
};

class Rope final : public NodeStep {
 public:
  using NodeStep::NodeStep;

  void enqueue(const Call& call) const override {
    const std::vector<std::int64_t> shape = call.shape(y());
    Input turned = call.input(x(0));
    turned.stride = call.plan(x(0)).row_stride;
    call.check(rope({.x = turned,
                     .cosines = call.floats(x(1)),
                     .sines = call.floats(x(2)),
                     .y = call.output(y()),
                     .tokens = shape[0],
                     .heads = shape[1],
                     .size = shape[2],
                     .pairs = call.columns(x(1)),
                     .interleaved = node().as<RopeOptions>().interleaved,
                     .stream = call.stream}),
               "[rope]");
  }
};

}  // namespace

std::unique_ptr<Step> make_row_step(StepContext& context, const Node& node) {
  switch (node.op) {
    case Op::gather:
      return std::make_unique<Gather>(context, node);
    case Op::scatter:
      return std::make_unique<Scatter>(context, node);
    case Op::embedding_norm:
      return std::make_unique<EmbeddingNorm>(context, node);
    case Op::layer_norm:
    case Op::rms_norm:
      return std::make_unique<Norm>(context, node);
    case Op::add_norm:
      return std::make_unique<AddNorm>(context, node);
    case Op::softmax:
      return std::make_unique<Softmax>(context, node);
    case Op::rope:
      return std::make_unique<Rope>(context, node);
    default:
      return nullptr;
  }
}

}  // namespace accelerate::cuda
