#include "backends/openvino/feeds.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "base/arithmetic.h"

namespace accelerate::openvino {
namespace {

using Bounds = std::span<const std::int64_t>;

/// A rectangle that holds ragged sequences, one a row.
struct Rectangle {
  Rectangle(Bounds given, std::int64_t least) : bounds(given), sequences(static_cast<std::int64_t>(given.size()) - 1), longest(least) {
    for (std::int64_t i = 0; i < sequences; ++i) longest = std::max(longest, length(i));
  }
  std::int64_t begin(std::int64_t sequence) const { return bounds[static_cast<std::size_t>(sequence)]; }
  std::int64_t length(std::int64_t sequence) const { return begin(sequence + 1) - begin(sequence); }

  Bounds bounds;
  std::int64_t sequences;
  std::int64_t longest;
};

Rectangle rectangle_of(const Call& call, ValueId sequences) {
  return {call.whole_numbers(sequences), least_longest(call.graph, sequences)};
}

Tensor rows_of(const Rectangle& rectangle) {
  Tensor tensor = Tensor::zeros(DType::int32, {rectangle.sequences, rectangle.longest});
  std::int32_t* next = tensor.mutable_values<std::int32_t>().data();
  for (std::int64_t sequence = 0; sequence < rectangle.sequences; ++sequence) {
    // Past the end its last row again, which is as good as any and near; row 0 for an empty sequence.
    const std::int64_t last = std::max<std::int64_t>(rectangle.length(sequence) - 1, 0);
    const std::int64_t begin = rectangle.length(sequence) == 0 ? 0 : rectangle.begin(sequence);
    for (std::int64_t i = 0; i < rectangle.longest; ++i) *next++ = static_cast<std::int32_t>(begin + std::min(i, last));
  }
  return tensor;
}

Tensor places_of(const Rectangle& rectangle) {
  Tensor tensor = Tensor::zeros(DType::int32, {rectangle.bounds.back()});
  std::int32_t* next = tensor.mutable_values<std::int32_t>().data();
  for (std::int64_t sequence = 0; sequence < rectangle.sequences; ++sequence)
    for (std::int64_t i = 0; i < rectangle.length(sequence); ++i) *next++ = static_cast<std::int32_t>(sequence * rectangle.longest + i);
  return tensor;
}

Tensor filled_of(const Rectangle& rectangle) {
  Tensor tensor = Tensor::zeros(DType::boolean, {rectangle.sequences, rectangle.longest});
  bool* next = tensor.mutable_values<bool>().data();
  for (std::int64_t sequence = 0; sequence < rectangle.sequences; ++sequence)
    for (std::int64_t i = 0; i < rectangle.longest; ++i) *next++ = i < rectangle.length(sequence);
  return tensor;
}

/// A number for each sequence.
template <typename T, typename Function>
Tensor of_each(const Rectangle& rectangle, Function number_of) {
  Tensor tensor = Tensor::zeros(DTypeOf<T>::value, {rectangle.sequences});
  T* next = tensor.mutable_values<T>().data();
  for (std::int64_t sequence = 0; sequence < rectangle.sequences; ++sequence) *next++ = static_cast<T>(number_of(sequence));
  return tensor;
}

/// The input'th input of the node, or no_value.
ValueId optional_input(const Node& node, std::size_t input) { return input < node.inputs.size() ? node.inputs[input] : no_value; }

constexpr std::size_t distance_columns = 8;
constexpr std::size_t global_keys = 9;

/// The append that makes the attention's keys; nullptr where it has those of its own call alone.
const Node* append_of(const Graph& graph, const Node& attention) {
  const Node& producer = graph.producer(attention.inputs[1]);
  return producer.op == Op::append ? &producer : nullptr;
}

/// Whether sequences of equal lengths see alike, query by query.
bool sequences_see_alike(const Graph& graph, const Node& attention, Layout layout) {
  return layout == Layout::equal && optional_input(attention, global_keys) == no_value && append_of(graph, attention) == nullptr;
}

/// Places for remembered rows in the rectangle that an append makes: so many at a time that most steps have as many as the one
/// before, and the runtime need not prepare itself for another shape.
std::int64_t remembered_places(const Call& call, const Node& append) {
  constexpr std::int64_t at_a_time = 32;
  const Rectangle added = rectangle_of(call, append.inputs[1]);
  const Rectangle all = rectangle_of(call, append.inputs[2]);
  std::int64_t most = 1;
  for (std::int64_t i = 0; i < all.sequences; ++i) most = std::max(most, all.length(i) - added.length(i));
  return round_up(most, at_a_time);
}

/// Where the keys of an attention lie in its rectangle: row by row, or remembered ones first and new ones behind them.
class KeyPlaces {
 public:
  KeyPlaces(const Call& call, const Node& attention) : all_(rectangle_of(call, attention.inputs[4])), added_(all_) {
    if (const Node* append = append_of(call.graph, attention)) {
      added_ = rectangle_of(call, append->inputs[1]);
      remembered_ = remembered_places(call, *append);
    }
  }

