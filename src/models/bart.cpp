// BART (Lewis et al., 2020): an encoder and a decoder with norms after each block and learned positions.
#include "models/bart.h"

#include <cmath>

namespace accelerate::models {

BartConfig BartConfig::from(const Config& config, std::string_view encoder_positions, std::string_view decoder_positions) {
  const std::int64_t d_model = config.integer("d_model");
  return {
      .vocab_size = config.integer("vocab_size"),
      .d_model = d_model,
      .encoder = {.layers = config.integer("encoder_layers"),
                  .attention_heads = accelerate::heads_of(config, d_model, "encoder_attention_heads"),
                  .ffn_dim = config.integer("encoder_ffn_dim"),
                  .max_position_embeddings = config.integer(encoder_positions)},
      .decoder = {.layers = config.integer("decoder_layers"),
                  .attention_heads = accelerate::heads_of(config, d_model, "decoder_attention_heads"),
                  .ffn_dim = config.integer("decoder_ffn_dim"),
                  .max_position_embeddings = config.integer(decoder_positions)},
      .activation_function = activation_named(config.text_or("activation_function", "gelu")),
      .embedding_scale = config.boolean_or("scale_embedding", false) ? std::sqrt(static_cast<float>(d_model)) : 1.0F,
      .decoder_start_token_id = config.integer_or("decoder_start_token_id", 2, {.minimum = 0}),
      .tie_word_embeddings = config.boolean_or("tie_word_embeddings", true),
  };
}

namespace {

constexpr NormOptions norm_options{.epsilon = 1e-5F};

/// Sines of every position's angles, then their cosines (Vaswani et al., 2017): [positions, size].
Value sinusoids(Graph& graph, std::int64_t positions, std::int64_t size) {
  std::vector<float> table;
  for (std::int64_t position = 0; position < positions; ++position)
    for (std::int64_t column = 0; column < size; ++column) {
      const std::int64_t sines = (size + 1) / 2;
      const std::int64_t pair = column < sines ? column : column - sines;
      const double angle = static_cast<double>(position) / std::pow(10000.0, 2 * static_cast<double>(pair) / static_cast<double>(size));
      table.push_back(static_cast<float>(column < sines ? std::sin(angle) : std::cos(angle)));
    }
  return graph.constant(Tensor::from<float>(table, {positions, size}));
}

/// A text's words and places as states [tokens, hidden].
Value embeddings(const TextInputs& text, Value words, const Weights& weights, const BartStackConfig& stack, bool norm_first,
                 const BartConfig& config) {
  const auto normed = [&](Value x) { return layer_norm(x, weights / "layernorm_embedding", norm_options); };
  const std::int64_t rows = stack.max_position_embeddings + config.unused_positions;
  const Weights table = weights / "embed_positions";
  const Value positions = config.unused_positions == 0 ? text.positions : text.positions + config.unused_positions;
  const Value places = config.sinusoidal_positions && !table.contains("weight")
                           ? gather(sinusoids(weights.graph(), rows, config.d_model), positions)
                           : embedding(positions, table, rows, config.d_model);
  Value x = gather(words, text.ids);
  if (config.embedding_scale != 1) x = x * config.embedding_scale;
  if (!config.norm_embeddings) return x + places;
  return norm_first ? normed(x) + places : normed(x + places);
}

/// Attention of x [tokens, hidden] to `seen`, and its output projection.
Value attention_block(Value x, Value sequences, Value seen, Value seen_sequences, bool causal, std::int64_t heads, const Weights& weights) {
  const std::int64_t hidden = x.dim(-1).value();
  const auto heads_from = [&](Value from, std::string_view name) { return split_heads(linear(from, weights / name, hidden), heads); };
  const float scale = inverse_root(static_cast<double>(hidden / heads));
  const Value attended = attention(heads_from(x, "q_proj"), heads_from(seen, "k_proj"), heads_from(seen, "v_proj"), sequences,
                                   seen_sequences, {.scale = scale, .causal = causal});
  return linear(merge_heads(attended), weights / "out_proj", hidden);
}

/// x + block(x), normalised before the block or after the sum.
template <typename Block>
Value with_residual(Value x, const Weights& norm, const BartConfig& config, const Block& block) {
  const auto normed = [&](Value from) { return layer_norm(from, norm, norm_options); };
  return config.norm_before ? x + block(normed(x)) : normed(x + block(x));
}

Value mlp_block(Value x, const Weights& layer, const BartStackConfig& stack, const BartConfig& config) {
  return with_residual(x, layer / "final_layer_norm", config, [&](Value from) {
    return feed_forward(from, layer / "fc1", layer / "fc2", {.intermediate_size = stack.ffn_dim, .activation = config.activation_function});
  });
}

Value encoder(const TextInputs& text, Value words, const Weights& weights, const BartConfig& config, const EncoderAttention& attention) {
  Value x = embeddings(text, words, weights, config.encoder, false, config);
  for (std::int64_t i = 0; i < config.encoder.layers; ++i) {
    const Weights layer = weights / "layers" / i;
    x = with_residual(x, layer / "self_attn_layer_norm", config, [&](Value from) { return attention(from, i, layer / "self_attn"); });
    x = mlp_block(x, layer, config.encoder, config);
  }
  return config.norm_before ? layer_norm(x, weights / "layer_norm", norm_options) : x;
}

Value decoder(const TextInputs& text, Value words, Value seen, Value seen_sequences, const Weights& weights, const BartConfig& config) {
  const std::int64_t heads = config.decoder.attention_heads;
  Value x = embeddings(text, words, weights, config.decoder, config.decoder_norm_before_positions, config);
  for (std::int64_t i = 0; i < config.decoder.layers; ++i) {
    const Weights layer = weights / "layers" / i;
    x = with_residual(x, layer / "self_attn_layer_norm", config, [&](Value from) {
      return attention_block(from, text.sequences, from, text.sequences, true, heads, layer / "self_attn");
    });
    x = with_residual(x, layer / "encoder_attn_layer_norm", config, [&](Value from) {
      return attention_block(from, text.sequences, seen, seen_sequences, false, heads, layer / "encoder_attn");
    });
    x = mlp_block(x, layer, config.decoder, config);
  }
  return config.norm_before ? layer_norm(x, weights / "layer_norm", norm_options) : x;
}

}  // namespace

void build_like_bart(const ModelContext& context, const BartConfig& config, const TwoTexts& texts, const EncoderAttention& own) {
  const Weights weights = below_if_there(context.weights, config.place);
  const Value words = (weights / "shared").get("weight", {config.vocab_size, config.d_model});
  const EncoderAttention usual = [&](Value x, std::int64_t, const Weights& place) {
    return attention_block(x, texts.read.sequences, x, texts.read.sequences, false, config.encoder.attention_heads, place);
  };
  const Value read = encoder(texts.read, words, weights / "encoder", config, own ? own : usual);
  const Value written = decoder(texts.written, words, read, texts.read.sequences, weights / "decoder", config);
  Value bias;
  if (context.head == Head::conditional_generation && context.weights.contains("final_logits_bias"))
    bias = reshape(context.weights.get("final_logits_bias", {1, config.vocab_size}), {config.vocab_size});
  encoder_decoder_outputs(context, {.encoder = read,
                                    .decoder = written,
                                    .for_logits = written,
                                    .words = words,
                                    .tied = config.tie_word_embeddings,
                                    .logits_bias = bias,
                                    .texts = texts});
}

void build_bart(const ModelContext& context) {
  const BartConfig config = BartConfig::from(context.config);
  build_like_bart(context, config, two_texts(context, config.decoder_start_token_id));
}

}  // namespace accelerate::models
