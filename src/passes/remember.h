// Rewrites that make a graph one step of a longer work: what earlier steps computed of a sequence is remembered.
#pragma once

#include "graph/graph.h"

namespace accelerate {

/// The graph of a causal model as a step that is given new tokens alone: the keys and values of each causal attention within
/// an input of sequences are appended to those of earlier steps. The input that counts all of a sequence's tokens is called as
/// that of the new ones with "context_" before "sequences": "context_sequences", and so is the size, "context". Where these tokens
/// attend to another text's, as a decoder's to what its encoder read, those keys and values are appended too, under the other
/// text's size: it is brought, whole, by a sequence's first step, and later ones bring no row of it. Throws unsupported when a
/// token's answer depends on others by another way than such attention.
Graph remember_context(const Graph& graph);

/// The graph with the output of that name alone, computed for those of its rows that the new input `rows` [picked]
/// names: whatever computes the output row by row before runs on these rows too.
Graph pick_rows(const Graph& graph, std::string_view output);

}  // namespace accelerate
