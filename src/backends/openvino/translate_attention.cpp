// attention: the runtime's own, over rectangles of [sequences, heads, longest, size].
#include <cmath>

#include "backends/openvino/translation.h"

namespace accelerate::openvino {
namespace {

// The inputs of attention, by place.
enum Input : std::size_t {
  query,
  key,
  value,
  query_sequences,
  key_sequences,
  head_bias,
  query_bias,
  key_bias,
  distance_columns,
  global_keys,
  slopes
};

Output transposed(const Output& x, const std::vector<std::int64_t>& permutation) {
  return std::make_shared<ops::Transpose>(x, whole_numbers(permutation));
}

Output unsqueezed(const Output& x, const std::vector<std::int64_t>& axes) {
  return std::make_shared<ops::Unsqueeze>(x, whole_numbers(axes));
}

/// Input [tokens, heads, size] as [sequences, heads, longest, size].
Output heads_of(Translation& translation, const Node& node, std::size_t input, std::size_t sequences) {
  const ValueId id = node.inputs[input];
  return transposed(to_rectangle(translation, translation(id), translation.shape(id), node.inputs[sequences]), {0, 2, 1, 3});
}

/// Keys or values as [sequences, heads, places, size].
Output remembered_or_new(Translation& translation, const Node& node, std::size_t input) {
  if (translation.from().producer(node.inputs[input]).op == Op::append) return translation(node.inputs[input]);
  return heads_of(translation, node, input, key_sequences);
}

/// Each head of keys as often as it has heads of queries, one after another.
Output repeated(Translation& translation, const Node& node, const Output& x) {
  const std::int64_t query_heads = translation.shape(node.inputs[query])[1].value();
  const std::int64_t key_heads = translation.shape(node.inputs[key])[1].value();
  if (query_heads == key_heads) return x;
  std::vector<std::int64_t> heads;
  for (std::int64_t head = 0; head < query_heads; ++head) heads.push_back(head * key_heads / query_heads);
  return std::make_shared<ops::Gather>(x, whole_numbers(heads), ops::Constant::create(ov::element::i64, {}, {1}));
}

Output sum_of(const Output& a, const Output& b) { return a.get_node() == nullptr ? b : Output(std::make_shared<ops::Add>(a, b)); }

/// Entries of rows [sequences, heads, rows, columns] that `columns` [sequences or 1, rows, entries] names.
Output picked(const Output& rows, const Output& columns) {
  const Output shape = std::make_shared<ops::ShapeOf>(rows);
  const Output own = std::make_shared<ops::Gather>(shape, whole_numbers({0, 1}), ops::Constant::create(ov::element::i64, {}, {0}));
  const Output pairs = std::make_shared<ops::Gather>(std::make_shared<ops::ShapeOf>(columns), whole_numbers({1, 2}),
                                                     ops::Constant::create(ov::element::i64, {}, {0}));
  const Output target = std::make_shared<ops::Concat>(ov::OutputVector{own, pairs}, 0);
  return std::make_shared<ops::GatherElements>(rows, std::make_shared<ops::Broadcast>(unsqueezed(columns, {1}), target), 3);
}

/// What is added to the scores, [sequences or 1, heads or 1, queries or 1, keys]; nothing when nothing is.
Output added_to_scores(Translation& translation, const Node& node) {
  Output sum;
  const ValueId alike = first_alike(translation.from(), node);
  if (needs_mask(node, translation.layout())) sum = translation.feed(FeedKind::mask, alike);
  if (translation.has(node, slopes)) {
    const Output by_head = unsqueezed(translation(node.inputs[slopes]), {0, 2, 3});
    sum = sum_of(sum, std::make_shared<ops::Multiply>(translation.feed(FeedKind::distances, alike), by_head));
  }
  if (!translation.has(node, distance_columns)) return sum;
  const Output columns = translation.feed(FeedKind::columns, alike);
  if (translation.has(node, head_bias)) {
    const Output by_head =
        std::make_shared<ops::Gather>(translation(node.inputs[head_bias]), columns, ops::Constant::create(ov::element::i64, {}, {1}));
    sum = sum_of(sum, transposed(by_head, {1, 0, 2, 3}));
  }
  if (translation.has(node, query_bias)) sum = sum_of(sum, picked(heads_of(translation, node, query_bias, query_sequences), columns));
  if (translation.has(node, key_bias)) {
    const Output by_key = picked(heads_of(translation, node, key_bias, key_sequences), transposed(columns, {0, 2, 1}));
    sum = sum_of(sum, transposed(by_key, {0, 1, 3, 2}));
  }
  return sum;
}

/// softmax(softcap · tanh(scale · q · kᵀ / softcap) + added) · v: the runtime's own attention knows no softcap.
Output capped_attention(const Output& queries, const Output& keys, const Output& values, const Output& added,
                        const AttentionOptions& options) {
  const Output products = std::make_shared<ops::MatMul>(queries, keys, false, true);
  const Output bent = std::make_shared<ops::Tanh>(std::make_shared<ops::Multiply>(products, number(options.scale / options.softcap)));
  const Output scores = std::make_shared<ops::Add>(std::make_shared<ops::Multiply>(bent, number(options.softcap)), added);
  return std::make_shared<ops::MatMul>(std::make_shared<ops::Softmax>(scores, 3), values);
}

}  // namespace

Output translate_attention(Translation& translation, const Node& node) {
  const auto& options = node.as<AttentionOptions>();
  const Output queries = heads_of(translation, node, query, query_sequences);
  const Output keys = repeated(translation, node, remembered_or_new(translation, node, key));
  const Output values = repeated(translation, node, remembered_or_new(translation, node, value));
  Output added = added_to_scores(translation, node);
  if (added.get_node() == nullptr) added = number(0);
  const Output heads = options.softcap != 0 ? capped_attention(queries, keys, values, added, options)
                                            : Output(std::make_shared<ops::ScaledDotProductAttention>(
                                                  queries, keys, values, added, number(options.scale), is_plainly_causal(node)));
  const Output rows =
      from_rectangle(translation, transposed(heads, {0, 2, 1, 3}), translation.shape(node.outputs[0]), node.inputs[query_sequences]);
  if (always_sees(translation.from(), node)) return rows;
  return std::make_shared<ops::Select>(translation.feed(FeedKind::seen, first_alike(translation.from(), node)), rows, number(0));
}

}  // namespace accelerate::openvino
