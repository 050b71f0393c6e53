#pragma once

#include <filesystem>

#include "formats/sentence_transformers.h"
#include "graph/graph.h"

namespace accelerate {

/// x [sequences, inputs] after a layer that follows the pooling (sentence_transformers' Dense, LayerNorm and Normalize):
/// [sequences, outputs]. `folder` is the sentence-transformers folder, below which the layer's weights are. Throws as
/// Checkpoint does, and invalid_file where layer or weights do not fit x.
Value embedding_layer(Value x, const EmbeddingLayer& layer, const std::filesystem::path& folder);

}  // namespace accelerate
