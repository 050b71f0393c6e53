// SqueezeBERT (Iandola et al., 2020): BERT whose linear layers are convolutions of width 1, most of them in groups.
#include <cmath>

#include "models/bert.h"

namespace accelerate::models {
namespace {

constexpr LinearOptions as_convolution{.convolution = true, .activation = {}, .precision = Precision::fp32};

constexpr NormOptions layer_norm_options{.epsilon = 1e-12F};  // of the layers; the config's is for embeddings and heads

/// The fields of config.json that SqueezeBERT has besides BERT's, under their own names.
struct SqueezeBertConfig {
  BertConfig bert;
  std::int64_t q_groups;
  std::int64_t k_groups;
  std::int64_t v_groups;
  std::int64_t post_attention_groups;
  std::int64_t intermediate_groups;
  std::int64_t output_groups;

  static SqueezeBertConfig from(const Config& config) {
    const BertConfig bert = BertConfig::from(config);
    if (config.integer_or("embedding_size", bert.hidden_size) != bert.hidden_size) config.refuse("embedding_size", "the hidden_size");
    const auto groups = [&](std::string_view field, std::int64_t fallback, std::int64_t inputs, std::int64_t outputs) {
      const std::int64_t count = config.integer_or(field, fallback);
      if (inputs % count != 0 || outputs % count != 0) config.refuse(field, "a divisor of the sizes that it groups");
      return count;
    };
    const std::int64_t hidden = bert.hidden_size;
    const std::int64_t wide = bert.intermediate_size;
    return {.bert = bert,
            .q_groups = groups("q_groups", 4, hidden, hidden),
            .k_groups = groups("k_groups", 4, hidden, hidden),
            .v_groups = groups("v_groups", 4, hidden, hidden),
            .post_attention_groups = groups("post_attention_groups", 1, hidden, hidden),
            .intermediate_groups = groups("intermediate_groups", 4, hidden, wide),
            .output_groups = groups("output_groups", 4, wide, hidden)};
  }
};

/// A convolution of width 1 over x [tokens, in]: each group's part of the inputs makes that part of the outputs:
/// [tokens, outputs].
Value convolution(Value x, const Weights& weights, std::int64_t outputs, std::int64_t groups) {
  const std::int64_t inputs = x.dim(-1).value();
  const Value weight = weights.get("weight", {outputs, inputs / groups, 1});
  const Value bias = weights.get("bias", {outputs});
  if (groups == 1) return linear(x, reshape(weight, {outputs, inputs}), bias, as_convolution);
  const Value grouped =
      grouped_linear(reshape(x, {x.dim(0), groups, inputs / groups}), reshape(weight, {groups, outputs / groups, inputs / groups}),
                     reshape(bias, {groups, outputs / groups}), as_convolution);
  return reshape(grouped, {x.dim(0), outputs});
}

/// Self-attention of x [tokens, hidden] before its output projection: [tokens, hidden].
Value attend(Value x, Value sequences, const Weights& weights, const SqueezeBertConfig& config) {
  const auto heads = [&](std::string_view name, std::int64_t groups) {
    return split_heads(convolution(x, weights / name, config.bert.hidden_size, groups), config.bert.num_attention_heads);
  };
  const Value query = heads("query", config.q_groups);
  const Value key = heads("key", config.k_groups);
  const Value value = heads("value", config.v_groups);
  const float scale = 1.0F / std::sqrt(static_cast<float>(query.dim(-1).value()));
  return merge_heads(attention(query, key, value, sequences, sequences, {.scale = scale}));
}

/// A convolution, the residual and a norm: [tokens, hidden].
Value added_and_normed(Value x, Value residual, const Weights& weights, std::int64_t groups) {
  const Value narrow = convolution(x, weights / "conv1d", residual.dim(-1).value(), groups);
  return layer_norm(narrow + residual, weights / "layernorm", layer_norm_options);
}

/// One layer: attention, then an MLP of two layers, each with its residual and norm. x: [tokens, hidden].
Value encoder_layer(Value x, Value sequences, const Weights& weights, const SqueezeBertConfig& config) {
  const Value context = attend(x, sequences, weights / "attention", config);
  const Value attended = added_and_normed(context, x, weights / "post_attention", config.post_attention_groups);
  const Value wide = convolution(attended, weights / "intermediate" / "conv1d", config.bert.intermediate_size, config.intermediate_groups);
  return added_and_normed(unary(config.bert.hidden_act, wide), attended, weights / "output", config.output_groups);
}

}  // namespace

void build_squeezebert(const ModelContext& context) {
  const SqueezeBertConfig config = SqueezeBertConfig::from(context.config);
  const TextInputs text = text_inputs(context.graph);
  const Weights weights = below_optional(context.weights, "transformer", context.head);

  Value hidden = bert_embeddings(text, text.positions, weights / "embeddings", config.bert);  // [tokens, hidden]
  for (std::int64_t i = 0; i < config.bert.num_hidden_layers; ++i)
    hidden = encoder_layer(hidden, text.sequences, weights / "encoder" / "layers" / i, config);
  bert_outputs(context, hidden, text.sequences, weights, config.bert);
}

}  // namespace accelerate::models
