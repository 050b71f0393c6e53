#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "backends/cpu/position_bias.h"
#include "backends/cpu/steps.h"
#include "base/arithmetic.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cpu {
namespace {

/// Queries that one worker takes at a time: enough that packing their keys and values costs little beside them.
constexpr std::int64_t query_block = 128;

class Attention final : public Step {
 public:
  Attention(const RowKernelContext& context, const Node& node)
      : kernels_(context.kernels),
        options_(node.as<AttentionOptions>()),
        inputs_(node.inputs),
        output_(node.outputs.front()),
        query_heads_(context.graph.type(node.inputs[0]).shape[1].value()),
        key_heads_(context.graph.type(node.inputs[1]).shape[1].value()),
        head_size_(context.graph.type(node.inputs[0]).shape[2].value()),
        value_size_(context.graph.type(node.inputs[2]).shape[2].value()) {
    for (ValueId input : node.inputs)
      if (input != no_value) reads.push_back(context.placements[input].root);
    if (has(8)) bias_.emplace(context.graph, node);
    writes.push_back(output_);
  }

  std::size_t scratch_bytes(const Call& call) const override {
    std::int64_t longest_queries = call.rows(inputs_[0]);
    std::int64_t longest_keys = call.rows(inputs_[1]);
    if (call.has_memory(inputs_[3])) longest_queries = longest(call, inputs_[3]);
    if (call.has_memory(inputs_[4])) longest_keys = longest(call, inputs_[4]);
    const std::int64_t bytes = kernels_.attention_scratch_bytes(options_.precision, std::min(longest_queries, query_block), longest_keys,
                                                                std::max(head_size_, value_size_));
    return static_cast<std::size_t>(round_up(bytes, 64) + bias_bytes(longest_keys));
  }

  void run(const Call& call) const override {
    const std::vector<AttentionBlock> blocks = cut(call);
    if (bias_) bias_->check(call);
    const GlobalKeys global = has(9) ? global_keys(call) : GlobalKeys{};
    const auto count = static_cast<std::int64_t>(blocks.size()) * query_heads_;
    call.threads.parallel_for(count, [&](std::int64_t index, int worker) {
      attend(call, blocks[static_cast<std::size_t>(index / query_heads_)], index % query_heads_, global, worker);
    });
  }

 private:
  static std::int64_t longest(const Call& call, ValueId sequences) {
    const std::int64_t* begins = call.integers(sequences);
    std::int64_t result = 0;
    for (std::int64_t i = 0; i + 1 < call.rows(sequences); ++i) result = std::max(result, begins[i + 1] - begins[i]);
    return result;
  }

  /// Every block of queries, those with the most work first, so that the workers finish together.
  std::vector<AttentionBlock> cut(const Call& call) const {
    if (call.rows(inputs_[3]) != call.rows(inputs_[4]))
      throw Error(ErrorKind::invalid_argument, fmt::format("[attention] {} sequences of queries and {} of keys, expected as many",
                                                           call.rows(inputs_[3]) - 1, call.rows(inputs_[4]) - 1));
    const std::int64_t* query_begins = call.integers(inputs_[3]);
    const std::int64_t* key_begins = call.integers(inputs_[4]);
    expect_sequences(query_begins, call.rows(inputs_[3]), call.rows(inputs_[0]));
    expect_sequences(key_begins, call.rows(inputs_[4]), call.rows(inputs_[1]));
    std::vector<AttentionBlock> blocks;
    for (std::int64_t i = 0; i + 1 < call.rows(inputs_[3]); ++i) {
      const std::int64_t queries = query_begins[i + 1] - query_begins[i];
      const std::int64_t keys = key_begins[i + 1] - key_begins[i];
      for (std::int64_t first = 0; first < queries; first += query_block) {
        blocks.push_back({.sequence = static_cast<std::size_t>(i),
                          .first_query = query_begins[i] + first,
                          .queries = std::min(query_block, queries - first),
                          .first_key = key_begins[i],
                          .keys = keys,
                          .place = keys - queries + first});
      }
    }
    std::ranges::stable_sort(blocks, std::ranges::greater{}, [](const AttentionBlock& block) { return block.queries * block.keys; });
    return blocks;
  }

  static void expect_sequences(const std::int64_t* begins, std::int64_t count, std::int64_t rows) {
    bool rising = begins[0] == 0 && begins[count - 1] == rows;
    for (std::int64_t i = 0; i + 1 < count; ++i) rising = rising && begins[i] <= begins[i + 1];
    if (!rising)
      throw Error(ErrorKind::invalid_argument, fmt::format("[attention] sequences do not rise from 0 to the {} rows there are", rows));
  }

