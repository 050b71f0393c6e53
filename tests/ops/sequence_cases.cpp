// attention, rope, sequence_cumsum, sequence_shift, sequence_pool.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numeric>

#include "ops/cases.h"

namespace accelerate {
namespace {

using Lengths = std::vector<std::int64_t>;

std::int64_t total(const Lengths& lengths) { return std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0}); }

struct AttentionCase {
  std::string_view name;
  std::int64_t heads;
  std::int64_t head_size;
  Lengths lengths;
  Lengths key_lengths = {};     ///< empty: as `lengths`
  std::int64_t key_heads = 0;   ///< 0: as `heads`
  std::int64_t value_size = 0;  ///< 0: as `head_size`
  AttentionOptions options = {};
  std::string_view biases = {};  ///< of which there are biases by distance: h(eads), q(ueries), k(eys)
  std::int64_t reach = 0;        ///< distances up to which these tell apart
  bool global_keys = false;      ///< half of the keys are seen whatever the window
  bool slopes = false;           ///< scores fall or rise with the distance, by a number for each head
};

/// A bias of three fewer columns than there are distances, so that some share one.
PositionBias bias_of(CaseBuilder& b, const AttentionCase& given, Dim queries, Dim keys) {
  const std::int64_t distances = 2 * given.reach + 1;
  const std::int64_t columns = std::max<std::int64_t>(distances - 3, 1);
  const auto wanted = [&](char kind) { return given.biases.find(kind) != std::string_view::npos; };
  PositionBias bias{.columns = b.whole_numbers("columns", {distances}, 0, columns - 1)};
  if (wanted('h')) bias.of_heads = b.floats("of_heads", {given.heads, columns});
  if (wanted('q')) bias.of_queries = b.floats("of_queries", {queries, given.heads, columns});
  if (wanted('k')) bias.of_keys = b.floats("of_keys", {keys, given.heads, columns});
  return bias;
}

void build_attention(CaseBuilder& b, const AttentionCase& given) {
  const bool own_keys = !given.key_lengths.empty();
  const std::int64_t key_heads = given.key_heads == 0 ? given.heads : given.key_heads;
  const Dim queries = b.size("queries", total(given.lengths));
  const Dim keys = own_keys ? b.size("keys", total(given.key_lengths)) : queries;
  const Value query = b.floats("q", {queries, given.heads, given.head_size});
  const Value key = b.floats("k", {keys, key_heads, given.head_size});
  const Value value = b.floats("v", {keys, key_heads, given.value_size == 0 ? given.head_size : given.value_size});
  const Value query_sequences = b.sequences("sequences", given.lengths);
  const Value key_sequences = own_keys ? b.sequences("key_sequences", given.key_lengths) : query_sequences;
  AttentionOptions options = given.options;
  options.scale = 1 / std::sqrt(static_cast<float>(given.head_size));
  PositionBias bias = given.biases.empty() ? PositionBias{} : bias_of(b, given, queries, keys);
  if (given.slopes) bias.slopes = b.floats("slopes", {given.heads}, {.spread = 0.05, .offset = 0.3});
  const Value global = given.global_keys ? b.booleans("global", {keys}) : Value{};
  b.graph().output("y", attention(query, key, value, query_sequences, key_sequences, options, bias, global));
}

