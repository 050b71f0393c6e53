#pragma once

#include <vector>

#include "formats/sentence_transformers.h"
#include "graph/graph.h"

namespace accelerate {

/// What makes one vector of a sequence's hidden states.
struct EmbeddingSettings {
  std::vector<PoolingMode> modes{PoolingMode::mean};  ///< the results stand one after the other in the embedding
  bool normalize = false;                             ///< whether embeddings are scaled to length 1
};

/// The base model's graph with one output in place of its own: `embedding` [sequences, hidden · modes], pooled from
/// `last_hidden_state` as sentence_transformers' Pooling and Normalize do; of a model that gives a vector of its own and no
/// states, as DPR's encoders, that `pooler_output`.
Graph embedding_graph(const Graph& model, const EmbeddingSettings& settings);

}  // namespace accelerate
