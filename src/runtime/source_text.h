#pragma once

#include <span>

#include "graph/graph.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate {

/// What an encoder reads of one text, for a decoder to write another: the model's inputs with a row a token, input_ids among them.
struct SourceText {
  TensorMap inputs;
  std::int64_t tokens = 0;

  /// Whether both are the same tokens in the same way.
  bool operator==(const SourceText& other) const;
};

/// The source that these inputs are, with those that the graph reads and a caller may leave out (runtime/default_inputs.h);
/// positions count from 0. Throws invalid_argument for inputs that the graph does not read, or of other types and lengths than it
/// says.
SourceText source_text(const Graph& graph, TensorMap inputs);

/// Whether the graph reads a text beside the one that its decoder writes.
bool reads_source(const Graph& graph);

/// The sources as a ragged batch: the inputs that the graph has with a row a token of what is read, `sequences` [sources + 1], and
/// what follows from those. Nullptr: a sequence that brings nothing.
TensorMap joined_sources(const Graph& graph, std::span<const SourceText* const> sources);

}  // namespace accelerate