const std::vector<AttentionCase>& attention_cases() {
  static const std::vector<AttentionCase> cases{
      {.name = "one_token", .heads = 2, .head_size = 8, .lengths = {1}},
      {.name = "one_number", .heads = 1, .head_size = 1, .lengths = {3}},
      {.name = "size_8", .heads = 3, .head_size = 8, .lengths = {5, 1, 9}},
      {.name = "size_12", .heads = 2, .head_size = 12, .lengths = {17, 2}},
      {.name = "size_32", .heads = 4, .head_size = 32, .lengths = {33, 1, 64, 7}},
      {.name = "size_40", .heads = 2, .head_size = 40, .lengths = {70}},
      {.name = "size_64", .heads = 2, .head_size = 64, .lengths = {130, 16}},
      {.name = "size_128", .heads = 1, .head_size = 128, .lengths = {37}},
      {.name = "long", .heads = 1, .head_size = 32, .lengths = {523}},
      {.name = "empty_sequences", .heads = 2, .head_size = 16, .lengths = {0, 4, 0, 11, 0}},
      {.name = "grouped_heads", .heads = 6, .head_size = 16, .lengths = {21, 5}, .key_heads = 2},
      {.name = "value_size", .heads = 2, .head_size = 16, .lengths = {21, 5}, .value_size = 24},
      {.name = "causal", .heads = 2, .head_size = 32, .lengths = {50, 1, 19}, .options = {.causal = true}},
      {.name = "window", .heads = 2, .head_size = 32, .lengths = {50, 3}, .options = {.window_left = 7, .window_right = 4}},
      {.name = "window_of_itself", .heads = 2, .head_size = 16, .lengths = {20}, .options = {.window_left = 0, .window_right = 0}},
      {.name = "causal_window", .heads = 2, .head_size = 32, .lengths = {150}, .options = {.causal = true, .window_left = 9}},
      {.name = "cross", .heads = 2, .head_size = 16, .lengths = {3, 20}, .key_lengths = {40, 1}},
      {.name = "decoding",
       .heads = 4,
       .head_size = 32,
       .lengths = {1, 1, 1},
       .key_lengths = {90, 1, 17},
       .key_heads = 2,
       .options = {.causal = true}},
      {.name = "continued",
       .heads = 2,
       .head_size = 16,
       .lengths = {4, 9},
       .key_lengths = {30, 9},
       .options = {.causal = true, .window_left = 11}},
      {.name = "bias_of_heads", .heads = 3, .head_size = 16, .lengths = {40, 1, 9}, .biases = "h", .reach = 7},
      {.name = "bias_of_queries", .heads = 2, .head_size = 16, .lengths = {21, 150}, .biases = "q", .reach = 12},
      {.name = "bias_of_keys", .heads = 2, .head_size = 16, .lengths = {21, 5}, .biases = "k", .reach = 60},
      {.name = "biases", .heads = 2, .head_size = 24, .lengths = {33, 2, 18}, .biases = "hqk", .reach = 9},
      {.name = "bias_of_one_column", .heads = 2, .head_size = 16, .lengths = {5}, .biases = "h", .reach = 0},
      {.name = "biases_grouped_causal",
       .heads = 4,
       .head_size = 16,
       .lengths = {4, 9},
       .key_lengths = {30, 9},
       .key_heads = 2,
       .options = {.causal = true, .window_left = 11},
       .biases = "hqk",
       .reach = 5},
      {.name = "global_keys",
       .heads = 2,
       .head_size = 16,
       .lengths = {40, 1, 9},
       .options = {.window_left = 3, .window_right = 2},
       .global_keys = true},
      {.name = "global_keys_long",
       .heads = 1,
       .head_size = 32,
       .lengths = {700},
       .options = {.window_left = 8, .window_right = 8},
       .global_keys = true},
      {.name = "global_keys_causal",
       .heads = 4,
       .head_size = 16,
       .lengths = {4, 9},
       .key_lengths = {30, 9},
       .key_heads = 2,
       .options = {.causal = true, .window_left = 2},
       .global_keys = true},
      {.name = "softcap", .heads = 2, .head_size = 16, .lengths = {40, 1, 9}, .options = {.softcap = 0.5F}},
      {.name = "softcap_causal_window",
       .heads = 4,
       .head_size = 16,
       .lengths = {4, 300},
       .key_lengths = {30, 310},
       .key_heads = 2,
       .options = {.softcap = 2, .causal = true, .window_left = 11}},
      {.name = "softcap_global_keys",
       .heads = 2,
       .head_size = 16,
       .lengths = {40, 1, 9},
       .options = {.softcap = 1, .window_left = 3, .window_right = 2},
       .global_keys = true},
      {.name = "slopes", .heads = 3, .head_size = 16, .lengths = {40, 1, 9}, .slopes = true},
      {.name = "slopes_causal", .heads = 2, .head_size = 12, .lengths = {19, 19}, .options = {.causal = true}, .slopes = true},
      {.name = "slopes_long",
       .heads = 2,
       .head_size = 8,
       .lengths = {290, 3},
       .key_lengths = {600, 9},
       .options = {.causal = true},
       .slopes = true},
      {.name = "slopes_softcap_biases",
       .heads = 4,
       .head_size = 16,
       .lengths = {4, 9},
       .key_lengths = {30, 9},
       .key_heads = 2,
       .options = {.softcap = 1.5F, .causal = true},
       .biases = "hqk",
       .reach = 5,
       .slopes = true},
      {.name = "no_keys_seen", .heads = 2, .head_size = 16, .lengths = {7, 3}, .key_lengths = {2, 0}, .options = {.causal = true}},
  };
  return cases;
}