  std::int64_t count() const { return remembered_ + added_.longest; }
  std::int64_t begin(std::int64_t sequence) const { return all_.begin(sequence); }
  std::int64_t rows(std::int64_t sequence) const { return all_.length(sequence); }

  /// The row of the sequence at a place; nothing where none lies.
  std::optional<std::int64_t> row(std::int64_t sequence, std::int64_t place) const {
    const std::int64_t earlier = all_.length(sequence) - added_.length(sequence);
    if (place < remembered_) return place < earlier ? std::optional(place) : std::nullopt;
    return place - remembered_ < added_.length(sequence) ? std::optional(earlier + place - remembered_) : std::nullopt;
  }

 private:
  Rectangle all_;
  Rectangle added_;
  std::int64_t remembered_ = 0;
};

/// The queries and keys of an attention in one call.
struct Pairs {
  Pairs(const Call& call, const Node& attention)
      : options(attention.as<AttentionOptions>()),
        queries(rectangle_of(call, attention.inputs[3])),
        keys(call, attention),
        blocks(sequences_see_alike(call.graph, attention, call.layout) ? std::min<std::int64_t>(1, queries.sequences) : queries.sequences) {
    if (const ValueId value = optional_input(attention, global_keys); value != no_value) global = call.value(value).values<bool>();
  }

  /// Whether a query of a sequence sees a row of its keys.
  bool sees(std::int64_t sequence, std::int64_t query, std::int64_t key) const {
    if (!global.empty() && global[static_cast<std::size_t>(keys.begin(sequence) + key)]) return true;
    const std::int64_t place = place_of(sequence, query);
    if (options.causal && key > place) return false;
    if (options.window_left >= 0 && place - key > options.window_left) return false;
    return options.window_right < 0 || key - place <= options.window_right;
  }

  /// The query's place among the keys: both sequences end at the same place.
  std::int64_t place_of(std::int64_t sequence, std::int64_t query) const { return query + keys.rows(sequence) - queries.length(sequence); }

  /// The row at a place of the keys' rectangle less the query's; 0 where none lies.
  std::int64_t distance(std::int64_t sequence, std::int64_t query, std::int64_t place) const {
    const auto key = keys.row(sequence, place);
    return key ? *key - place_of(sequence, query) : 0;
  }

