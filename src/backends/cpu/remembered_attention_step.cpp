// Attention to remembered keys and values: the new ones are stored in their sequences' pages, and the queries read those.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "backends/cpu/position_bias.h"
#include "backends/cpu/state.h"
#include "backends/cpu/steps.h"
#include "base/arithmetic.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cpu {
namespace {

constexpr std::int64_t query_block = 128;

class RememberedAttentionStep final : public Step {
 public:
  RememberedAttentionStep(const RowKernelContext& context, const Node& node, std::size_t index)
      : kernels_(context.kernels),
        options_(node.as<AttentionOptions>()),
        index_(index),
        query_(node.inputs[0]),
        key_(context.graph.producer(node.inputs[1]).inputs[0]),
        value_(context.graph.producer(node.inputs[2]).inputs[0]),
        query_sequences_(node.inputs[3]),
        new_sequences_(context.graph.producer(node.inputs[1]).inputs[1]),
        context_sequences_(node.inputs[4]),
        slopes_(node.inputs.size() > 10 ? node.inputs[10] : no_value),
        output_(node.outputs.front()),
        query_heads_(context.graph.type(query_).shape[1].value()),
        key_heads_(context.graph.type(key_).shape[1].value()),
        head_size_(context.graph.type(query_).shape[2].value()),
        value_size_(context.graph.type(value_).shape[2].value()) {
    for (ValueId value : {query_, key_, value_, query_sequences_, new_sequences_, context_sequences_})
      reads.push_back(context.placements[value].root);
    for (std::size_t i = 5; i < node.inputs.size(); ++i)
      if (node.inputs[i] != no_value) reads.push_back(context.placements[node.inputs[i]].root);
    if (node.inputs.size() > 8 && node.inputs[8] != no_value) bias_.emplace(context.graph, node);
    writes.push_back(output_);
  }

  std::size_t scratch_bytes(const Call& call) const override {
    const std::int64_t bytes = kernels_.attention_scratch_bytes(state_of(call).precision(), std::max(query_block, query_heads_), 0,
                                                                std::max(head_size_, value_size_));
    return static_cast<std::size_t>(round_up(std::max(bytes, state_of(call).scratch_bytes(index_)), 64) +
                                    bias_bytes(longest_context(call)));
  }

  void run(const Call& call) const override {
    if (bias_) bias_->check(call);
    const std::vector<Pages> pages = pages_of(call);
    store(call, pages);
    attend(call, pages);
  }

 private:
  /// A sequence's new rows, all of its rows, and the pages that hold them.
  struct Pages {
    std::int64_t first_new;
    std::int64_t news;
    std::int64_t first_query;
    std::int64_t queries;
    std::int64_t keys;
    std::vector<const std::byte*> pages;
  };

  static const CpuState& state_of(const Call& call) { return static_cast<const CpuState&>(call.state->state); }

  std::int64_t longest_context(const Call& call) const {
    const std::int64_t* begins = call.integers(context_sequences_);
    std::int64_t longest = 0;
    for (std::int64_t i = 0; i + 1 < call.rows(context_sequences_); ++i) longest = std::max(longest, begins[i + 1] - begins[i]);
    return longest;
  }

  std::int64_t bias_bytes(std::int64_t keys) const {
    return bias_ ? round_up(query_block * keys * static_cast<std::int64_t>(sizeof(float)), 64) : 0;
  }

  std::vector<Pages> pages_of(const Call& call) const {
    const CpuState& state = state_of(call);
    const std::size_t group = state.place(index_, 0).group;
    const std::int64_t* queries = call.integers(query_sequences_);
    const std::int64_t* news = call.integers(new_sequences_);
    const std::int64_t* context = call.integers(context_sequences_);
    std::vector<Pages> all;
    for (std::size_t i = 0; i < call.state->sequences.size(); ++i) {
      Pages& pages = all.emplace_back(Pages{.first_new = news[i],
                                            .news = news[i + 1] - news[i],
                                            .first_query = queries[i],
                                            .queries = queries[i + 1] - queries[i],
                                            .keys = context[i + 1] - context[i],
                                            .pages = {}});
      for (std::int64_t page : state.pages(call.state->sequences[i], group)) pages.pages.push_back(state.page(group, page));
    }
    return all;
  }

  void store(const Call& call, std::span<const Pages> all) const {
    const CpuState& state = state_of(call);
    struct Part {
      const Pages* pages;
      std::int64_t page;
    };
    std::vector<Part> parts;
    for (const Pages& pages : all)
      for (std::int64_t page = (pages.keys - pages.news) / rows_in_page; pages.news > 0 && page * rows_in_page < pages.keys; ++page)
        parts.push_back({&pages, page});
    call.threads.parallel_for(static_cast<std::int64_t>(parts.size()) * key_heads_, [&](std::int64_t item, int worker) {
      const Part& part = parts[static_cast<std::size_t>(item / key_heads_)];
      const std::int64_t head = item % key_heads_;
      const std::int64_t before = part.pages->keys - part.pages->news;
      const std::int64_t first = std::max(before, part.page * rows_in_page);
      const std::int64_t row = part.pages->first_new + first - before;
      const CpuState::Place place = state.place(index_, head);
      // Pages are constant to whoever reads them; this step alone writes its part of them.
      auto* const page = const_cast<std::byte*>(part.pages->pages[static_cast<std::size_t>(part.page)]);
      kernels_.store_page({.precision = state.precision(),
                           .page_rows = rows_in_page,
                           .head_dim = head_size_,
                           .value_dim = value_size_,
                           .key = call.floats(key_) + row * call.placements[key_].row_stride + head * head_size_,
                           .value = call.floats(value_) + row * call.placements[value_].row_stride + head * value_size_,
                           .key_stride = call.placements[key_].row_stride,
                           .value_stride = call.placements[value_].row_stride,
                           .first = first - part.page * rows_in_page,
                           .count = std::min(part.pages->keys, (part.page + 1) * rows_in_page) - first,
                           .keys = page + place.keys,
                           .values = page + place.values,
                           .scratch = call.scratch_of(worker)});
    });
  }

