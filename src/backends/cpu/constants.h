// How constants reach the steps: those that packing reads stay as the checkpoint stores them.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace accelerate::cpu {

/// By value: the concats and transposes of constants, and numbers of stored codes, that linears alone read, as their weights or
/// biases, or gathers as their tables. They are never computed: packing takes their parts one after another, and their columns
/// as rows.
std::vector<bool> arranged_weights(const Graph& graph);

/// The graph with every constant in the dtype that the steps read: float32, int64 or boolean. Weights that are packed
/// and tables that are looked up keep their encoding, so that they are neither copied nor held twice.
Graph decode_constants(const Graph& graph);

}  // namespace accelerate::cpu
