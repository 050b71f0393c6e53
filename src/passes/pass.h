// Rewrites of a graph: small, named, timed, verified after each, each of which can be switched off.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/precision.h"
#include "graph/graph.h"

namespace accelerate {

/// What passes may ask of the backend that they prepare a graph for.
struct PassContext {
  Precision precision = Precision::fp32;
  std::function<bool(const Graph&, const Node&)> supports;  ///< whether the backend runs the node as it stands
};

/// One rewrite: gives a new graph that computes the same outputs.
struct Pass {
  std::string_view name;
  std::string_view summary;
  Graph (*run)(const Graph& graph, const PassContext& context);
  bool required = false;  ///< cannot be switched off: without it the result would not be what was asked for
};

struct PassReport {
  std::string name;
  double milliseconds = 0;
  std::size_t nodes_before = 0;
  std::size_t nodes_after = 0;
};

/// All passes, in the order they run.
std::span<const Pass> all_passes();

/// The graph after the given passes in turn, verified after each, with nodes that no output needs removed; `reports` gets
/// a row a pass. Throws invalid_argument when `disabled` names no pass.
Graph run_passes(Graph graph, std::span<const Pass> passes, const PassContext& context, std::span<const std::string> disabled,
                 std::vector<PassReport>& reports);

// The passes, one a file of this folder.
Graph fuse_qkv(const Graph& graph, const PassContext& context);
Graph fuse_linear_activation(const Graph& graph, const PassContext& context);
Graph fuse_linear_residual(const Graph& graph, const PassContext& context);
Graph fuse_add_norm(const Graph& graph, const PassContext& context);
Graph fuse_embedding_norm(const Graph& graph, const PassContext& context);
Graph set_precision(const Graph& graph, const PassContext& context);
Graph decompose(const Graph& graph, const PassContext& context);
Graph remove_dead_nodes(const Graph& graph);

}  // namespace accelerate
