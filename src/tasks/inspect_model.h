#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "graph/graph.h"
#include "models/registry.h"
#include "runtime/model_folder.h"

namespace accelerate {

/// What a model folder holds, as its files say.
struct ModelSummary {
  std::string name;
  std::string model_type;
  std::string architecture;  ///< transformers' class; empty where config.json names none
  Head head = Head::base;
  std::int64_t hidden_size = 0;
  std::int64_t most_tokens = 0;  ///< tokens that a sequence may have
  std::int64_t parameters = 0;   ///< elements of all weights
  std::size_t tensors = 0;
  std::size_t bytes = 0;                           ///< of all weights
  std::map<std::string, std::size_t> dtype_bytes;  ///< bytes of the weights of each type, by safetensors' name of it
  bool random_weights = false;
};

/// Summarises a folder whose checkpoint and graph (before passes) are given.
ModelSummary summarize(const ModelFolder& folder, const Checkpoint& checkpoint, const Graph& graph);

/// Names of the checkpoint's weights that the graph does not read.
std::vector<std::string> unused_weights(const Checkpoint& checkpoint, const Graph& graph);

/// How many of a tensor's numbers are NaN or infinite; 0 for whole numbers.
std::int64_t count_not_finite(const Tensor& tensor);

}  // namespace accelerate
