// MPNet (Song et al., 2020; transformers' MPNetModel): BERT's layers with a bias by distance that all layers share, and
// RoBERTa's positions and heads.
#include "models/roberta.h"

namespace accelerate::models {

/// Word and position rows, summed and normalised: [tokens, hidden].
static Value embeddings(const TextInputs& text, Value positions, const Weights& weights, const BertConfig& config) {
  const Value words = embedding(text.ids, weights / "word_embeddings", config.vocab_size, config.hidden_size);
  const Value places = embedding(positions, weights / "position_embeddings", config.max_position_embeddings, config.hidden_size);
  return layer_norm(words + places, weights / "LayerNorm", config.layer_norm);
}

/// One layer: attention, then an MLP of two layers, each with its residual and norm. x: [tokens, hidden].
static Value encoder_layer(Value x, Value sequences, const PositionBias& bias, const Weights& weights, const BertConfig& config) {
  const Weights place = weights / "attention";
  const Value context = self_attention(x, sequences, place / "attn",
                                       {.heads = config.num_attention_heads, .query = "q", .key = "k", .value = "v", .bias = bias});
  const Value projected = linear(context, place / "attn" / "o", config.hidden_size);
  const Value attended = layer_norm(projected + x, place / "LayerNorm", config.layer_norm);

  const Value narrow = feed_forward(attended, weights / "intermediate" / "dense", weights / "output" / "dense",
                                    {.intermediate_size = config.intermediate_size, .activation = config.hidden_act});
  return layer_norm(narrow + attended, weights / "output" / "LayerNorm", config.layer_norm);
}

/// The bias of each head by distance, which falls into 32 buckets whatever the table's size.
static PositionBias position_bias(const Weights& weights, std::int64_t buckets, std::int64_t heads) {
  const Value table = weights.get("weight", {buckets, heads});
  return {.of_heads = transpose(table, {1, 0}), .columns = logarithmic_columns(weights.graph(), {.buckets = 32, .farthest = 128})};
}

void build_mpnet(const ModelContext& context) {
  const BertConfig config = BertConfig::from(context.config);
  const std::int64_t buckets = context.config.integer_or("relative_attention_num_buckets", 32, {.minimum = 32});
  const TextInputs text = text_inputs(context.graph);
  const Weights weights = below_optional(context.weights, "mpnet", context.head);
  const Weights encoder = weights / "encoder";

  // transformers counts from 1 whatever config.json calls the padding id.
  Value hidden = embeddings(text, positions_past_padding(text, 1), weights / "embeddings", config);  // [tokens, hidden]
  const PositionBias bias = position_bias(encoder / "relative_attention_bias", buckets, config.num_attention_heads);
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i)
    hidden = encoder_layer(hidden, text.sequences, bias, encoder / "layer" / i, config);
  roberta_outputs(context, hidden, text, weights, config);
}

}  // namespace accelerate::models