  /// Queries that one worker takes at a time.
  struct Item {
    const Pages* pages;
    std::size_t sequence;
    std::int64_t first;  ///< query of its sequence
    std::int64_t queries;
    std::int64_t head;
    std::int64_t heads;  ///< that share their keys and are attended together, where there is one query
  };

  void attend(const Call& call, std::span<const Pages> all) const {
    const std::int64_t shared = query_heads_ / key_heads_;
    std::vector<Item> items;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::int64_t heads = all[i].queries == 1 && !bias_ && slopes_ == no_value ? shared : 1;
      for (std::int64_t first = 0; first < all[i].queries; first += query_block)
        for (std::int64_t head = 0; head < query_heads_; head += heads)
          items.push_back({&all[i], i, first, std::min(query_block, all[i].queries - first), head, heads});
    }
    std::ranges::stable_sort(items, std::ranges::greater{}, [](const Item& item) { return item.queries * item.pages->keys; });
    call.threads.parallel_for(static_cast<std::int64_t>(items.size()),
                              [&](std::int64_t item, int worker) { attend(call, items[static_cast<std::size_t>(item)], worker); });
  }

  void attend(const Call& call, const Item& item, int worker) const {
    const CpuState& state = state_of(call);
    const CpuState::Place place = state.place(index_, item.head * key_heads_ / query_heads_);
    const std::int64_t row = item.pages->first_query + item.first;
    const std::int64_t query_place = item.pages->keys - item.pages->queries + item.first;
    const bool together = item.heads > 1;
    float* bias = nullptr;
    if (bias_) {
      bias = reinterpret_cast<float*>(call.scratch_of(worker));
      bias_->fill(call,
                  {.sequence = item.sequence,
                   .first_query = row,
                   .queries = item.queries,
                   .first_key = 0,
                   .keys = item.pages->keys,
                   .place = query_place},
                  item.head, bias);
    }
    kernels_.attention({.query = call.floats(query_) + row * call.placements[query_].row_stride + item.head * head_size_,
                        .key = nullptr,
                        .value = nullptr,
                        .output = call.floats(output_) + row * call.placements[output_].row_stride + item.head * value_size_,
                        .query_stride = together ? head_size_ : call.placements[query_].row_stride,
                        .key_stride = 0,
                        .value_stride = 0,
                        .output_stride = together ? value_size_ : call.placements[output_].row_stride,
                        .queries = item.queries * item.heads,
                        .keys = item.pages->keys,
                        .head_dim = head_size_,
                        .value_dim = value_size_,
                        .first_query = query_place,
                        .queries_at_a_place = item.heads,
                        .pages = item.pages->pages.data(),
                        .page_rows = rows_in_page,
                        .page_keys = place.keys,
                        .page_values = place.values,
                        .scale = options_.scale,
                        .causal = options_.causal,
                        .window_left = options_.window_left,
                        .window_right = options_.window_right,
                        .bias = bias,
                        .bias_stride = item.pages->keys,
                        .softcap = options_.softcap,
                        .slope = slopes_ == no_value ? 0.0F : call.floats(slopes_)[item.head],
                        .precision = state.precision(),
                        .scratch = call.scratch_of(worker) + bias_bytes(item.pages->keys)});
  }

  const KernelTable& kernels_;
  AttentionOptions options_;
  std::size_t index_;
  ValueId query_;
  ValueId key_;
  ValueId value_;
  ValueId query_sequences_;
  ValueId new_sequences_;
  ValueId context_sequences_;
  ValueId slopes_;
  ValueId output_;
  std::optional<PositionBiasRows> bias_;
  std::int64_t query_heads_;
  std::int64_t key_heads_;
  std::int64_t head_size_;
  std::int64_t value_size_;
};

bool is_append(const Graph& graph, ValueId value) { return graph.producer(value).op == Op::append; }

}  // namespace

bool is_remembered(const Graph& graph, const Node& node) {
  return node.op == Op::attention && is_append(graph, node.inputs[1]) && is_append(graph, node.inputs[2]);
}

RememberedAttention remembered_attention(const Graph& graph, const Node& node) {
  const Shape& key = graph.type(node.inputs[1]).shape;
  return {.size = graph.producer(node.inputs[1]).as<AppendOptions>().rows.as_named()->name,
          .key_heads = key[1].value(),
          .head_size = key[2].value(),
          .value_size = graph.type(node.inputs[2]).shape[2].value(),
          .window = node.as<AttentionOptions>().window_left};
}

std::unique_ptr<Step> make_remembered_attention(const RowKernelContext& context, const Node& node, std::size_t index) {
  return std::make_unique<RememberedAttentionStep>(context, node, index);
}

}  // namespace accelerate::cpu
