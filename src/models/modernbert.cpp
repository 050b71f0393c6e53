// ModernBERT (Warner et al., 2024): a pre-norm encoder with rotary positions, gated MLPs, few biases, and attention that sees
// the whole text in some layers and a window around each token in the others.
#include <cmath>
#include <vector>

#include "models/blocks.h"
#include "models/rotary.h"

namespace accelerate::models {
namespace {

/// The fields of config.json, under their own names where they have one.
struct ModernBertConfig {
  std::int64_t vocab_size;
  std::int64_t hidden_size;
  std::int64_t intermediate_size;
  std::int64_t num_hidden_layers;
  std::int64_t num_attention_heads;
  std::int64_t num_labels;
  std::int64_t window;            ///< tokens that a windowed layer sees on each side: half of local_attention
  std::vector<bool> windowed;     ///< by layer
  RotaryFrequencies full_rotary;  ///< of layers that see everything
  RotaryFrequencies sliding_rotary;
  UnaryFunction hidden_activation;
  UnaryFunction classifier_activation;
  NormOptions norm;
  bool norm_bias;
  bool attention_bias;
  bool mlp_bias;
  bool classifier_bias;
  bool decoder_bias;
  bool mean_pooling;
  bool tie_word_embeddings;

  static ModernBertConfig from(const Config& config);
};

ModernBertConfig ModernBertConfig::from(const Config& config) {
  const std::int64_t hidden_size = config.integer("hidden_size");
  const std::int64_t layers = config.integer("num_hidden_layers");
  const std::int64_t heads = heads_of(config, hidden_size);
  const std::int64_t period = config.integer_or("global_attn_every_n_layers", 3);
  const std::string pooling = config.text_or("classifier_pooling", "cls");
  if (pooling != "cls" && pooling != "mean") config.refuse("classifier_pooling", "cls or mean");
  return {
      .vocab_size = config.integer("vocab_size"),
      .hidden_size = hidden_size,
      .intermediate_size = config.integer("intermediate_size"),
      .num_hidden_layers = layers,
      .num_attention_heads = heads,
      .num_labels = static_cast<std::int64_t>(config.labels().size()),
      .window = config.integer_or("local_attention", 128) / 2,
      .windowed = sliding_layers(config, layers, [&](std::int64_t i) { return i % period != 0; }),
      .full_rotary =
          rotary_frequencies(config, hidden_size / heads, {.theta = 160000, .theta_field = "global_rope_theta", .kind = "full_attention"}),
      .sliding_rotary =
          rotary_frequencies(config, hidden_size / heads, {.theta = 10000, .theta_field = "local_rope_theta", .kind = "sliding_attention"}),
      .hidden_activation = activation_named(config.text_or("hidden_activation", "gelu")),
      .classifier_activation = activation_named(config.text_or("classifier_activation", "gelu")),
      .norm = {.epsilon = static_cast<float>(config.number_or("norm_eps", 1e-5))},
      .norm_bias = config.boolean_or("norm_bias", false),
      .attention_bias = config.boolean_or("attention_bias", false),
      .mlp_bias = config.boolean_or("mlp_bias", false),
      .classifier_bias = config.boolean_or("classifier_bias", false),
      .decoder_bias = config.boolean_or("decoder_bias", true),
      .mean_pooling = pooling == "mean",
      .tie_word_embeddings = config.boolean_or("tie_word_embeddings", true),
  };
}

Value norm(Value x, const Weights& weights, const ModernBertConfig& config) {
  const std::int64_t size = x.dim(-1).value();
  return layer_norm(x, weights.get("weight", {size}), config.norm_bias ? weights.get("bias", {size}) : Value{}, config.norm);
}

/// How the layers of one kind attend.
struct AttentionKind {
  RotaryTables tables;
  std::int64_t window;  ///< -1: the whole text
};

/// Self-attention with turned queries and keys, and its output projection. x: [tokens, hidden].
Value attention_block(Value x, Value sequences, const AttentionKind& kind, const Weights& weights, const ModernBertConfig& config) {
  const std::int64_t hidden = config.hidden_size;
  const Value all = projection(x, weights / "Wqkv", 3 * hidden, config.attention_bias);  // [tokens, 3 · hidden]
  const auto heads = [&](std::int64_t i) {
    return split_heads(slice(all, {.axis = 1, .start = i * hidden, .stop = (i + 1) * hidden}), config.num_attention_heads);
  };
  const auto turned = [&](Value y) { return rope(y, kind.tables.cosines, kind.tables.sines, {}); };
  const Value query = turned(heads(0));
  const Value key = turned(heads(1));
  const float scale = 1.0F / std::sqrt(static_cast<float>(query.dim(-1).value()));
  const Value context =
      attention(query, key, heads(2), sequences, sequences, {.scale = scale, .window_left = kind.window, .window_right = kind.window});
  return projection(merge_heads(context), weights / "Wo", hidden, config.attention_bias);
}

/// An MLP whose first layer makes values and the gates that they are multiplied by. x: [tokens, hidden].
Value gated_mlp(Value x, const Weights& weights, const ModernBertConfig& config) {
  const std::int64_t size = config.intermediate_size;
  const Value wide = projection(x, weights / "Wi", 2 * size, config.mlp_bias);  // [tokens, 2 · intermediate]
  const Value values = slice(wide, {.axis = 1, .start = 0, .stop = size});
  const Value gates = slice(wide, {.axis = 1, .start = size, .stop = 2 * size});
  return projection(unary(config.hidden_activation, values) * gates, weights / "Wo", config.hidden_size, config.mlp_bias);
}

/// All layers, x [tokens, hidden] to [tokens, hidden]; the first has no norm before its attention, for x is normalised.
Value encoder(Value x, const TextInputs& text, const Weights& weights, const ModernBertConfig& config) {
  const AttentionKind full{rotary_tables(text.positions, config.full_rotary), -1};
  const AttentionKind windowed{rotary_tables(text.positions, config.sliding_rotary), config.window};
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const Weights layer = weights / i;
    const AttentionKind& kind = config.windowed[static_cast<std::size_t>(i)] ? windowed : full;
    const Value normed = i == 0 ? x : norm(x, layer / "attn_norm", config);
    x = x + attention_block(normed, text.sequences, kind, layer / "attn", config);
    x = x + gated_mlp(norm(x, layer / "mlp_norm", config), layer / "mlp", config);
  }
  return x;
}

/// What each head begins with: a linear layer, an activation and a norm. x: [..., hidden].
Value prediction_head(Value x, const Weights& weights, const ModernBertConfig& config) {
  const Value dense = projection(x, weights / "dense", config.hidden_size, config.classifier_bias);
  return norm(unary(config.classifier_activation, dense), weights / "norm", config);
}

/// Logits of the vocabulary at each token [tokens, vocabulary].
Value masked_lm_logits(Value x, const Weights& words, const Weights& own, const ModernBertConfig& config) {
  const Value table = (config.tie_word_embeddings ? words : own).get("weight", {config.vocab_size, config.hidden_size});
  return linear(x, table, config.decoder_bias ? own.get("bias", {config.vocab_size}) : Value{});
}

}  // namespace

