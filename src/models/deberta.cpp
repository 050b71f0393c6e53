// DeBERTa (He et al., 2021; transformers' DebertaModel): BERT's layers with attention that adds to the products of contents
// those of contents and relative positions.
#include "models/deberta.h"

#include <algorithm>
#include <cmath>

#include "models/bert.h"

namespace accelerate::models {

/// Whether config.json's "pos_att_type", a list or texts joined by "|", names `kind`.
static bool attends(const Config& config, std::string_view kind) {
  if (!config.has("pos_att_type")) return false;
  if (config.is_text("pos_att_type")) return config.text("pos_att_type").find(kind) != std::string::npos;
  const std::vector<std::string> kinds = config.texts("pos_att_type");
  return std::ranges::find(kinds, kind) != kinds.end();
}

DebertaConfig DebertaConfig::from(const Config& config) {
  if (config.boolean_or("talking_head", false)) config.refuse("talking_head", "false", ErrorKind::unsupported);
  const std::int64_t hidden_size = config.integer("hidden_size");
  const std::int64_t positions = config.integer("max_position_embeddings", {.minimum = 1});
  const std::int64_t reach = config.integer_or("max_relative_positions", -1, {.minimum = -1});
  const bool relative = config.boolean_or("relative_attention", false);
  return {
      .vocab_size = config.integer("vocab_size"),
      .embedding_size = config.integer_or("embedding_size", hidden_size),
      .hidden_size = hidden_size,
      .num_hidden_layers = config.integer("num_hidden_layers"),
      .num_attention_heads = heads_of(config, hidden_size),
      .intermediate_size = config.integer("intermediate_size"),
      .max_position_embeddings = positions,
      .type_vocab_size = config.integer_or("type_vocab_size", 0, {.minimum = 0}),
      .max_relative_positions = reach < 1 ? positions : reach,
      .num_labels = static_cast<std::int64_t>(config.labels().size()),
      .hidden_act = activation_named(config.text_or("hidden_act", "gelu")),
      .pooler_hidden_act = activation_named(config.text_or("pooler_hidden_act", "gelu")),
      .layer_norm = {.epsilon = static_cast<float>(config.number_or("layer_norm_eps", 1e-7))},
      .position_biased_input = config.boolean_or("position_biased_input", true),
      .relative_attention = relative,
      .content_to_position = attends(config, "c2p"),
      .position_to_content = attends(config, "p2c"),
      .tie_word_embeddings = config.boolean_or("tie_word_embeddings", true),
  };
}

float DebertaConfig::score_scale() const {
  const int kinds = 1 + (content_to_position ? 1 : 0) + (position_to_content ? 1 : 0);
  return 1.0F / std::sqrt(static_cast<float>(head_size() * kinds));
}

Value deberta_embeddings(const TextInputs& text, const Weights& weights, const DebertaConfig& config) {
  const std::int64_t size = config.embedding_size;
  Value sum = embedding(text.ids, weights / "word_embeddings", config.vocab_size, size);
  if (config.position_biased_input)
    sum = sum + embedding(text.positions, weights / "position_embeddings", config.max_position_embeddings, size);
  if (config.type_vocab_size > 0) sum = sum + embedding(text.types, weights / "token_type_embeddings", config.type_vocab_size, size);
  if (size != config.hidden_size) sum = linear(sum, weights / "embed_proj", config.hidden_size);
  return layer_norm(sum, weights / "LayerNorm", config.layer_norm);
}

Value deberta_layer(Value x, const DebertaHeads& heads, Value sequences, const Weights& weights, const DebertaConfig& config) {
  const Value context =
      merge_heads(attention(heads.query, heads.key, heads.value, sequences, sequences, {.scale = config.score_scale()}, heads.bias));
  const Weights after = weights / "attention" / "output";
  const Value attended = layer_norm(linear(context, after / "dense", config.hidden_size) + x, after / "LayerNorm", config.layer_norm);

  const Value narrow = feed_forward(attended, weights / "intermediate" / "dense", weights / "output" / "dense",
                                    {.intermediate_size = config.intermediate_size, .activation = config.hidden_act});
  return layer_norm(narrow + attended, weights / "output" / "LayerNorm", config.layer_norm);
}

Value scores_by_column(Value heads, Value table, const DebertaConfig& config) {
  const Value rows = split_heads(table * config.score_scale(), config.num_attention_heads);  // [columns, heads, size]
  return grouped_linear(heads, transpose(rows, {1, 0, 2}));
}

/// Query, key or value rows of the weight that holds all three head by head, [heads · 3 · size, hidden]: [hidden, hidden].
static Value part_of_projection(Value weight, std::int64_t part, const DebertaConfig& config) {
  const Value parts = transpose(reshape(weight, {config.num_attention_heads, 3, config.head_size(), config.hidden_size}), {1, 0, 2, 3});
  return reshape(slice(parts, {.axis = 0, .start = part, .stop = part + 1}), {config.hidden_size, config.hidden_size});
}

/// The column of each distance: itself, as far as the table reaches.
static Value columns_by_distance(Graph& graph, std::int64_t reach) {
  std::vector<std::int64_t> columns;
  for (std::int64_t distance = -reach; distance <= reach; ++distance) columns.push_back(std::min(reach - distance, 2 * reach - 1));
  return graph.constant(Tensor::from<std::int64_t>(columns, {2 * reach + 1}), "columns by distance");
}

/// Queries, keys, values and biases of one layer; `positions` [2 · reach, hidden] are the rows of relative positions.
static DebertaHeads attention_heads(Value x, Value positions, const Weights& weights, const DebertaConfig& config) {
  const std::int64_t hidden = config.hidden_size;
  const Value all = weights.get("in_proj.weight", {3 * hidden, hidden});
  const auto projected = [&](std::int64_t part, Value bias) {
    return split_heads(linear(x, part_of_projection(all, part, config), bias), config.num_attention_heads);
  };
  DebertaHeads heads{.query = projected(0, weights.get("q_bias", {hidden})),
                     .key = projected(1, {}),
                     .value = projected(2, weights.get("v_bias", {hidden})),
                     .bias = {}};
  if (!config.relative_attention) return heads;
  if (config.content_to_position) {
    const Value keys = linear(positions, weights.get("pos_proj.weight", {hidden, hidden}));
    heads.bias.of_queries = scores_by_column(heads.query, keys, config);
  }
  if (config.position_to_content)
    heads.bias.of_keys = scores_by_column(heads.key, linear(positions, weights / "pos_q_proj", hidden), config);
  if (heads.bias.of_queries || heads.bias.of_keys) heads.bias.columns = columns_by_distance(x.graph(), config.max_relative_positions);
  return heads;
}

/// The vocabulary's logits at each token, [tokens, vocabulary].
static Value masked_lm_logits(const ModelContext& context, Value hidden, const Weights& embeddings, const DebertaConfig& config) {
  if (!context.config.boolean_or("legacy", true)) context.config.refuse("legacy", "true", ErrorKind::unsupported);
  const Weights head = context.weights / "cls" / "predictions";
  const Value activated = unary(config.hidden_act, linear(hidden, head / "transform" / "dense", config.embedding_size));
  const Value normed = layer_norm(activated, head / "transform" / "LayerNorm", config.layer_norm);
  return tied_projection(normed, embeddings / "word_embeddings", head / "decoder", head.get("bias", {config.vocab_size}),
                         config.tie_word_embeddings);
}

void deberta_outputs(const ModelContext& context, Value hidden, const TextInputs& text, const Weights& encoder,
                     const DebertaConfig& config) {
  const Weights& all = context.weights;
  switch (context.head) {
    case Head::base:
      return context.graph.output("last_hidden_state", hidden);
    case Head::masked_lm:
      return context.graph.output("logits", masked_lm_logits(context, hidden, encoder / "embeddings", config));
    case Head::sequence_classification: {
      const Value first = first_token(hidden, text.sequences);
      const Value pooled = unary(config.pooler_hidden_act, linear(first, all / "pooler" / "dense", config.hidden_size));
      return context.graph.output("logits", linear(pooled, all / "classifier", config.num_labels));
    }
    case Head::token_classification:
      return token_classification_outputs(hidden, all / "classifier", config.num_labels);
    case Head::question_answering:
      return question_answering_outputs(hidden, all / "qa_outputs");
    default:
      context.refuse_head();
  }
}

void build_deberta(const ModelContext& context) {
  const DebertaConfig config = DebertaConfig::from(context.config);
  const TextInputs text = text_inputs(context.graph);
  const Weights weights = below_optional(context.weights, "deberta", context.head);
  const Weights encoder = weights / "encoder";

  Value hidden = deberta_embeddings(text, weights / "embeddings", config);
  Value positions;
  if (config.relative_attention) positions = encoder.get("rel_embeddings.weight", {2 * config.max_relative_positions, config.hidden_size});
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const Weights layer = encoder / "layer" / i;
    hidden = deberta_layer(hidden, attention_heads(hidden, positions, layer / "attention" / "self", config), text.sequences, layer, config);
  }
  deberta_outputs(context, hidden, text, weights, config);
}

}  // namespace accelerate::models
