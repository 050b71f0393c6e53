// LLaMA's kind of decoder, which its relatives build with settings of their own.
#pragma once

#include "models/decoder_blocks.h"
#include "models/rotary.h"

namespace accelerate::models {

/// The fields of config.json, under their own names where they have one, and what the relatives of LLaMA do otherwise.
struct LlamaConfig {
  std::int64_t vocab_size;
  std::int64_t hidden_size;
  std::int64_t intermediate_size;
  std::int64_t num_hidden_layers;
  AttentionHeads heads;
  UnaryFunction hidden_act;
  NormOptions norm;
  RotaryFrequencies rotary;
  std::vector<std::int64_t> windows;  ///< by layer: how far back it sees; -1: everything
  bool qkv_bias = false;
  bool output_bias = false;  ///< of attention
  bool mlp_bias = false;
  bool head_norms = false;         ///< each head of queries and keys is normalised before it turns
  bool fused_projections = false;  ///< one weight makes queries, keys and values, and one gates and values of the MLP
  bool tie_word_embeddings;

  /// What all of them read alike: every layer sees everything, and there are no biases.
  static LlamaConfig from(const Config& config, const RotaryOptions& rotary = {});

  /// Lets layers see `window` tokens, their own included, where `sliding` says so.
  void set_windows(std::int64_t window, const std::vector<bool>& sliding);
};

/// The heads that config.json tells of.
AttentionHeads attention_heads(const Config& config);

/// An MLP of values and the gates that they are multiplied by (Shazeer, 2020). x: [tokens, hidden].
Value gated_mlp(Value x, const Weights& weights, const LlamaConfig& config);

/// The whole model, with the head that the context asks for.
void build_like_llama(const ModelContext& context, const LlamaConfig& config);

}  // namespace accelerate::models