  bool has(std::size_t input) const { return input < inputs_.size() && inputs_[input] != no_value; }

  /// Keys that every query of their sequence sees.
  struct GlobalKeys {
    std::vector<std::vector<std::int64_t>> of_sequence;  ///< counted from the sequence's first key
    std::vector<float> hidden;                           ///< a bias that hides them from the window: [keys]
  };

  GlobalKeys global_keys(const Call& call) const {
    // A byte from outside need not be 0 or 1.
    const auto* global = reinterpret_cast<const std::uint8_t*>(call.integers(inputs_[9]));
    const std::int64_t* begins = call.integers(inputs_[4]);
    GlobalKeys keys{.of_sequence = std::vector<std::vector<std::int64_t>>(static_cast<std::size_t>(call.rows(inputs_[4]) - 1)),
                    .hidden = std::vector<float>(static_cast<std::size_t>(call.rows(inputs_[1])), 0.0F)};
    for (std::size_t i = 0; i < keys.of_sequence.size(); ++i)
      for (std::int64_t key = begins[i]; key < begins[i + 1]; ++key)
        if (global[key] != 0) {
          keys.of_sequence[i].push_back(key - begins[i]);
          keys.hidden[static_cast<std::size_t>(key)] = -std::numeric_limits<float>::infinity();
        }
    return keys;
  }

  std::int64_t bias_bytes(std::int64_t keys) const {
    return bias_ ? round_up(query_block * keys * static_cast<std::int64_t>(sizeof(float)), 64) : 0;
  }

  void attend(const Call& call, const AttentionBlock& block, std::int64_t head, const GlobalKeys& global, int worker) const {
    const std::int64_t key_head = head * key_heads_ / query_heads_;
    const auto row = [&](ValueId value, std::int64_t first, std::int64_t at, std::int64_t size) {
      return call.floats(value) + first * call.placements[value].row_stride + at * size;
    };
    const std::vector<std::int64_t> none;
    const std::vector<std::int64_t>& listed = global.of_sequence.empty() ? none : global.of_sequence[block.sequence];
    // The bias comes first in the scratch memory, [queries, keys].
    const float* bias = listed.empty() ? nullptr : global.hidden.data() + block.first_key;
    if (bias_) {
      auto* const rows = reinterpret_cast<float*>(call.scratch_of(worker));
      bias_->fill(call, block, head, rows);
      bias = rows;
    }
    kernels_.attention({.query = row(inputs_[0], block.first_query, head, head_size_),
                        .key = row(inputs_[1], block.first_key, key_head, head_size_),
                        .value = row(inputs_[2], block.first_key, key_head, value_size_),
                        .output = row(output_, block.first_query, head, value_size_),
                        .query_stride = call.placements[inputs_[0]].row_stride,
                        .key_stride = call.placements[inputs_[1]].row_stride,
                        .value_stride = call.placements[inputs_[2]].row_stride,
                        .output_stride = call.placements[output_].row_stride,
                        .queries = block.queries,
                        .keys = block.keys,
                        .head_dim = head_size_,
                        .value_dim = value_size_,
                        .first_query = block.place,
                        .scale = options_.scale,
                        .causal = options_.causal,
                        .window_left = options_.window_left,
                        .window_right = options_.window_right,
                        .bias = bias,
                        .bias_stride = bias_ ? block.keys : 0,
                        .softcap = options_.softcap,
                        .slope = has(10) ? call.floats(inputs_[10])[head] : 0.0F,
                        .global_keys = listed.data(),
                        .global_count = static_cast<std::int64_t>(listed.size()),
                        .precision = options_.precision,
                        .scratch = call.scratch_of(worker) + bias_bytes(block.keys)});
  }

  const KernelTable& kernels_;
  AttentionOptions options_;
  std::vector<ValueId> inputs_;
  ValueId output_;
  std::optional<PositionBiasRows> bias_;
  std::int64_t query_heads_;
  std::int64_t key_heads_;
  std::int64_t head_size_;
  std::int64_t value_size_;
};

}  // namespace

std::unique_ptr<Step> make_attention(const RowKernelContext& context, const Node& node) {
  return std::make_unique<Attention>(context, node);
}

}  // namespace accelerate::cpu