void add_attention_cases(std::vector<OpCase>& cases, Precision precision) {
  const double tolerance = precision == Precision::fp32 ? fp32_tolerance : rounded_attention_tolerance;
  for (const AttentionCase& given : attention_cases())
    cases.push_back({fmt::format("attention_{}_{}", given.name, name_of(precision)), Op::attention,
                     [=](CaseBuilder& b) { build_attention(b, given); }, precision, tolerance});

  cases.push_back({fmt::format("attention_of_slices_{}", name_of(precision)), Op::attention,
                   [](CaseBuilder& b) {
                     const Value sequences = b.sequences("sequences", {9, 1, 22});
                     const Value all = b.floats("x", {b.size("tokens", 32), 3 * 24});
                     const auto part = [&](int i) {
                       return split_heads(slice(all, {.axis = 1, .start = 24 * i, .stop = 24 * (i + 1)}), 2);
                     };
                     b.graph().output("y", merge_heads(attention(part(0), part(1), part(2), sequences, sequences, {.scale = 0.25F})));
                   },
                   precision, tolerance});
  cases.push_back({fmt::format("attention_large_scores_{}", name_of(precision)), Op::attention,
                   [](CaseBuilder& b) {
                     const Value sequences = b.sequences("sequences", {40});
                     const Dim tokens = b.size("tokens", 40);
                     const auto part = [&](std::string_view name) { return b.floats(name, {tokens, 1, 16}, {.spread = 4}); };
                     const Value query = part("q");
                     const Value key = part("k");
                     b.graph().output("y", attention(query, key, part("v"), sequences, sequences, {.scale = 1}));
                   },
                   // Scores this large show the rounding of q and k itself, which levels without bfloat16 products leave out.
                   precision, precision == Precision::fp32 ? 2e-5 : 0.02});
}

struct RopeCase {
  std::string_view name;
  std::int64_t tokens;
  std::int64_t heads;
  std::int64_t size;
  std::int64_t pairs;
  bool interleaved = false;
};

constexpr std::array rope_cases{
    RopeCase{.name = "one_pair", .tokens = 3, .heads = 1, .size = 2, .pairs = 1},
    RopeCase{.name = "whole_head", .tokens = 5, .heads = 3, .size = 14, .pairs = 7},
    RopeCase{.name = "part_of_head", .tokens = 5, .heads = 2, .size = 20, .pairs = 4},
    RopeCase{.name = "odd_head", .tokens = 2, .heads = 2, .size = 7, .pairs = 3},
    RopeCase{.name = "neighbours", .tokens = 5, .heads = 3, .size = 14, .pairs = 7, .interleaved = true},
    RopeCase{.name = "neighbours_in_part", .tokens = 70, .heads = 2, .size = 20, .pairs = 4, .interleaved = true},
    RopeCase{.name = "no_tokens", .tokens = 0, .heads = 2, .size = 8, .pairs = 4},
    RopeCase{.name = "no_pairs", .tokens = 4, .heads = 2, .size = 8, .pairs = 0},
};

