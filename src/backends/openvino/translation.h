// From a graph to the runtime's model: base ops alone go over, one translator an op, and the runtime fuses them its own way.
#pragma once

#include <map>
#include <openvino/core/model.hpp>
#include <openvino/opsets/opset13.hpp>

#include "backends/openvino/feeds.h"
#include "backends/openvino/host_part.h"
#include "backends/stored_constants.h"
#include "base/thread_pool.h"

namespace accelerate::openvino {

namespace ops = ov::opset13;
using Output = ov::Output<ov::Node>;

struct TranslationOptions {
  Layout layout = Layout::equal;
  ThreadPool* threads = nullptr;  ///< for rounding weights; required
  const Call* only = nullptr;     ///< a call whose sizes are those of all calls; nullptr: sizes stay open
};

/// What translators work on: the values that are translated so far, and the parameters that these need.
class Translation {
 public:
  Translation(const Graph& from, const HostPart& host, const TranslationOptions& options)
      : from_(from), host_(host), options_(options), values_(static_cast<std::size_t>(from.value_count())) {}

  /// The runtime's counterpart of a value.
  Output operator()(ValueId value);

  /// The parameter that is fed that way; a constant where it follows from sizes that do not change.
  Output feed(FeedKind kind, ValueId value);

  /// A value that the host knows, whose numbers were checked to be indices of a table.
  Output indices(ValueId value);

  bool has(const Node& node, std::size_t input) const { return input < node.inputs.size() && node.inputs[input] != no_value; }
  const Shape& shape(ValueId value) const { return from_.type(value).shape; }
  DType dtype(ValueId value) const { return from_.type(value).dtype; }
  const Graph& from() const { return from_; }
  Layout layout() const { return options_.layout; }
  ThreadPool& threads() const { return *options_.threads; }

  /// Translates every node that the host does not compute.
  void run();

  std::span<const Feed> feeds() const { return feeds_; }

  /// The model, whose results are the graph's outputs that the host does not know, in their order, and then the rows that each
  /// append node adds.
  std::shared_ptr<ov::Model> finish() const;

 private:
  Output fixed_feed(const Feed& wanted);

  const Graph& from_;
  const HostPart& host_;
  TranslationOptions options_;
  std::vector<Output> values_;
  std::vector<Feed> feeds_;
  ov::ParameterVector parameters_;
  std::vector<std::pair<Feed, Output>> fixed_feeds_;  ///< that sizes alone tell
};

/// The translator of an op gives the node's only output.
using Translator = Output (*)(Translation& translation, const Node& node);

/// The op's translator; nullptr for fused ops and for those that are no computation.
Translator translator_of(Op op);

/// Why the node cannot be translated; empty when it can.
std::string refusal_of(const Graph& graph, const Node& node);

// The translators, one file a group of ops.
Output translate_reshape(Translation& translation, const Node& node);
Output translate_transpose(Translation& translation, const Node& node);
Output translate_slice(Translation& translation, const Node& node);
Output translate_concat(Translation& translation, const Node& node);
Output translate_gather(Translation& translation, const Node& node);
Output translate_scatter(Translation& translation, const Node& node);
Output translate_unary(Translation& translation, const Node& node);
Output translate_binary(Translation& translation, const Node& node);
Output translate_where(Translation& translation, const Node& node);
Output translate_cast(Translation& translation, const Node& node);
Output translate_reduce(Translation& translation, const Node& node);
Output translate_softmax(Translation& translation, const Node& node);
Output translate_matmul(Translation& translation, const Node& node);
Output translate_linear(Translation& translation, const Node& node);
Output translate_grouped_linear(Translation& translation, const Node& node);
Output translate_dequantize(Translation& translation, const Node& node);
Output translate_layer_norm(Translation& translation, const Node& node);
Output translate_rms_norm(Translation& translation, const Node& node);
Output translate_rope(Translation& translation, const Node& node);
Output translate_attention(Translation& translation, const Node& node);
Output translate_append(Translation& translation, const Node& node);
Output translate_sequence_cumsum(Translation& translation, const Node& node);
Output translate_sequence_shift(Translation& translation, const Node& node);
Output translate_sequence_pool(Translation& translation, const Node& node);

/// Why the append node cannot be translated; empty when it can.
std::string refusal_of_append(const Graph& graph, const Node& node);

/// The value's shape as the runtime's reshape takes it.
Output target_shape(Translation& translation, ValueId value);

/// What stored codes stand for, compressed where the runtime knows their like.
Output numbers_of(Translation& translation, const StoredCodes& codes);

/// The function of each element, as unary and the tail of linear apply it.
Output apply_unary(UnaryFunction function, const Output& x);

/// Rows x [tokens, ...] of these sequences as [sequences, longest, ...]; what past the end of a sequence stands is finite.
Output to_rectangle(Translation& translation, const Output& x, const Shape& shape, ValueId sequences);

/// The rows of rectangle [sequences, longest, ...] one after another: [tokens, ...].
Output from_rectangle(Translation& translation, const Output& rectangle, const Shape& shape, ValueId sequences);

/// x under another shape, where sizes of -1 follow from the others. A reshape of a reshape becomes one.
Output reshaped(const Output& x, const Output& sizes);

/// A stored tensor where it lies, in its own encoding.
std::shared_ptr<ov::Node> stored(const Tensor& tensor);

/// The runtime's name for a dtype.
ov::element::Type element_of(DType dtype);

/// A constant of whole numbers, of shape [count].
Output whole_numbers(const std::vector<std::int64_t>& values, ov::element::Type type = ov::element::i64);

/// A float32 number of shape [].
Output number(float value);

}  // namespace accelerate::openvino
