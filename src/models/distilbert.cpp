// DistilBERT (Sanh et al., 2019): BERT's encoder with half the layers, without token types and without a pooler.
#include "models/blocks.h"

namespace accelerate::models {
namespace {

constexpr NormOptions layer_norm_options{.epsilon = 1e-12F};  // no field of the config

/// The fields of config.json, under their own names.
struct DistilBertConfig {
  std::int64_t vocab_size;
  std::int64_t dim;
  std::int64_t n_layers;
  std::int64_t n_heads;
  std::int64_t hidden_dim;
  std::int64_t max_position_embeddings;
  std::int64_t num_labels;
  UnaryFunction activation;
  bool tie_word_embeddings;

  static DistilBertConfig from(const Config& config) {
    const std::int64_t dim = config.integer("dim");
    return {
        .vocab_size = config.integer("vocab_size"),
        .dim = dim,
        .n_layers = config.integer("n_layers"),
        .n_heads = heads_of(config, dim, "n_heads"),
        .hidden_dim = config.integer("hidden_dim"),
        .max_position_embeddings = config.integer("max_position_embeddings"),
        .num_labels = static_cast<std::int64_t>(config.labels().size()),
        .activation = activation_named(config.text_or("activation", "gelu")),
        .tie_word_embeddings = config.boolean_or("tie_word_embeddings", true),
    };
  }
};

/// Word and position rows, summed and normalised: [tokens, dim].
Value embeddings(const TextInputs& text, const Weights& weights, const DistilBertConfig& config) {
  const Value words = embedding(text.ids, weights / "word_embeddings", config.vocab_size, config.dim);
  const Value places = embedding(text.positions, weights / "position_embeddings", config.max_position_embeddings, config.dim);
  return layer_norm(words + places, weights / "LayerNorm", layer_norm_options);
}

/// One layer: attention, then an MLP of two layers, each with its residual and norm. x: [tokens, dim].
Value transformer_block(Value x, Value sequences, const Weights& weights, const DistilBertConfig& config) {
  const Value context =
      self_attention(x, sequences, weights / "attention", {.heads = config.n_heads, .query = "q_lin", .key = "k_lin", .value = "v_lin"});
  const Value projected = linear(context, weights / "attention" / "out_lin", config.dim);
  const Value attended = layer_norm(projected + x, weights / "sa_layer_norm", layer_norm_options);
  const Value narrow = feed_forward(attended, weights / "ffn" / "lin1", weights / "ffn" / "lin2",
                                    {.intermediate_size = config.hidden_dim, .activation = config.activation});
  return layer_norm(narrow + attended, weights / "output_layer_norm", layer_norm_options);
}

/// Logits of the vocabulary at each token [tokens, vocabulary].
Value masked_lm_logits(Value hidden, const Weights& words, const Weights& weights, const DistilBertConfig& config) {
  const Value activated = unary(config.activation, linear(hidden, weights / "vocab_transform", config.dim));
  const Value normed = layer_norm(activated, weights / "vocab_layer_norm", layer_norm_options);
  const Weights projector = weights / "vocab_projector";
  return tied_projection(normed, words, projector, projector.get("bias", {config.vocab_size}), config.tie_word_embeddings);
}

/// The first token's state through two linear layers: [sequences, labels].
Value classification_logits(Value hidden, Value sequences, const Weights& weights, const DistilBertConfig& config) {
  const Value dense = unary(UnaryFunction::relu, linear(first_token(hidden, sequences), weights / "pre_classifier", config.dim));
  return linear(dense, weights / "classifier", config.num_labels);
}

}  // namespace

void build_distilbert(const ModelContext& context) {
  const DistilBertConfig config = DistilBertConfig::from(context.config);
  const TextInputs text = text_inputs(context.graph);
  const Weights& all = context.weights;
  const Weights weights = below_optional(all, "distilbert", context.head);

  Value hidden = embeddings(text, weights / "embeddings", config);  // [tokens, dim]
  for (std::int64_t i = 0; i < config.n_layers; ++i)
    hidden = transformer_block(hidden, text.sequences, weights / "transformer" / "layer" / i, config);

  switch (context.head) {
    case Head::base:
      return context.graph.output("last_hidden_state", hidden);
    case Head::masked_lm:
      return context.graph.output("logits", masked_lm_logits(hidden, weights / "embeddings" / "word_embeddings", all, config));
    case Head::sequence_classification:
      return context.graph.output("logits", classification_logits(hidden, text.sequences, all, config));
    case Head::token_classification:
      return token_classification_outputs(hidden, all / "classifier", config.num_labels);
    case Head::question_answering:
      return question_answering_outputs(hidden, all / "qa_outputs");
    default:
      context.refuse_head();
  }
}

}  // namespace accelerate::models