  const AttentionOptions& options;
  Rectangle queries;
  KeyPlaces keys;
  std::int64_t blocks;           ///< sequences that differ in what their queries see
  std::span<const bool> global;  ///< keys that every query sees; empty where there are none
};

bool depends_on_query(const AttentionOptions& options) { return options.causal || options.window_left >= 0 || options.window_right >= 0; }

Tensor mask_of(const Pairs& pairs) {
  const std::int64_t rows = depends_on_query(pairs.options) ? pairs.queries.longest : 1;
  Tensor tensor = Tensor::zeros(DType::float32, {pairs.blocks, 1, rows, pairs.keys.count()});
  float* next = tensor.mutable_values<float>().data();
  for (std::int64_t sequence = 0; sequence < pairs.blocks; ++sequence)
    for (std::int64_t query = 0; query < rows; ++query)
      for (std::int64_t place = 0; place < pairs.keys.count(); ++place) {
        const auto key = pairs.keys.row(sequence, place);
        *next++ = key && pairs.sees(sequence, query, *key) ? 0 : -std::numeric_limits<float>::infinity();
      }
  return tensor;
}

Tensor seen_of(const Pairs& pairs) {
  Tensor tensor = Tensor::zeros(DType::boolean, {pairs.queries.bounds.back(), 1, 1});
  bool* next = tensor.mutable_values<bool>().data();
  for (std::int64_t sequence = 0; sequence < pairs.queries.sequences; ++sequence)
    for (std::int64_t query = 0; query < pairs.queries.length(sequence); ++query, ++next)
      for (std::int64_t key = 0; key < pairs.keys.rows(sequence) && !*next; ++key) *next = pairs.sees(sequence, query, key);
  return tensor;
}

Tensor distances_of(const Pairs& pairs) {
  Tensor tensor = Tensor::zeros(DType::float32, {pairs.blocks, 1, pairs.queries.longest, pairs.keys.count()});
  float* next = tensor.mutable_values<float>().data();
  for (std::int64_t sequence = 0; sequence < pairs.blocks; ++sequence)
    for (std::int64_t query = 0; query < pairs.queries.longest; ++query)
      for (std::int64_t place = 0; place < pairs.keys.count(); ++place)
        *next++ = static_cast<float>(pairs.distance(sequence, query, place));
  return tensor;
}

Tensor columns_of(const Pairs& pairs, std::span<const std::int64_t> columns) {
  const auto reach = static_cast<std::int64_t>(columns.size() / 2);
  Tensor tensor = Tensor::zeros(DType::int32, {pairs.blocks, pairs.queries.longest, pairs.keys.count()});
  std::int32_t* next = tensor.mutable_values<std::int32_t>().data();
  for (std::int64_t sequence = 0; sequence < pairs.blocks; ++sequence)
    for (std::int64_t query = 0; query < pairs.queries.longest; ++query)
      for (std::int64_t place = 0; place < pairs.keys.count(); ++place) {
        const std::int64_t distance = std::clamp(pairs.distance(sequence, query, place), -reach, reach);
        *next++ = static_cast<std::int32_t>(columns[static_cast<std::size_t>(distance + reach)]);
      }
  return tensor;
}

/// The row that a shift puts in place of `row` of a sequence, or none.
std::optional<std::int64_t> source_of(const Rectangle& rectangle, std::int64_t sequence, std::int64_t row, std::int64_t offset) {
  const bool is_inside = row + offset >= rectangle.begin(sequence) && row + offset < rectangle.begin(sequence + 1);
  return is_inside ? std::optional(row + offset) : std::nullopt;
}

Tensor shifted_of(const Rectangle& rectangle, std::int64_t offset) {
  Tensor tensor = Tensor::zeros(DType::int32, {rectangle.bounds.back()});
  std::int32_t* next = tensor.mutable_values<std::int32_t>().data();
  for (std::int64_t sequence = 0; sequence < rectangle.sequences; ++sequence)
    for (std::int64_t row = rectangle.begin(sequence); row < rectangle.begin(sequence + 1); ++row)
      *next++ = static_cast<std::int32_t>(source_of(rectangle, sequence, row, offset).value_or(row));
  return tensor;
}

Tensor inside_of(const Rectangle& rectangle, std::int64_t offset) {
  Tensor tensor = Tensor::zeros(DType::boolean, {rectangle.bounds.back()});
  bool* next = tensor.mutable_values<bool>().data();
  for (std::int64_t sequence = 0; sequence < rectangle.sequences; ++sequence)
    for (std::int64_t row = rectangle.begin(sequence); row < rectangle.begin(sequence + 1); ++row)
      *next++ = source_of(rectangle, sequence, row, offset).has_value();
  return tensor;
}

Tensor narrowed(const Tensor& indices) {
  Tensor tensor = Tensor::zeros(DType::int32, {indices.shape().begin(), indices.shape().end()});
  std::ranges::transform(indices.values<std::int64_t>(), tensor.mutable_values<std::int32_t>().begin(),
                         [](std::int64_t index) { return static_cast<std::int32_t>(index); });
  return tensor;
}

Tensor whole_numbers(std::span<const std::int64_t> numbers) {
  return Tensor::from<std::int64_t>(numbers, {static_cast<std::int64_t>(numbers.size())});
}

Dim any(const char* name) { return Dim::named(name); }

}  // namespace

FeedType type_of(const Graph& graph, const Feed& feed, Layout layout) {
  const ValueType& type = graph.type(feed.value);
  const auto blocks = [&] { return sequences_see_alike(graph, graph.producer(feed.value), layout) ? Dim(1) : any("sequences"); };
  switch (feed.kind) {
    case FeedKind::value:
      return {type.dtype, type.shape};
    case FeedKind::indices:
      return {DType::int32, type.shape};
    case FeedKind::shape:
      return {DType::int64, {static_cast<std::int64_t>(type.shape.size())}};
    case FeedKind::bounds:
      return {DType::int64, {2}};
    case FeedKind::longest:
      return {DType::int32, {1}};
    case FeedKind::rows:
      return {DType::int32, {any("sequences"), any("longest")}};
    case FeedKind::inside:
      return {DType::boolean, {any("rows")}};
    case FeedKind::shifted:
    case FeedKind::places:
      return {DType::int32, {any("rows")}};
    case FeedKind::filled:
      return {DType::boolean, {any("sequences"), any("longest")}};
    case FeedKind::first_rows:
    case FeedKind::last_rows:
      return {DType::int32, {any("sequences")}};
    case FeedKind::lengths:
      return {DType::float32, {any("sequences")}};
    case FeedKind::mask: {
      const bool has_rows = depends_on_query(graph.producer(feed.value).as<AttentionOptions>());
      return {DType::float32, {blocks(), 1, has_rows ? any("queries") : Dim(1), any("keys")}};
    }
    case FeedKind::seen:
      return {DType::boolean, {any("rows"), 1, 1}};
    case FeedKind::distances:
      return {DType::float32, {blocks(), 1, any("queries"), any("keys")}};
    case FeedKind::columns:
      return {DType::int32, {blocks(), any("queries"), any("keys")}};
    case FeedKind::remembered:
      return {DType::float32, {any("sequences"), type.shape[1], any("places"), type.shape[2]}};
  }
  return {};
}

bool follows_from_sizes(FeedKind kind) {
  switch (kind) {
    case FeedKind::shape:
    case FeedKind::bounds:
    case FeedKind::longest:
    case FeedKind::first_rows:
    case FeedKind::last_rows:
    case FeedKind::lengths:
      return true;
    default:
      return false;
  }
}

Tensor tensor_of(const Call& call, const Feed& feed) {
  const auto rectangle = [&] { return rectangle_of(call, feed.value); };
  const auto producer = [&]() -> const Node& { return call.graph.producer(feed.value); };
  switch (feed.kind) {
    case FeedKind::value:
      return call.value(feed.value);
    case FeedKind::indices:
      return narrowed(call.value(feed.value));
    case FeedKind::shape:
      return whole_numbers(evaluate(call.graph.type(feed.value).shape, call.sizes));
    case FeedKind::bounds: {
      const auto& options = call.graph.producer(feed.value).as<SliceOptions>();
      return whole_numbers(std::array{options.start.evaluate(call.sizes), options.stop.evaluate(call.sizes)});
    }
    case FeedKind::longest:
      return Tensor::from<std::int32_t>(std::array{static_cast<std::int32_t>(rectangle().longest)}, {1});
    case FeedKind::rows:
      return rows_of(rectangle());
    case FeedKind::places:
      return places_of(rectangle());
    case FeedKind::filled:
      return filled_of(rectangle());
    case FeedKind::shifted:
      return shifted_of(rectangle_of(call, producer().inputs[1]), producer().as<ShiftOptions>().offset);
    case FeedKind::inside:
      return inside_of(rectangle_of(call, producer().inputs[1]), producer().as<ShiftOptions>().offset);
    case FeedKind::first_rows: {
      const Rectangle all = rectangle();
      return of_each<std::int32_t>(all, [&](std::int64_t sequence) { return all.begin(sequence); });
    }
    case FeedKind::last_rows: {
      const Rectangle all = rectangle();
      return of_each<std::int32_t>(all, [&](std::int64_t sequence) { return all.begin(sequence + 1) - 1; });
    }
    case FeedKind::lengths: {
      const Rectangle all = rectangle();
      return of_each<float>(all, [&](std::int64_t sequence) { return std::max<std::int64_t>(1, all.length(sequence)); });
    }
    case FeedKind::mask:
      return mask_of(Pairs(call, producer()));
    case FeedKind::seen:
      return seen_of(Pairs(call, producer()));
    case FeedKind::distances:
      return distances_of(Pairs(call, producer()));
    case FeedKind::columns:
      return columns_of(Pairs(call, producer()), call.whole_numbers(producer().inputs[distance_columns]));
    case FeedKind::remembered:
      return call.state->rectangle(producer(), call.remembered, remembered_places(call, producer()));
  }
  return {};
}

bool is_plainly_causal(const Node& attention) {
  const auto& options = attention.as<AttentionOptions>();
  const bool has_biases =
      std::any_of(attention.inputs.begin() + 5, attention.inputs.end(), [](ValueId input) { return input != no_value; });
  return !has_biases && options.softcap == 0 && options.causal && options.window_left < 0 && options.window_right < 0 &&
         attention.inputs[3] == attention.inputs[4];
}

bool needs_mask(const Node& attention, Layout layout) {
  if (is_plainly_causal(attention)) return false;  // what is past the end of a sequence is later than all its queries
  return layout == Layout::ragged || depends_on_query(attention.as<AttentionOptions>());
}

ValueId first_alike(const Graph& graph, const Node& attention) {
  const auto& wanted = attention.as<AttentionOptions>();
  const auto has_same = [&](const Node& node, std::size_t input) {
    return optional_input(node, input) == optional_input(attention, input);
  };
  for (const Node& node : graph.nodes()) {
    if (node.op != Op::attention) continue;
    const auto& options = node.as<AttentionOptions>();
    if (has_same(node, 3) && has_same(node, 4) && has_same(node, distance_columns) && has_same(node, global_keys) &&
        options.causal == wanted.causal && options.window_left == wanted.window_left && options.window_right == wanted.window_right)
      return node.outputs.front();
  }
  return attention.outputs.front();
}

bool always_sees(const Graph& graph, const Node& attention) {
  return attention.inputs[3] == attention.inputs[4] || append_of(graph, attention) != nullptr;
}

}  // namespace accelerate::openvino
