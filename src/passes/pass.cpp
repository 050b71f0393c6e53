#include "passes/pass.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "graph/verify.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

constexpr std::array pass_table{
    Pass{"fuse_qkv", "linears that read one input become one", fuse_qkv},
    Pass{"fuse_linear_activation", "linears apply the activation that follows them", fuse_linear_activation},
    Pass{"fuse_embedding_norm", "gathers, their sum and its norm become one op", fuse_embedding_norm},
    Pass{"fuse_add_norm", "a residual and the norm of the sum become one op", fuse_add_norm},
    Pass{"fuse_linear_residual", "linears add the residual that follows them", fuse_linear_residual},
    Pass{"set_precision", "products get the precision that was asked for", set_precision, true},
    Pass{"decompose", "fused ops that the backend lacks become base ops again", decompose, true},
};

bool contains(std::span<const std::string> names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

void expect_optional(std::span<const std::string> disabled) {
  for (const std::string& name : disabled) {
    const auto found = std::ranges::find(pass_table, name, &Pass::name);
    if (found != pass_table.end() && !found->required) continue;
    std::string optional;
    for (const Pass& pass : pass_table)
      if (!pass.required) optional += (optional.empty() ? "" : ", ") + std::string(pass.name);
    throw Error(ErrorKind::invalid_argument, fmt::format("--passes: '{}' cannot be switched off; these can: {}", name, optional));
  }
}

}  // namespace

std::span<const Pass> all_passes() { return pass_table; }

Graph run_passes(Graph graph, std::span<const Pass> passes, const PassContext& context, std::span<const std::string> disabled,
                 std::vector<PassReport>& reports) {
  expect_optional(disabled);
  verify(graph);
  for (const Pass& pass : passes) {
    if (contains(disabled, pass.name)) continue;
    const auto start = std::chrono::steady_clock::now();
    const std::size_t before = graph.nodes().size();
    graph = remove_dead_nodes(pass.run(graph, context));
    verify(graph);
    const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
    reports.push_back({std::string(pass.name), elapsed.count(), before, graph.nodes().size()});
  }
  return graph;
}

}  // namespace accelerate
