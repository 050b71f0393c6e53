#include "models/encoder_decoder.h"

namespace accelerate {

TwoTexts two_texts(const ModelContext& context, std::int64_t start) {
  Graph& graph = context.graph;
  const TextInputs read = text_inputs(graph);
  if (context.head == Head::base || context.head == Head::conditional_generation) {
    const Dim tokens = Dim::named("decoder_tokens");
    const auto row_a_token = [&](std::string_view name) { return graph.input(name, DType::int64, {tokens}); };
    return {.read = read,
            .written = {.ids = row_a_token("decoder_input_ids"),
                        .types = {},
                        .positions = row_a_token("decoder_positions"),
                        .sequences = graph.input("decoder_sequences", DType::int64, {Dim::named("sequences") + 1})}};
  }
  const Value previous = graph.input("previous_ids", DType::int64, {Dim::named("tokens")});
  const Value first = graph.constant(Tensor::from<std::int64_t>(std::vector{start}, {1}));
  TextInputs written = read;
  written.ids = where(not_equal(previous, -1), previous, first);
  return {.read = read, .written = written};
}

void encoder_decoder_outputs(const ModelContext& context, const EncoderDecoderOutputs& outputs) {
  Graph& graph = context.graph;
  const std::int64_t hidden = outputs.decoder.dim(-1).value();
  const auto labels = [&] { return static_cast<std::int64_t>(context.config.labels().size()); };
  switch (context.head) {
    case Head::base:
      graph.output("last_hidden_state", outputs.decoder);
      break;
    case Head::conditional_generation: {
      const Weights own = context.weights / "lm_head";
      const Value table =
          !outputs.tied && own.contains("weight") ? own.get("weight", {outputs.words.dim(0).value(), hidden}) : outputs.words;
      graph.output("logits", linear(outputs.for_logits, table, outputs.logits_bias));
      break;
    }
    case Head::sequence_classification: {
      const Weights weights = context.weights / "classification_head";
      const Value last = sequence_pool(outputs.decoder, outputs.texts.written.sequences, {.function = Pooling::last});
      graph.output("logits", linear(tanh(linear(last, weights / "dense", hidden)), weights / "out_proj", labels()));
      break;
    }
    case Head::question_answering:
      question_answering_outputs(outputs.decoder, context.weights / "qa_outputs");
      break;
    default:
      context.refuse_head();
  }
  graph.output("encoder_last_hidden_state", outputs.encoder);
}

}  // namespace accelerate
