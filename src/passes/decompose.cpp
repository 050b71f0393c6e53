// Turns fused ops that the backend does not run back into the base ops that they stand for.
#include "graph/stored.h"
#include "passes/pass.h"
#include "passes/rewriter.h"

namespace accelerate {
namespace {

/// x as [rows, columns], all axes but the last made one.
Value flattened(Value x) {
  const Shape rows(x.shape().begin(), x.shape().end() - 1);
  return x.rank() == 2 ? x : reshape(x, {element_count(rows), x.dim(-1)});
}

/// Whether the value is what a checkpoint stores, or a stack of such.
bool is_constant(const Graph& graph, ValueId value) { return graph.producer(value).op != Op::transpose && is_stored(graph, value); }

/// A linear on a matrix, and its tail as ops of their own; a product where the weight is computed, or nothing is.
void decompose_linear(Rewriter& rewriter, const Graph& graph, const Node& node) {
  const auto& options = node.as<LinearOptions>();
  const std::vector<ValueId> inputs = rewriter.inputs_of(node);
  const auto optional = [&](std::size_t i) {
    return i < inputs.size() && inputs[i] != no_value ? Value(rewriter.graph(), inputs[i]) : Value{};
  };
  const Value x(rewriter.graph(), inputs[0]);
  Value result;
  if (is_constant(graph, node.inputs[1]) && !is_constant(graph, node.inputs[0])) {
    std::vector<ValueId> plain{flattened(x).id(), inputs[1]};
    if (optional(2)) plain.push_back(inputs[2]);
    result = rewriter.graph().add(Op::linear, std::move(plain), LinearOptions{.activation = {}, .precision = options.precision});
  } else {
    result = matmul(flattened(x), {rewriter.graph(), inputs[1]}, {.transpose_b = true});
    if (optional(2)) result = result + optional(2);
  }
  if (x.rank() != 2) result = reshape(result, graph.type(node.outputs.front()).shape);
  if (options.activation) result = unary(*options.activation, result);
  if (optional(3)) result = result + optional(3);
  rewriter.replace(node.outputs.front(), result);
}

void decompose_add_norm(Rewriter& rewriter, const Node& node) {
  const Value sum = rewriter(node.inputs[0]) + rewriter(node.inputs[1]);
  rewriter.replace(node.outputs[0], layer_norm(sum, rewriter(node.inputs[2]), rewriter(node.inputs[3]), node.as<NormOptions>()));
  rewriter.replace(node.outputs[1], sum);
}

void decompose_embedding_norm(Rewriter& rewriter, const Node& node) {
  Value sum = gather(rewriter(node.inputs[2]), rewriter(node.inputs[3]));
  for (std::size_t i = 4; i < node.inputs.size(); i += 2) sum = sum + gather(rewriter(node.inputs[i]), rewriter(node.inputs[i + 1]));
  rewriter.replace(node.outputs[0], layer_norm(sum, rewriter(node.inputs[0]), rewriter(node.inputs[1]), node.as<NormOptions>()));
}

/// [rows, groups, in] as [groups, rows, in], and back.
Value swap_rows_and_groups(Value x) { return transpose(x, {1, 0, 2}); }

/// The op over x as [rows, groups, in] where it has more axes, else one product a group.
void decompose_grouped_linear(Rewriter& rewriter, const Node& node) {
  const Value x = rewriter(node.inputs[0]);
  const Value weight = rewriter(node.inputs[1]);
  Value y;
  if (x.rank() > 3) {
    const Shape row_axes(x.shape().begin(), x.shape().end() - 2);
    std::vector<ValueId> inputs = rewriter.inputs_of(node);
    inputs[0] = reshape(x, {element_count(row_axes), x.dim(-2), x.dim(-1)}).id();
    y = rewriter.graph().add(Op::grouped_linear, std::move(inputs), node.options);
  } else {
    y = swap_rows_and_groups(matmul(swap_rows_and_groups(x), weight, {.transpose_b = true}));
    if (node.inputs.size() > 2 && node.inputs[2] != no_value) y = y + rewriter(node.inputs[2]);
  }
  Shape shape = x.shape();
  shape.back() = weight.dim(1);
  rewriter.replace(node.outputs[0], reshape(y, shape));
}

}  // namespace

Graph decompose(const Graph& graph, const PassContext& context) {
  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes()) {
    if (context.supports(graph, node)) {
      rewriter.copy(node);
      continue;
    }
    switch (node.op) {
      case Op::linear:
        decompose_linear(rewriter, graph, node);
        break;
      case Op::grouped_linear:
        decompose_grouped_linear(rewriter, node);
        break;
      case Op::add_norm:
        decompose_add_norm(rewriter, node);
        break;
      case Op::embedding_norm:
        decompose_embedding_norm(rewriter, node);
        break;
      default:
        rewriter.copy(node);  // compiling names what the backend lacks
    }
  }
  return rewriter.finish();
}

}  // namespace accelerate
