// ALBERT (Lan et al., 2019): BERT whose layers share their weights, with word embeddings narrower than the encoder.
#include "models/bert.h"

namespace accelerate::models {
namespace {

/// The fields of config.json that ALBERT has besides BERT's, under their own names.
struct AlbertConfig {
  BertConfig bert;
  std::int64_t num_hidden_groups;
  std::int64_t inner_group_num;

  static AlbertConfig from(const Config& config) {
    BertConfig bert = BertConfig::from(config);
    bert.embedding_size = config.integer_or("embedding_size", 128);
    bert.hidden_act = activation_named(config.text_or("hidden_act", "gelu_new"));
    return {.bert = bert,
            .num_hidden_groups = config.integer_or("num_hidden_groups", 1),
            .inner_group_num = config.integer_or("inner_group_num", 1)};
  }
};

/// One layer: attention, then an MLP of two layers, each with its residual and norm. x: [tokens, hidden].
Value albert_layer(Value x, Value sequences, const Weights& weights, const BertConfig& config) {
  const Weights attention = weights / "attention";
  const Value context = self_attention(x, sequences, attention, {.heads = config.num_attention_heads});
  const Value projected = linear(context, attention / "dense", config.hidden_size);
  const Value attended = layer_norm(projected + x, attention / "LayerNorm", config.layer_norm);
  const Value narrow = feed_forward(attended, weights / "ffn", weights / "ffn_output",
                                    {.intermediate_size = config.intermediate_size, .activation = config.hidden_act});
  return layer_norm(narrow + attended, weights / "full_layer_layer_norm", config.layer_norm);
}

/// All layers, x [tokens, embedding] to [tokens, hidden]: each of the groups serves its share of them, one after another.
Value encoder(Value x, Value sequences, const Weights& weights, const AlbertConfig& config) {
  x = linear(x, weights / "embedding_hidden_mapping_in", config.bert.hidden_size);
  for (std::int64_t i = 0; i < config.bert.num_hidden_layers; ++i) {
    const Weights group = weights / "albert_layer_groups" / (i * config.num_hidden_groups / config.bert.num_hidden_layers);
    for (std::int64_t j = 0; j < config.inner_group_num; ++j) x = albert_layer(x, sequences, group / "albert_layers" / j, config.bert);
  }
  return x;
}

/// The first token's state through a linear layer and tanh: [sequences, hidden].
Value pooler(Value hidden, Value sequences, const Weights& weights, const BertConfig& config) {
  return tanh(linear(first_token(hidden, sequences), weights, config.hidden_size));
}

/// Logits of the vocabulary at each token [tokens, vocabulary].
Value masked_lm_logits(Value hidden, const Weights& words, const Weights& weights, const BertConfig& config) {
  const Value activated = unary(config.hidden_act, linear(hidden, weights / "dense", config.embedding_size));
  const Value normed = layer_norm(activated, weights / "LayerNorm", config.layer_norm);
  const Value bias = weights.get("bias", {config.vocab_size});
  return tied_projection(normed, words, weights / "decoder", bias, config.tie_word_embeddings);
}

}  // namespace

void build_albert(const ModelContext& context) {
  const AlbertConfig albert = AlbertConfig::from(context.config);
  const BertConfig& config = albert.bert;
  const TextInputs text = text_inputs(context.graph);
  Graph& graph = context.graph;
  const Weights& all = context.weights;
  const Weights weights = below_optional(all, "albert", context.head);
  const Weights words = weights / "embeddings" / "word_embeddings";

  const Value embedded = bert_embeddings(text, text.positions, weights / "embeddings", config);  // [tokens, embedding]
  const Value hidden = encoder(embedded, text.sequences, weights / "encoder", albert);           // [tokens, hidden]
  const auto pooled = [&] { return pooler(hidden, text.sequences, weights / "pooler", config); };

  switch (context.head) {
    case Head::base:
      graph.output("last_hidden_state", hidden);
      if (weights.contains("pooler")) graph.output("pooler_output", pooled());
      return;
    case Head::masked_lm:
      return graph.output("logits", masked_lm_logits(hidden, words, all / "predictions", config));
    case Head::sequence_classification:
      return graph.output("logits", linear(pooled(), all / "classifier", config.num_labels));
    case Head::token_classification:
      return token_classification_outputs(hidden, all / "classifier", config.num_labels);
    case Head::question_answering:
      return question_answering_outputs(hidden, all / "qa_outputs");
    case Head::pretraining:
      graph.output("prediction_logits", masked_lm_logits(hidden, words, all / "predictions", config));
      return graph.output("sop_logits", linear(pooled(), all / "sop_classifier" / "classifier", config.num_labels));
    default:
      context.refuse_head();
  }
}

}  // namespace accelerate::models
