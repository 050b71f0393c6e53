// ELECTRA (Clark et al., 2020): BERT's encoder, often with narrower word embeddings. The discriminator tells for each token
// whether it was put in another's place; the generator is a masked language model.
#include "models/bert.h"

namespace accelerate::models {
namespace {

/// How likely each token was replaced: logits [tokens].
Value discriminator_logits(Value hidden, const Weights& weights, const BertConfig& config) {
  const Value dense = unary(config.hidden_act, linear(hidden, weights / "dense", config.hidden_size));
  return reshape(linear(dense, weights / "dense_prediction", 1), {hidden.dim(0)});
}

/// Logits of the vocabulary at each token [tokens, vocabulary].
Value generator_logits(Value hidden, const Weights& words, const Weights& all, const BertConfig& config) {
  const Weights predictions = all / "generator_predictions";
  const Value activated = unary(UnaryFunction::gelu_erf, linear(hidden, predictions / "dense", config.embedding_size));
  const Value normed = layer_norm(activated, predictions / "LayerNorm", config.layer_norm);
  const Weights own = all / "generator_lm_head";
  return tied_projection(normed, words, own, own.get("bias", {config.vocab_size}), config.tie_word_embeddings);
}

/// The first token's state through two linear layers: [sequences, labels].
Value classification_logits(Value hidden, Value sequences, const Weights& weights, const BertConfig& config) {
  const Value first = linear(first_token(hidden, sequences), weights / "dense", config.hidden_size);
  return linear(unary(UnaryFunction::gelu_erf, first), weights / "out_proj", config.num_labels);
}

}  // namespace

void build_electra(const ModelContext& context) {
  BertConfig config = BertConfig::from(context.config);
  config.embedding_size = context.config.integer_or("embedding_size", 128);
  const TextInputs text = text_inputs(context.graph);
  Graph& graph = context.graph;
  const Weights& all = context.weights;
  const Weights weights = below_optional(all, "electra", context.head);

  Value embedded = bert_embeddings(text, text.positions, weights / "embeddings", config);  // [tokens, embedding]
  if (config.embedding_size != config.hidden_size) embedded = linear(embedded, weights / "embeddings_project", config.hidden_size);
  const Value hidden = bert_encoder(embedded, text.sequences, weights / "encoder", config);  // [tokens, hidden]

  switch (context.head) {
    case Head::base:
      return graph.output("last_hidden_state", hidden);
    case Head::pretraining:
      return graph.output("logits", discriminator_logits(hidden, all / "discriminator_predictions", config));
    case Head::masked_lm:
      return graph.output("logits", generator_logits(hidden, weights / "embeddings" / "word_embeddings", all, config));
    case Head::sequence_classification:
      return graph.output("logits", classification_logits(hidden, text.sequences, all / "classifier", config));
    case Head::token_classification:
      return token_classification_outputs(hidden, all / "classifier", config.num_labels);
    case Head::question_answering:
      return question_answering_outputs(hidden, all / "qa_outputs");
    default:
      context.refuse_head();
  }
}

}  // namespace accelerate::models
