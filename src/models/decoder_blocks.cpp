#include "models/decoder_blocks.h"

#include <algorithm>
#include <cmath>

namespace accelerate {

std::string_view field_among(const Config& config, std::initializer_list<std::string_view> names) {
  const auto* found = std::ranges::find_if(names, [&](std::string_view name) { return config.has(name); });
  return found == names.end() ? *names.begin() : *found;
}

Value columns_of(Value x, std::int64_t first, std::int64_t count) { return slice(x, {.axis = -1, .start = first, .stop = first + count}); }

QueryKeyValue split_in_thirds(Value x, std::int64_t heads) {
  const std::int64_t hidden = x.dim(-1).value() / 3;
  const auto third = [&](std::int64_t i) { return split_heads(columns_of(x, i * hidden, hidden), heads); };
  return {.query = third(0), .key = third(1), .value = third(2)};
}

QueryKeyValue split_head_by_head(Value x, std::int64_t heads) {
  const Value by_head = split_heads(x, heads);  // [tokens, heads, 3 · size]
  const std::int64_t size = by_head.dim(-1).value() / 3;
  const auto third = [&](std::int64_t i) { return columns_of(by_head, i * size, size); };
  return {.query = third(0), .key = third(1), .value = third(2)};
}

float inverse_root(double size) { return static_cast<float>(1 / std::sqrt(size)); }

Value causal_attention(const QueryKeyValue& x, Value sequences, AttentionOptions options, const PositionBias& bias) {
  options.causal = true;
  return merge_heads(attention(x.query, x.key, x.value, sequences, sequences, options, bias));
}

Value rms_norm(Value x, const Weights& weights, NormOptions options) {
  return rms_norm(x, weights.get("weight", {x.dim(-1).value()}), options);
}

static Value next_token_logits(const Weights& own, const DecoderOutputs& outputs) {
  const std::int64_t vocabulary = outputs.words.dim(0).value();
  const Value table = outputs.tied ? outputs.words : own.get("weight", {vocabulary, outputs.hidden.dim(-1).value()});
  const Value logits = linear(outputs.hidden, table, outputs.projection_bias ? own.get("bias", {vocabulary}) : Value{});
  return outputs.softcap == 0 ? logits : tanh(logits * (1 / outputs.softcap)) * outputs.softcap;
}

void decoder_outputs(const ModelContext& context, const DecoderOutputs& outputs) {
  Graph& graph = context.graph;
  switch (context.head) {
    case Head::base:
      return graph.output("last_hidden_state", outputs.hidden);
    case Head::causal_lm:
      return graph.output("logits", next_token_logits(context.weights / outputs.projection, outputs));
    case Head::sequence_classification: {
      const auto labels = static_cast<std::int64_t>(context.config.labels().size());
      const Value last = sequence_pool(outputs.hidden, outputs.sequences, {.function = Pooling::last});
      return graph.output("logits", projection(last, context.weights / "score", labels, false));
    }
    default:
      context.refuse_head();
  }
}

Weights below_if_there(const Weights& weights, std::string_view name) { return weights.contains(name) ? weights / name : weights; }

}  // namespace accelerate
