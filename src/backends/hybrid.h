// One graph on two backends: what the first cannot take runs on the second.
#pragma once

#include <memory>

#include "backends/backend.h"

namespace accelerate {

/// Whether the backend supports every node of the graph.
bool supports_all(const Backend& backend, const Graph& graph);

/// The graph compiled by `backend`, but for the nodes that it does not support, which `cpu` compiles; the report's notes name
/// those and why. Where `backend` supports every node this is backend.compile(). The report's graph is then the one given,
/// without what no output needs, and its passes are summed over the parts. Throws as Backend::compile does.
std::unique_ptr<Executable> compile_hybrid(const Backend& backend, const Backend& cpu, Graph graph, const CompileOptions& options);

/// `options` for a backend that steps in for another: its own first device, and float32 where it lacks the precision.
CompileOptions options_of_stand_in(const Backend& backend, CompileOptions options);

}  // namespace accelerate