void build_modernbert(const ModelContext& context) {
  const ModernBertConfig config = ModernBertConfig::from(context.config);
  const TextInputs text = text_inputs(context.graph);
  Graph& graph = context.graph;
  const Weights& all = context.weights;
  const Weights weights = below_optional(all, "model", context.head);
  const Weights words = weights / "embeddings" / "tok_embeddings";

  const Value rows = embedding(text.ids, words, config.vocab_size, config.hidden_size);
  const Value embedded = norm(rows, weights / "embeddings" / "norm", config);
  const Value hidden = norm(encoder(embedded, text, weights / "layers", config), weights / "final_norm", config);  // [tokens, hidden]
  const auto head = [&](Value x) { return prediction_head(x, all / "head", config); };

  switch (context.head) {
    case Head::base:
      return graph.output("last_hidden_state", hidden);
    case Head::masked_lm:
      return graph.output("logits", masked_lm_logits(head(hidden), words, all / "decoder", config));
    case Head::sequence_classification: {
      const Value pooled = sequence_pool(hidden, text.sequences, {config.mean_pooling ? Pooling::mean : Pooling::first});
      return graph.output("logits", linear(head(pooled), all / "classifier", config.num_labels));
    }
    case Head::token_classification:
      return token_classification_outputs(head(hidden), all / "classifier", config.num_labels);
    case Head::question_answering:
      return question_answering_outputs(head(hidden), all / "classifier");
    default:
      context.refuse_head();
  }
}

}  // namespace accelerate::models
