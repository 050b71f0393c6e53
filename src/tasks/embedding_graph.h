#pragma once

#include <filesystem>
#include <vector>

#include "formats/sentence_transformers.h"
#include "graph/graph.h"

namespace accelerate {

/// What makes one vector of a sequence's hidden states.
struct EmbeddingSettings {
  std::vector<PoolingMode> modes{PoolingMode::mean};  ///< the results stand one after the other in the embedding
  bool leaves_out_prompt = false;                     ///< whether the graph reads which tokens the pooling does not count
  std::vector<EmbeddingLayer> layers = {};            ///< what the pooled vector goes through
  std::filesystem::path folder = {};                  ///< the sentence-transformers folder, which has the layers' weights
};

/// The input of a graph that leaves out the prompt: int64 [tokens], 1 for a prompt's tokens; all 0 where it is not given.
inline constexpr std::string_view prompt_input = "prompt";

/// The base model's graph with one output in place of its own: `embedding` [sequences, dimensions], pooled from
/// `last_hidden_state` as sentence_transformers' Pooling does, and changed by its layers; of a model that gives a vector of
/// its own and no states, as DPR's encoders, that `pooler_output` is pooled already. Throws as Checkpoint does for weights of
/// layers that are missing or of another shape.
Graph embedding_graph(const Graph& model, const EmbeddingSettings& settings);

}  // namespace accelerate
