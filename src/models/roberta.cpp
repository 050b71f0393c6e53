// RoBERTa (Liu et al., 2019), XLM-RoBERTa and CamemBERT: BERT's encoder with positions counted from the padding id, and
// heads of their own.
#include "models/roberta.h"

namespace accelerate::models {

Value positions_past_padding(const TextInputs& text, std::int64_t pad) {
  const Value real = cast(not_equal(text.ids, pad), DType::int64);
  return sequence_cumsum(real, text.sequences) * real + pad;
}

/// A linear layer with an exact GELU and a norm, then the word embeddings transposed: [tokens, vocabulary].
static Value masked_lm_logits(Value hidden, const Weights& words, const Weights& weights, const BertConfig& config) {
  const Value activated = unary(UnaryFunction::gelu_erf, linear(hidden, weights / "dense", config.hidden_size));
  const Value normed = layer_norm(activated, weights / "layer_norm", config.layer_norm);
  const Value bias = weights.get("bias", {config.vocab_size});
  return tied_projection(normed, words, weights / "decoder", bias, config.tie_word_embeddings);
}

/// The first token's state through two linear layers: [sequences, labels].
static Value classification_logits(Value hidden, Value sequences, const Weights& weights, const BertConfig& config) {
  const Value dense = tanh(linear(first_token(hidden, sequences), weights / "dense", config.hidden_size));
  return linear(dense, weights / "out_proj", config.num_labels);
}

void roberta_outputs(const ModelContext& context, Value hidden, const TextInputs& text, const Weights& encoder, const BertConfig& config) {
  const Weights& all = context.weights;
  switch (context.head) {
    case Head::base:
      return bert_base_outputs(hidden, text.sequences, encoder);
    case Head::masked_lm: {
      const Weights words = encoder / "embeddings" / "word_embeddings";
      return context.graph.output("logits", masked_lm_logits(hidden, words, all / "lm_head", config));
    }
    case Head::sequence_classification:
      return context.graph.output("logits", classification_logits(hidden, text.sequences, all / "classifier", config));
    case Head::token_classification:
      return token_classification_outputs(hidden, all / "classifier", config.num_labels);
    case Head::question_answering:
      return question_answering_outputs(hidden, all / "qa_outputs");
    default:
      context.refuse_head();
  }
}

void build_roberta(const ModelContext& context) {
  const BertConfig config = BertConfig::from(context.config);
  const TextInputs text = text_inputs(context.graph);
  const Weights weights = below_optional(context.weights, "roberta", context.head);

  const Value positions = positions_past_padding(text, context.config.integer_or("pad_token_id", 1, {.minimum = 0}));
  const Value embedded = bert_embeddings(text, positions, weights / "embeddings", config);
  const Value hidden = bert_encoder(embedded, text.sequences, weights / "encoder", config);  // [tokens, hidden]
  roberta_outputs(context, hidden, text, weights, config);
}

}  // namespace accelerate::models
