// Sizes of well-known models, from which folders with random weights are made where no checkpoint can be fetched.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "formats/sentence_transformers.h"
#include "models/registry.h"

namespace accelerate {

/// What sentence-transformers puts on top of a model.
struct SentenceShape {
  PoolingMode pooling;
  bool normalize;
  std::int64_t max_seq_length;
};

/// The fields of a model's config.json that all have, under BERT's names.
struct ModelShape {
  std::string_view name;
  std::string_view model_type;
  Head head;
  std::int64_t vocab_size;
  std::int64_t hidden_size;
  std::int64_t num_hidden_layers;
  std::int64_t num_attention_heads;
  std::int64_t intermediate_size;
  std::int64_t max_position_embeddings;
  std::int64_t type_vocab_size;
  double layer_norm_eps;
  std::int64_t pad_token_id;
  std::optional<SentenceShape> sentence = std::nullopt;
  std::string_view more = "{}";  ///< fields that its type alone has: a JSON object
};

/// Every shape that is known by name.
std::span<const ModelShape> all_shapes();

/// The shape of that name. Throws invalid_argument, listing the names, when there is none.
const ModelShape& shape_named(std::string_view name);

/// A config.json for the shape, its fields under the names that its type has for them.
Json config_of(const ModelShape& shape);

}  // namespace accelerate
