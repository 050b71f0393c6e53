// LED (Beltagy et al., 2020): BART whose encoder attends as Longformer does, to a window and to global tokens.
#include "models/bart.h"
#include "models/longformer.h"

namespace accelerate::models {

void build_led(const ModelContext& context) {
  BartConfig config = BartConfig::from(context.config, "max_encoder_position_embeddings", "max_decoder_position_embeddings");
  config.place = "led";
  config.unused_positions = 0;
  const std::vector<std::int64_t> reaches = reaches_of(context.config, config.encoder.layers);
  const TwoTexts texts = two_texts(context, config.decoder_start_token_id);
  const GlobalTokens global = global_tokens(context.graph, {});
  build_like_bart(context, config, texts, [&](Value x, std::int64_t layer, const Weights& weights) {
    const WindowOptions options{.heads = config.encoder.attention_heads, .reach = reaches[static_cast<std::size_t>(layer)]};
    const Value attended = windowed_attention(x, texts.read.sequences, global, weights / "longformer_self_attn", options);
    return linear(attended, weights / "output", config.d_model);
  });
}

}  // namespace accelerate::models
