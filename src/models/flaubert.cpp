// FlauBERT (Le et al., 2019): XLM's encoder, in its older post-norm and its newer pre-norm form.
#include <fmt/format.h>

#include "ipfs_accelerate/error.h"
#include "models/blocks.h"

namespace accelerate::models {
namespace {

/// The fields of config.json, under their own names.
struct FlaubertConfig {
  std::int64_t vocab_size;
  std::int64_t emb_dim;
  std::int64_t n_layers;
  std::int64_t n_heads;
  std::int64_t max_position_embeddings;
  std::int64_t num_labels;
  UnaryFunction activation;
  NormOptions layer_norm;
  bool pre_norm;
  bool tie_word_embeddings;

  static FlaubertConfig from(const Config& config) {
    for (const char* field : {"asm", "causal"})
      if (config.boolean_or(field, false)) config.refuse(field, "false", ErrorKind::unsupported);
    const std::int64_t emb_dim = config.integer("emb_dim");
    return {
        .vocab_size = config.integer(config.has("n_words") ? "n_words" : "vocab_size"),
        .emb_dim = emb_dim,
        .n_layers = config.integer("n_layers"),
        .n_heads = heads_of(config, emb_dim, "n_heads"),
        .max_position_embeddings = config.integer("max_position_embeddings"),
        .num_labels = static_cast<std::int64_t>(config.labels().size()),
        .activation = config.boolean_or("gelu_activation", true) ? UnaryFunction::gelu_erf : UnaryFunction::relu,
        .layer_norm = {.epsilon = static_cast<float>(config.number_or("layer_norm_eps", 1e-12))},
        .pre_norm = config.boolean_or("pre_norm", false),
        .tie_word_embeddings = config.boolean_or("tie_word_embeddings", true),
    };
  }
};

/// Word and position rows, summed and normalised: [tokens, size].
Value embeddings(const TextInputs& text, const Weights& weights, const FlaubertConfig& config) {
  const Value words = embedding(text.ids, weights / "embeddings", config.vocab_size, config.emb_dim);
  const Value places = embedding(text.positions, weights / "position_embeddings", config.max_position_embeddings, config.emb_dim);
  return layer_norm(words + places, weights / "layer_norm_emb", config.layer_norm);
}

/// The layer'th layer: attention, then an MLP of two layers, each with its residual, and normalised before or after it.
/// x: [tokens, size].
Value encoder_layer(Value x, Value sequences, const Weights& weights, std::int64_t layer, const FlaubertConfig& config) {
  const auto attend = [&](Value y) {
    const Weights place = weights / "attentions" / layer;
    const Value context =
        self_attention(y, sequences, place, {.heads = config.n_heads, .query = "q_lin", .key = "k_lin", .value = "v_lin"});
    return linear(context, place / "out_lin", config.emb_dim);
  };
  const auto feed = [&](Value y) {
    const Weights place = weights / "ffns" / layer;
    return feed_forward(y, place / "lin1", place / "lin2", {.intermediate_size = 4 * config.emb_dim, .activation = config.activation});
  };
  const auto norm = [&](Value y, std::string_view name) { return layer_norm(y, weights / name / layer, config.layer_norm); };

  if (config.pre_norm) {
    x = x + attend(norm(x, "layer_norm1"));
    return x + feed(norm(x, "layer_norm2"));
  }
  x = norm(x + attend(x), "layer_norm1");
  return norm(x + feed(x), "layer_norm2");
}

/// One state a sequence, as the config's summary fields say: [sequences, labels].
Value classification_logits(Value hidden, Value sequences, const Weights& weights, const Config& config, std::int64_t labels) {
  const std::string type = config.text_or("summary_type", "first");
  if (type != "first" && type != "last" && type != "mean") config.refuse("summary_type", "first, last or mean", ErrorKind::unsupported);
  const Pooling pooling = type == "first" ? Pooling::first : type == "last" ? Pooling::last : Pooling::mean;
  Value summary = sequence_pool(hidden, sequences, {.function = pooling});
  if (config.boolean_or("summary_use_proj", true)) {
    const bool to_labels = config.boolean_or("summary_proj_to_labels", true) && labels > 0;
    summary = linear(summary, weights / "summary", to_labels ? labels : hidden.dim(-1).value());
  }
  return config.has("summary_activation") ? unary(activation_named(config.text("summary_activation")), summary) : summary;
}

}  // namespace

void build_flaubert(const ModelContext& context) {
  const FlaubertConfig config = FlaubertConfig::from(context.config);
  const TextInputs text = text_inputs(context.graph);
  Graph& graph = context.graph;
  const Weights& all = context.weights;
  const Weights weights = below_optional(all, "transformer", context.head);

  Value hidden = embeddings(text, weights, config);  // [tokens, size]
  for (std::int64_t i = 0; i < config.n_layers; ++i) hidden = encoder_layer(hidden, text.sequences, weights, i, config);

  switch (context.head) {
    case Head::base:
      return graph.output("last_hidden_state", hidden);
    case Head::masked_lm: {
      const Weights own = all / "pred_layer" / "proj";
      const Value bias = own.get("bias", {config.vocab_size});
      return graph.output("logits", tied_projection(hidden, weights / "embeddings", own, bias, config.tie_word_embeddings));
    }
    case Head::sequence_classification:
      return graph.output("logits",
                          classification_logits(hidden, text.sequences, all / "sequence_summary", context.config, config.num_labels));
    case Head::token_classification:
      return token_classification_outputs(hidden, all / "classifier", config.num_labels);
    case Head::question_answering:
      if (!all.contains("qa_outputs.weight"))
        throw Error(ErrorKind::unsupported,
                    fmt::format("{}: a FlauBERT that searches for answers by beams is not supported, expected one with a single "
                                "layer 'qa_outputs' (FlaubertForQuestionAnsweringSimple)",
                                context.config.source()));
      return question_answering_outputs(hidden, all / "qa_outputs");
    default:
      context.refuse_head();
  }
}

}  // namespace accelerate::models
