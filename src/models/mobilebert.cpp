// MobileBERT (Sun et al., 2020): a deep, narrow BERT. Each layer works in a bottleneck between two linear layers, has several
// MLPs, and most norms are only a scale and a bias.
#include <array>
#include <cmath>

#include "models/bert.h"

namespace accelerate::models {
namespace {

constexpr NormOptions default_layer_norm{.epsilon = 1e-5F};  // where transformers passes the config's epsilon to no norm

/// The fields of config.json that MobileBERT has besides BERT's, under their own names.
struct MobileBertConfig {
  BertConfig bert;
  std::int64_t true_hidden_size;  ///< within a layer: the bottleneck's where there is one
  std::int64_t num_feedforward_networks;
  bool trigram_input;
  bool use_bottleneck;
  bool use_bottleneck_attention;
  bool key_query_shared_bottleneck;
  bool no_norm;
  bool classifier_activation;

  static MobileBertConfig from(const Config& config) {
    BertConfig bert = BertConfig::from(config);
    bert.embedding_size = config.integer_or("embedding_size", 128);
    bert.hidden_act = activation_named(config.text_or("hidden_act", "relu"));
    const std::string norm = config.text_or("normalization_type", "no_norm");
    if (norm != "no_norm" && norm != "layer_norm") config.refuse("normalization_type", "no_norm or layer_norm", ErrorKind::unsupported);
    const bool use_bottleneck = config.boolean_or("use_bottleneck", true);
    return {.bert = bert,
            .true_hidden_size = use_bottleneck ? config.integer_or("intra_bottleneck_size", 128) : bert.hidden_size,
            .num_feedforward_networks = config.integer_or("num_feedforward_networks", 4),
            .trigram_input = config.boolean_or("trigram_input", true),
            .use_bottleneck = use_bottleneck,
            .use_bottleneck_attention = config.boolean_or("use_bottleneck_attention", false),
            .key_query_shared_bottleneck = config.boolean_or("key_query_shared_bottleneck", true),
            .no_norm = norm == "no_norm",
            .classifier_activation = config.boolean_or("classifier_activation", true)};
  }
};

/// The model's norm of x [tokens, size]: a scale and a bias, or a layer norm.
Value norm(Value x, const Weights& weights, const MobileBertConfig& config, NormOptions options) {
  if (!config.no_norm) return layer_norm(x, weights, options);
  const std::int64_t size = x.dim(-1).value();
  return x * weights.get("weight", {size}) + weights.get("bias", {size});
}

/// Rows of the word embeddings [tokens, embedding], zeros where the id is -1.
Value words_or_zeros(Value ids, const Weights& weights, const BertConfig& config) {
  const Value known = not_equal(ids, -1);
  const Value rows = embedding(ids * cast(known, DType::int64), weights, config.vocab_size, config.embedding_size);
  return rows * reshape(cast(known, DType::float32), {ids.dim(0), 1});
}

/// Word rows, each between its neighbours' as the inputs `next_ids` and `previous_ids` [tokens] tell them (the ids beside the
/// token's own in its row of the batch, -1 at the row's ends): [tokens, 3 · embedding].
Value trigrams(Value words, const Weights& weights, const BertConfig& config) {
  Graph& graph = words.graph();
  const auto beside = [&](std::string_view name) {
    return words_or_zeros(graph.input(name, DType::int64, {words.dim(0)}), weights, config);
  };
  return concat(std::array{beside("next_ids"), words, beside("previous_ids")}, {.axis = 1});
}

/// Word, position and token-type rows, summed and normed: [tokens, hidden].
Value embeddings(const TextInputs& text, const Weights& weights, const MobileBertConfig& config) {
  const BertConfig& bert = config.bert;
  Value words = embedding(text.ids, weights / "word_embeddings", bert.vocab_size, bert.embedding_size);
  if (config.trigram_input) words = trigrams(words, weights / "word_embeddings", bert);
  if (config.trigram_input || bert.embedding_size != bert.hidden_size)
    words = linear(words, weights / "embedding_transformation", bert.hidden_size);
  const Value places = embedding(text.positions, weights / "position_embeddings", bert.max_position_embeddings, bert.hidden_size);
  const Value types = embedding(text.types, weights / "token_type_embeddings", bert.type_vocab_size, bert.hidden_size);
  return norm(words + places + types, weights / "LayerNorm", config, default_layer_norm);
}

/// x [tokens, hidden] through the linear layer into the bottleneck: [tokens, true hidden].
Value narrowed(Value x, const Weights& weights, const MobileBertConfig& config) {
  return norm(linear(x, weights / "dense", config.true_hidden_size), weights / "LayerNorm", config, config.bert.layer_norm);
}

/// What a layer's attention reads, and what is added to its result.
struct LayerInputs {
  Value query_and_key, value, residual;
};

LayerInputs layer_inputs(Value x, const Weights& weights, const MobileBertConfig& config) {
  if (!config.use_bottleneck) return {x, x, x};
  const Value narrow = narrowed(x, weights / "input", config);
  if (config.use_bottleneck_attention) return {narrow, narrow, narrow};
  if (!config.key_query_shared_bottleneck) return {x, x, narrow};
  return {narrowed(x, weights / "attention", config), x, narrow};
}

/// Self-attention, its output projection, residual and norm: [tokens, true hidden].
Value attention_block(const LayerInputs& inputs, Value sequences, const Weights& weights, const MobileBertConfig& config) {
  const auto heads = [&](Value x, std::string_view name) {
    return split_heads(linear(x, weights / "self" / name, config.true_hidden_size), config.bert.num_attention_heads);
  };
  const Value query = heads(inputs.query_and_key, "query");
  const Value key = heads(inputs.query_and_key, "key");
  const float scale = 1.0F / std::sqrt(static_cast<float>(query.dim(-1).value()));
  const Value context = merge_heads(attention(query, key, heads(inputs.value, "value"), sequences, sequences, {.scale = scale}));
  const Value projected = linear(context, weights / "output" / "dense", config.true_hidden_size);
  return norm(projected + inputs.residual, weights / "output" / "LayerNorm", config, config.bert.layer_norm);
}

/// An MLP of two layers with its residual and norm. x: [tokens, true hidden].
Value mlp_block(Value x, const Weights& weights, const MobileBertConfig& config, NormOptions options) {
  const Value narrow = feed_forward(x, weights / "intermediate" / "dense", weights / "output" / "dense",
                                    {.intermediate_size = config.bert.intermediate_size, .activation = config.bert.hidden_act});
  return norm(narrow + x, weights / "output" / "LayerNorm", config, options);
}

/// One layer: into the bottleneck, attention, the MLPs, and out of it again. x: [tokens, hidden].
Value encoder_layer(Value x, Value sequences, const Weights& weights, const MobileBertConfig& config) {
  const LayerInputs inputs = layer_inputs(x, weights / "bottleneck", config);
  Value narrow = attention_block(inputs, sequences, weights / "attention", config);
  for (std::int64_t i = 0; i + 1 < config.num_feedforward_networks; ++i)
    narrow = mlp_block(narrow, weights / "ffn" / i, config, config.bert.layer_norm);
  narrow = mlp_block(narrow, weights, config, default_layer_norm);
  if (!config.use_bottleneck) return narrow;
  const Weights widening = weights / "output" / "bottleneck";
  const Value wide = linear(narrow, widening / "dense", config.bert.hidden_size);
  return norm(wide + x, widening / "LayerNorm", config, config.bert.layer_norm);
}

/// The first token's state, through a linear layer and tanh where the config says so: [sequences, hidden].
Value pooler(Value hidden, Value sequences, const Weights& weights, const MobileBertConfig& config) {
  return config.classifier_activation ? bert_pooler(hidden, sequences, weights) : first_token(hidden, sequences);
}

/// Logits of the vocabulary at each token [tokens, vocabulary]: the first numbers of a state against the word embeddings, the
/// others against a table of their own, which is stored the other way around.
Value masked_lm_logits(Value hidden, const Weights& words, const Weights& weights, const BertConfig& config) {
  const Weights transform = weights / "transform";
  const Value activated = unary(config.hidden_act, linear(hidden, transform / "dense", config.hidden_size));
  const Value normed = layer_norm(activated, transform / "LayerNorm", config.layer_norm);
  const Value bias = weights.get("bias", {config.vocab_size});
  const auto part = [&](std::int64_t start, std::int64_t stop) { return slice(normed, {.axis = 1, .start = start, .stop = stop}); };
  const Value by_words = tied_projection(part(0, config.embedding_size), words, weights / "decoder", bias, config.tie_word_embeddings);
  if (config.embedding_size == config.hidden_size) return by_words;
  const Value table = (weights / "dense").get("weight", {config.hidden_size - config.embedding_size, config.vocab_size});
  return by_words + linear(part(config.embedding_size, config.hidden_size), transpose(table, {1, 0}));
}

}  // namespace

void build_mobilebert(const ModelContext& context) {
  const MobileBertConfig config = MobileBertConfig::from(context.config);
  const TextInputs text = text_inputs(context.graph);
  Graph& graph = context.graph;
  const Weights& all = context.weights;
  const Weights weights = below_optional(all, "mobilebert", context.head);
  const Weights words = weights / "embeddings" / "word_embeddings";

  Value hidden = embeddings(text, weights / "embeddings", config);  // [tokens, hidden]
  for (std::int64_t i = 0; i < config.bert.num_hidden_layers; ++i)
    hidden = encoder_layer(hidden, text.sequences, weights / "encoder" / "layer" / i, config);
  const auto pooled = [&] { return pooler(hidden, text.sequences, weights / "pooler", config); };

  switch (context.head) {
    case Head::base:
      graph.output("last_hidden_state", hidden);
      if (!config.classifier_activation || weights.contains("pooler")) graph.output("pooler_output", pooled());
      return;
    case Head::masked_lm:
      return graph.output("logits", masked_lm_logits(hidden, words, all / "cls" / "predictions", config.bert));
    case Head::sequence_classification:
      return graph.output("logits", linear(pooled(), all / "classifier", config.bert.num_labels));
    case Head::token_classification:
      return token_classification_outputs(hidden, all / "classifier", config.bert.num_labels);
    case Head::question_answering:
      return question_answering_outputs(hidden, all / "qa_outputs");
    case Head::next_sentence:
      return graph.output("logits", linear(pooled(), all / "cls" / "seq_relationship", 2));
    case Head::pretraining:
      graph.output("prediction_logits", masked_lm_logits(hidden, words, all / "cls" / "predictions", config.bert));
      return graph.output("seq_relationship_logits", linear(pooled(), all / "cls" / "seq_relationship", 2));
    default:
      context.refuse_head();
  }
}

}  // namespace accelerate::models
