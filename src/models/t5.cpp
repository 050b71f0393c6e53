// T5 (Raffel et al., 2020), T5 v1.1 and Flan-T5: an encoder and a decoder with norms before each block, and biases by distance in
// place of positions. Scores are not scaled.
#include "models/t5.h"

namespace accelerate::models {

T5Config T5Config::from(const Config& config) {
  const std::int64_t layers = config.integer("num_layers");
  const std::string feed_forward = config.text_or("feed_forward_proj", "relu");
  const bool is_gated = feed_forward.starts_with("gated-");
  const std::string activation = is_gated ? feed_forward.substr(feed_forward.find('-') + 1) : feed_forward;
  const std::int64_t buckets = config.integer_or("relative_attention_num_buckets", 32, {.minimum = 8});
  return {
      .vocab_size = config.integer("vocab_size"),
      .d_model = config.integer("d_model"),
      .d_kv = config.integer("d_kv"),
      .d_ff = config.integer("d_ff"),
      .num_layers = layers,
      .num_decoder_layers = config.integer_or("num_decoder_layers", layers),
      .num_heads = config.integer("num_heads"),
      .distances = {.buckets = buckets, .farthest = config.integer_or("relative_attention_max_distance", 128, {.minimum = buckets})},
      .activation = activation_named(is_gated && activation == "gelu" ? "gelu_new" : activation),
      .is_gated = is_gated,
      .layer_norm = {.epsilon = static_cast<float>(config.number_or("layer_norm_epsilon", 1e-6))},
      .decoder_start_token_id = config.integer_or("decoder_start_token_id", 0, {.minimum = 0}),
  };
}

namespace {

/// A stack of layers and the text that goes through it.
struct Stack {
  Weights weights;
  std::int64_t layers;
  Value sequences;
  bool is_decoder;
};

/// The bias of each head by distance, from the table that the layer, or the first, has. A decoder's looks back alone.
PositionBias position_bias(const Stack& stack, std::int64_t layer, const T5Config& config) {
  const Weights attention = stack.weights / "block" / (config.bias_in_every_layer ? layer : 0) / "layer" / 0 / "SelfAttention";
  const Value table = (attention / "relative_attention_bias").get("weight", {config.distances.buckets, config.num_heads});
  DistanceColumns distances = config.distances;
  distances.both_sides = !stack.is_decoder;
  return {.of_heads = transpose(table, {1, 0}), .columns = logarithmic_columns(stack.weights.graph(), distances)};
}

/// Queries from x [tokens, hidden], keys and values from `seen`.
QueryKeyValue heads_of(Value x, Value seen, const Weights& weights, const T5Config& config) {
  const auto heads = [&](Value from, std::string_view name) {
    return split_heads(projection(from, weights / name, config.num_heads * config.d_kv, false), config.num_heads);
  };
  return {.query = heads(x, "q"), .key = heads(seen, "k"), .value = heads(seen, "v")};
}

Value self_attention(Value x, const Stack& stack, const PositionBias& bias, const Weights& weights, const T5Config& config) {
  const QueryKeyValue heads = heads_of(x, x, weights, config);
  const Value attended =
      merge_heads(attention(heads.query, heads.key, heads.value, stack.sequences, stack.sequences, {.causal = stack.is_decoder}, bias));
  return projection(attended, weights / "o", config.d_model, false);
}

Value cross_attention(Value x, Value sequences, Value seen, Value seen_sequences, const Weights& weights, const T5Config& config) {
  const QueryKeyValue heads = heads_of(x, seen, weights, config);
  const Value attended = merge_heads(attention(heads.query, heads.key, heads.value, sequences, seen_sequences, {}));
  return projection(attended, weights / "o", config.d_model, false);
}

Value mlp(Value x, const Weights& weights, const T5Config& config) {
  const auto wide = [&](std::string_view name) { return projection(x, weights / name, config.d_ff, false); };
  const Value inner = config.is_gated ? unary(config.activation, wide("wi_0")) * wide("wi_1") : unary(config.activation, wide("wi"));
  return projection(inner, weights / "wo", config.d_model, false);
}

/// x [tokens, hidden] through the stack, whose cross-attentions see `seen` where it is a decoder.
Value through(const Stack& stack, Value x, Value seen, Value seen_sequences, const T5Config& config) {
  const auto normed = [&](Value from, const Weights& layer) { return rms_norm(from, layer / "layer_norm", config.layer_norm); };
  PositionBias bias;
  for (std::int64_t i = 0; i < stack.layers; ++i) {
    if (i == 0 || config.bias_in_every_layer) bias = position_bias(stack, i, config);
    const Weights block = stack.weights / "block" / i / "layer";
    x = x + self_attention(normed(x, block / 0), stack, bias, block / 0 / "SelfAttention", config);
    if (stack.is_decoder)
      x = x + cross_attention(normed(x, block / 1), stack.sequences, seen, seen_sequences, block / 1 / "EncDecAttention", config);
    const Weights last = block / (stack.is_decoder ? 2 : 1);
    x = x + mlp(normed(x, last), last / "DenseReluDense", config);
  }
  return rms_norm(x, stack.weights / "final_layer_norm", config.layer_norm);
}

}  // namespace

void build_like_t5(const ModelContext& context, const T5Config& config) {
  const TwoTexts texts = two_texts(context, config.decoder_start_token_id);
  const bool is_labelled = context.head == Head::sequence_classification || context.head == Head::token_classification;
  const Weights weights = is_labelled ? context.weights / "transformer" : context.weights;
  const Value words = (weights / "shared").get("weight", {config.vocab_size, config.d_model});
  const Stack encoder{weights / "encoder", config.num_layers, texts.read.sequences, false};
  const Stack decoder{weights / "decoder", config.num_decoder_layers, texts.written.sequences, true};

  const Value read = through(encoder, gather(words, texts.read.ids), {}, {}, config);  // [tokens, hidden]
  if (context.head == Head::token_classification)
    return token_classification_outputs(read, context.weights / "classifier", static_cast<std::int64_t>(context.config.labels().size()));
  if (context.head == Head::base && !weights.contains("decoder")) return context.graph.output("last_hidden_state", read);  // T5EncoderModel

  const Value written = through(decoder, gather(words, texts.written.ids), read, texts.read.sequences, config);
  const float scale = inverse_root(static_cast<double>(config.d_model));
  encoder_decoder_outputs(context, {.encoder = read,
                                    .decoder = written,
                                    .for_logits = config.scale_decoder_outputs ? written * scale : written,
                                    .words = words,
                                    .tied = config.is_tied,
                                    .logits_bias = {},
                                    .texts = texts});
}

void build_t5(const ModelContext& context) {
  T5Config config = T5Config::from(context.config);
  // transformers' older configurations say it by the way in which the projection is tied.
  const bool is_tied = context.config.boolean_or("tie_word_embeddings", true);
  config.scale_decoder_outputs = context.config.boolean_or("scale_decoder_outputs", is_tied);
  config.is_tied = config.scale_decoder_outputs;
  build_like_t5(context, config);
}

}  // namespace accelerate::models
