// What the parameters of the runtime's model are fed with: values of the graph, and what places ragged text in rectangles.
#pragma once

#include "backends/openvino/call.h"

namespace accelerate::openvino {

enum class FeedKind : std::uint8_t {
  value,       ///< the value itself
  indices,     ///< the value, whole numbers that were found to lie inside their table, as int32
  shape,       ///< int64 [rank]: the value's shape in this call
  bounds,      ///< int64 [2]: start and stop of the slice that makes the value
  longest,     ///< int32 [1]: length of the longest of these sequences, at least least_longest
  rows,        ///< int32 [sequences, longest]: the row at each place of a rectangle; places that stay empty name any row
  places,      ///< int32 [rows]: the place in the rectangle where each row lies
  filled,      ///< bool [sequences, longest]: whether a row lies there
  first_rows,  ///< int32 [sequences]
  last_rows,   ///< int32 [sequences]
  shifted,     ///< int32 [rows]: the row that the shift which makes the value puts in place of each; its own where there is none
  inside,      ///< bool [rows]: whether there is one
  lengths,     ///< float32 [sequences]; 1 for an empty sequence, whose sums are 0
  mask,        ///< float32 [sequences or 1, 1, queries or 1, keys]: 0 where the attention that makes the value looks, else -inf
  seen,        ///< bool [queries, 1, 1]: whether the query of that attention sees any key
  distances,   ///< float32 [sequences or 1, 1, queries, keys]: the key's place less the query's, for each pair of that attention
  columns,     ///< int32 [sequences or 1, queries, keys]: the column of that attention's biases for each pair
  remembered,  ///< float32 [sequences, heads, places, size]: the rows that the append which makes the value has of earlier calls
};

/// A parameter: `kind` of `value`, in the order in which the model takes them.
struct Feed {
  FeedKind kind;
  ValueId value;
  friend bool operator==(const Feed&, const Feed&) = default;
};

struct FeedType {
  DType dtype;
  Shape shape;  ///< named sizes stand for whatever a call brings
};

FeedType type_of(const Graph& graph, const Feed& feed, Layout layout);

/// Whether the feed is the same in all calls of the same sizes whose sequences are of equal lengths.
bool follows_from_sizes(FeedKind kind);

/// The feed's tensor in this call, which check_call() let pass.
Tensor tensor_of(const Call& call, const Feed& feed);

/// Whether the attention needs a mask in that layout, beyond the runtime's own causal one.
bool needs_mask(const Node& attention, Layout layout);

/// Whether the runtime's own causal mask, which aligns the beginnings of queries and keys and knows no biases and no softcap, is
/// what the attention means.
bool is_plainly_causal(const Node& attention);

/// The output of the first attention of the graph whose mask, seen, distances and columns are this one's too: layers share them.
ValueId first_alike(const Graph& graph, const Node& attention);

/// Whether every query of the attention sees at least its own key, whatever the call.
bool always_sees(const Graph& graph, const Node& attention);

}  // namespace accelerate::openvino
