// DPR (Karpukhin et al., 2020): BERT without a pooler as an encoder of questions or of passages, and as a reader that finds
// the answer in a passage.
#include "models/bert.h"

namespace accelerate::models {
namespace {

/// The place of the encoder: a reader keeps it below its span predictor, an encoder below the name of what it encodes.
Weights encoder_place(const ModelContext& context) {
  const Weights& all = context.weights;
  if (context.head == Head::question_answering) return all / "span_predictor" / "encoder";
  return all.contains("question_encoder") ? all / "question_encoder" : all / "ctx_encoder";
}

}  // namespace

void build_dpr(const ModelContext& context) {
  const BertConfig config = BertConfig::from(context.config);
  const std::int64_t projection_dim = context.config.integer_or("projection_dim", 0, {.minimum = 0});
  const TextInputs text = text_inputs(context.graph);
  const Weights place = encoder_place(context);
  const Weights weights = place / "bert_model";

  const Value embedded = bert_embeddings(text, text.positions, weights / "embeddings", config);
  const Value hidden = bert_encoder(embedded, text.sequences, weights / "encoder", config);  // [tokens, hidden]
  const Value first = first_token(hidden, text.sequences);

  switch (context.head) {
    case Head::base:
      return context.graph.output("pooler_output", projection_dim > 0 ? linear(first, place / "encode_proj", projection_dim) : first);
    case Head::question_answering: {
      const Weights predictor = context.weights / "span_predictor";
      question_answering_outputs(hidden, predictor / "qa_outputs");
      const Value relevance = linear(first, predictor / "qa_classifier", 1);
      return context.graph.output("relevance_logits", reshape(relevance, {relevance.dim(0)}));
    }
    default:
      context.refuse_head();
  }
}

}  // namespace accelerate::models