void add_rope_cases(std::vector<OpCase>& cases) {
  for (const RopeCase& given : rope_cases)
    cases.push_back({fmt::format("rope_{}", given.name), Op::rope, [=](CaseBuilder& b) {
                       const Dim tokens = b.size("tokens", given.tokens);
                       const Value x = b.floats("x", {tokens, given.heads, given.size});
                       const Value cosines = b.floats("c", {tokens, given.pairs});
                       b.graph().output("y", rope(x, cosines, b.floats("s", {tokens, given.pairs}), {given.interleaved}));
                     }});
  cases.push_back({"rope_of_slices", Op::rope, [](CaseBuilder& b) {
                     const Dim tokens = b.size("tokens", 6);
                     const Value x = split_heads(slice(b.floats("x", {tokens, 30}), {.axis = 1, .start = 6, .stop = 22}), 2);
                     const Value turns = b.floats("t", {tokens, 8});
                     const auto half = [&](int i) { return slice(turns, {.axis = 1, .start = 4 * i, .stop = 4 * i + 4}); };
                     b.graph().output("y", merge_heads(rope(x, half(0), half(1), {})));
                   }});
  cases.push_back({"rope_of_constants", Op::rope, [](CaseBuilder& b) {
                     b.graph().output("y", rope(b.weight("x", {3, 2, 6}), b.weight("c", {3, 3}), b.weight("s", {3, 3}), {}));
                   }});
}

void add_pool_cases(std::vector<OpCase>& cases) {
  for (Pooling pooling : {Pooling::mean, Pooling::maximum, Pooling::sum, Pooling::first, Pooling::last}) {
    for (const Lengths& lengths : {Lengths{1}, Lengths{5, 1, 33}, Lengths{2, 2}})
      cases.push_back({fmt::format("sequence_pool_{}_{}_tokens", name_of(pooling), total(lengths)), Op::sequence_pool, [=](CaseBuilder& b) {
                         const Value x = b.floats("x", {b.size("tokens", total(lengths)), 37});
                         b.graph().output("y", sequence_pool(x, b.sequences("sequences", lengths), {pooling}));
                       }});
    cases.push_back({fmt::format("sequence_pool_{}_numbers", name_of(pooling)), Op::sequence_pool, [=](CaseBuilder& b) {
                       b.graph().output("y",
                                        sequence_pool(b.floats("x", {b.size("tokens", 9)}), b.sequences("sequences", {4, 5}), {pooling}));
                     }});
    cases.push_back({fmt::format("sequence_pool_{}_of_slice", name_of(pooling)), Op::sequence_pool, [=](CaseBuilder& b) {
                       const Value x = slice(b.floats("x", {b.size("tokens", 9), 20}), {.axis = 1, .start = 5, .stop = 15});
                       b.graph().output("y", sequence_pool(x, b.sequences("sequences", {4, 5}), {pooling}));
                     }});
  }
  for (Pooling pooling : {Pooling::mean, Pooling::sum})
    cases.push_back({fmt::format("sequence_pool_{}_empty_sequences", name_of(pooling)), Op::sequence_pool, [=](CaseBuilder& b) {
                       const Value x = b.floats("x", {b.size("tokens", 4), 3, 5});
                       b.graph().output("y", sequence_pool(x, b.sequences("sequences", {0, 4, 0}), {pooling}));
                     }});
}

void add_cumsum_cases(std::vector<OpCase>& cases) {
  for (const Lengths& lengths : {Lengths{1}, Lengths{5, 1, 33}, Lengths{0, 3, 0}})
    cases.push_back({fmt::format("sequence_cumsum_{}_tokens", total(lengths)), Op::sequence_cumsum, [=](CaseBuilder& b) {
                       const Value x = b.whole_numbers("x", {b.size("tokens", total(lengths))}, -3, 9);
                       b.graph().output("y", sequence_cumsum(x, b.sequences("sequences", lengths)));
                     }});
}

}  // namespace

static void add_shift_cases(std::vector<OpCase>& cases) {
  for (const std::int64_t offset : {-40, -2, 0, 1, 3})
    cases.push_back({fmt::format("sequence_shift_by_{}", offset < 0 ? fmt::format("minus_{}", -offset) : fmt::format("{}", offset)),
                     Op::sequence_shift, [=](CaseBuilder& b) {
                       const Value x = b.floats("x", {b.size("tokens", 25), 3, 2});
                       b.graph().output("y", sequence_shift(x, b.sequences("sequences", {7, 0, 1, 17}), {.offset = offset}));
                     }});
}

void add_sequence_cases(std::vector<OpCase>& cases) {
  for (Precision precision : {Precision::fp32, Precision::bf16, Precision::int8}) add_attention_cases(cases, precision);
  add_rope_cases(cases);
  add_pool_cases(cases);
  add_cumsum_cases(cases);
  add_shift_cases(cases);
}

}  // namespace accelerate
