// Longformer (Beltagy et al., 2020; transformers' LongformerModel): RoBERTa whose tokens attend to a window around them. A few
// global tokens are seen from everywhere and see their whole text, by projections of their own. Time and memory grow with a
// text's length, not with its square.
#include "models/longformer.h"

#include <cmath>

#include "models/roberta.h"

namespace accelerate::models {

std::vector<std::int64_t> reaches_of(const Config& config, std::int64_t layers) {
  std::vector<std::int64_t> reaches(static_cast<std::size_t>(layers), 512);
  if (config.is_list("attention_window"))
    reaches = config.integers("attention_window");
  else
    std::ranges::fill(reaches, config.integer_or("attention_window", 512));
  if (static_cast<std::int64_t>(reaches.size()) != layers) config.refuse("attention_window", "as many as num_hidden_layers");
  for (std::int64_t& reach : reaches) {
    if (reach % 2 != 0) config.refuse("attention_window", "even numbers");
    reach /= 2;
  }
  return reaches;
}

GlobalTokens global_tokens(Graph& graph, MarkedTokens usual) {
  const auto whole = [&](std::string_view name, Dim size) { return graph.input(name, DType::int64, {size}); };
  const Value mask = graph.input("global_attention_mask", DType::int64, {Dim::named("tokens")}, usual);
  const Dim begins = Dim::named("sequences") + 1;
  return {.mask = not_equal(mask, 0),
          .rows = whole("global_tokens", Dim::named("global_tokens")),
          .sequences = whole("global_sequences", begins),
          .seen_rows = whole("seen_tokens", Dim::named("seen_tokens")),
          .seen_sequences = whole("seen_sequences", begins)};
}

Value windowed_attention(Value x, Value sequences, const GlobalTokens& global, const Weights& weights, WindowOptions options) {
  const std::int64_t hidden = x.dim(-1).value();
  const auto heads = [&](Value rows, std::string_view name) { return split_heads(linear(rows, weights / name, hidden), options.heads); };
  const float scale = 1.0F / std::sqrt(static_cast<float>(hidden / options.heads));
  const Value local = attention(heads(x, "query"), heads(x, "key"), heads(x, "value"), sequences, sequences,
                                {.scale = scale, .window_left = options.reach, .window_right = options.reach}, {}, global.mask);

  const Value seen = gather(x, global.seen_rows);
  const Value whole = attention(heads(gather(x, global.rows), "query_global"), heads(seen, "key_global"), heads(seen, "value_global"),
                                global.sequences, global.seen_sequences, {.scale = scale});
  return scatter(merge_heads(local), global.rows, merge_heads(whole));
}

namespace {

/// Which tokens are global where a caller does not say: a classifier's first token, the words of a question, which ends at
/// the first separator; none otherwise.
MarkedTokens usual_global_tokens(const ModelContext& context) {
  using enum MarkedTokens::Which;
  if (context.head == Head::sequence_classification) return {.which = first};
  if (context.head == Head::question_answering)
    return {.which = before, .id = context.config.integer_or("sep_token_id", 2, {.minimum = 0})};
  return {};
}

/// One layer: attention, then an MLP of two layers, each with its residual and norm. x: [tokens, hidden].
Value encoder_layer(Value x, Value sequences, const GlobalTokens& global, std::int64_t reach, const Weights& weights,
                    const BertConfig& config) {
  const Weights place = weights / "attention";
  const Value context = windowed_attention(x, sequences, global, place / "self", {.heads = config.num_attention_heads, .reach = reach});
  const Value projected = linear(context, place / "output" / "dense", config.hidden_size);
  const Value attended = layer_norm(projected + x, place / "output" / "LayerNorm", config.layer_norm);

  const Value narrow = feed_forward(attended, weights / "intermediate" / "dense", weights / "output" / "dense",
                                    {.intermediate_size = config.intermediate_size, .activation = config.hidden_act});
  return layer_norm(narrow + attended, weights / "output" / "LayerNorm", config.layer_norm);
}

}  // namespace

void build_longformer(const ModelContext& context) {
  const BertConfig config = BertConfig::from(context.config);
  const std::vector<std::int64_t> reaches = reaches_of(context.config, config.num_hidden_layers);
  const TextInputs text = text_inputs(context.graph);
  const GlobalTokens global = global_tokens(context.graph, usual_global_tokens(context));
  const Weights weights = below_optional(context.weights, "longformer", context.head);

  const Value positions = positions_past_padding(text, context.config.integer_or("pad_token_id", 1, {.minimum = 0}));
  Value hidden = bert_embeddings(text, positions, weights / "embeddings", config);  // [tokens, hidden]
  for (std::size_t i = 0; i < reaches.size(); ++i)
    hidden =
        encoder_layer(hidden, text.sequences, global, reaches[i], weights / "encoder" / "layer" / static_cast<std::int64_t>(i), config);
  roberta_outputs(context, hidden, text, weights, config);
}

}  // namespace accelerate::models
