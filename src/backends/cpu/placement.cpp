#include "backends/cpu/placement.h"

namespace accelerate::cpu {
namespace {

/// The output's placement when the node only looks at its input's memory in another way.
std::optional<Placement> view_of(const Graph& graph, const Node& node, const Placements& placements) {
  // Attention takes the new rows from here and the earlier ones from its state.
  if (node.op == Op::append) return placements[node.inputs.front()];
  if (node.op != Op::reshape && node.op != Op::slice) return std::nullopt;
  const ValueType& input = graph.type(node.inputs.front());
  const ValueType& output = graph.type(node.outputs.front());
  if (graph.constant_of(node.inputs.front()) != nullptr) return std::nullopt;
  const std::optional<std::int64_t> columns = columns_of(output);
  if (!columns || !columns_of(input)) return std::nullopt;
  Placement placement = placements[node.inputs.front()];
  placement.columns = *columns;

  if (node.op == Op::reshape) {
    if (rows_of(input) == rows_of(output)) return placement;
    if (!placement.dense() || placement.offset != 0) return std::nullopt;
    placement.row_stride = *columns;
    return placement;
  }
  const auto& slice = node.as<SliceOptions>();
  if (slice.axis != 1 || input.shape.size() != 2 || slice.step != 1 || !slice.start.is_static()) return std::nullopt;
  placement.offset += slice.start.value();
  return placement;
}

}  // namespace

Dim rows_of(const ValueType& type) { return type.shape.empty() ? Dim(1) : type.shape.front(); }

std::optional<std::int64_t> columns_of(const ValueType& type) {
  std::int64_t columns = 1;
  for (std::size_t i = 1; i < type.shape.size(); ++i) {
    if (!type.shape[i].is_static()) return std::nullopt;
    columns *= type.shape[i].value();
  }
  return columns;
}

Placements place_values(const Graph& graph) {
  Placements placements{.of_value = std::vector<Placement>(static_cast<std::size_t>(graph.value_count())),
                        .is_view = std::vector<bool>(graph.nodes().size(), false)};
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    const std::optional<Placement> view = view_of(graph, node, placements);
    placements.is_view[i] = view.has_value();
    for (ValueId output : node.outputs) {
      const std::int64_t columns = columns_of(graph.type(output)).value_or(0);
      placements.of_value[static_cast<std::size_t>(output)] =
          view.value_or(Placement{.root = output, .columns = columns, .row_stride = columns, .offset = 0});
    }
  }
  return placements;
}

}  // namespace accelerate::cpu
