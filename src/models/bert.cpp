// BERT (Devlin et al., 2018; transformers' BertModel): a post-norm encoder, and the heads that sit on it.
// Weights carry the names they have in the checkpoint. Shapes are written [in brackets]; text is never padded.
#include "models/bert.h"

namespace accelerate::models {

BertConfig BertConfig::from(const Config& config) {
  const std::int64_t hidden_size = config.integer("hidden_size");
  return {
      .vocab_size = config.integer("vocab_size"),
      .embedding_size = hidden_size,
      .hidden_size = hidden_size,
      .num_hidden_layers = config.integer("num_hidden_layers"),
      .num_attention_heads = heads_of(config, hidden_size),
      .intermediate_size = config.integer("intermediate_size"),
      .max_position_embeddings = config.integer("max_position_embeddings"),
      .type_vocab_size = config.integer_or("type_vocab_size", 2),
      .num_labels = static_cast<std::int64_t>(config.labels().size()),
      .hidden_act = activation_named(config.text_or("hidden_act", "gelu")),
      .layer_norm = {.epsilon = static_cast<float>(config.number_or("layer_norm_eps", 1e-12))},
      .tie_word_embeddings = config.boolean_or("tie_word_embeddings", true),
  };
}

Value bert_embeddings(const TextInputs& text, Value positions, const Weights& weights, const BertConfig& config) {
  const std::int64_t size = config.embedding_size;
  const Value words = embedding(text.ids, weights / "word_embeddings", config.vocab_size, size);
  const Value types = embedding(text.types, weights / "token_type_embeddings", config.type_vocab_size, size);
  const Value places = embedding(positions, weights / "position_embeddings", config.max_position_embeddings, size);
  return layer_norm(words + types + places, weights / "LayerNorm", config.layer_norm);
}

/// Self-attention, its output projection, residual and norm. x: [tokens, hidden].
static Value attention_block(Value x, Value sequences, const Weights& weights, const BertConfig& config) {
  const Value context = self_attention(x, sequences, weights / "self", {.heads = config.num_attention_heads});
  const Value projected = linear(context, weights / "output" / "dense", config.hidden_size);
  return layer_norm(projected + x, weights / "output" / "LayerNorm", config.layer_norm);
}

/// One layer: attention, then an MLP of two layers, each with its residual and norm. x: [tokens, hidden].
static Value encoder_layer(Value x, Value sequences, const Weights& weights, const BertConfig& config) {
  const Value attended = attention_block(x, sequences, weights / "attention", config);
  const Value narrow = feed_forward(attended, weights / "intermediate" / "dense", weights / "output" / "dense",
                                    {.intermediate_size = config.intermediate_size, .activation = config.hidden_act});
  return layer_norm(narrow + attended, weights / "output" / "LayerNorm", config.layer_norm);
}

Value bert_encoder(Value x, Value sequences, const Weights& weights, const BertConfig& config) {
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) x = encoder_layer(x, sequences, weights / "layer" / i, config);
  return x;
}

Value bert_pooler(Value hidden, Value sequences, const Weights& weights) {
  return tanh(linear(first_token(hidden, sequences), weights / "dense", hidden.dim(-1).value()));
}

void bert_base_outputs(Value hidden, Value sequences, const Weights& weights) {
  hidden.graph().output("last_hidden_state", hidden);
  if (weights.contains("pooler")) hidden.graph().output("pooler_output", bert_pooler(hidden, sequences, weights / "pooler"));
}

/// Logits of the vocabulary at each token [tokens, vocabulary], by the transposed word embeddings.
static Value masked_lm_logits(Value hidden, const Weights& words, const Weights& weights, const BertConfig& config) {
  const Weights transform = weights / "transform";
  const Value activated = unary(config.hidden_act, linear(hidden, transform / "dense", config.hidden_size));
  const Value normed = layer_norm(activated, transform / "LayerNorm", config.layer_norm);
  const Value bias = weights.get("bias", {config.vocab_size});
  return tied_projection(normed, words, weights / "decoder", bias, config.tie_word_embeddings);
}

void bert_outputs(const ModelContext& context, Value hidden, Value sequences, const Weights& weights, const BertConfig& config) {
  Graph& graph = context.graph;
  const Weights& all = context.weights;
  const Weights words = weights / "embeddings" / "word_embeddings";
  const auto pooled = [&] { return bert_pooler(hidden, sequences, weights / "pooler"); };

  switch (context.head) {
    case Head::base:
      return bert_base_outputs(hidden, sequences, weights);
    case Head::masked_lm:
      return graph.output("logits", masked_lm_logits(hidden, words, all / "cls" / "predictions", config));
    case Head::sequence_classification:
      return graph.output("logits", linear(pooled(), all / "classifier", config.num_labels));
    case Head::token_classification:
      return token_classification_outputs(hidden, all / "classifier", config.num_labels);
    case Head::question_answering:
      return question_answering_outputs(hidden, all / "qa_outputs");
    case Head::next_sentence:
      return graph.output("logits", linear(pooled(), all / "cls" / "seq_relationship", 2));
    case Head::pretraining:
      graph.output("prediction_logits", masked_lm_logits(hidden, words, all / "cls" / "predictions", config));
      return graph.output("seq_relationship_logits", linear(pooled(), all / "cls" / "seq_relationship", 2));
    default:
      context.refuse_head();
  }
}

void build_bert(const ModelContext& context) {
  const BertConfig config = BertConfig::from(context.config);
  const TextInputs text = text_inputs(context.graph);
  const Weights weights = below_optional(context.weights, "bert", context.head);  // heads keep the encoder below "bert"

  const Value embedded = bert_embeddings(text, text.positions, weights / "embeddings", config);
  const Value hidden = bert_encoder(embedded, text.sequences, weights / "encoder", config);  // [tokens, hidden]
  bert_outputs(context, hidden, text.sequences, weights, config);
}

}  // namespace accelerate::models
