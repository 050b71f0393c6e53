// softmax(scale·q·kᵀ + bias)·v by blocks of keys: the block's keys and values are packed into panels, each tile of
// queries takes its scores, their exponentials and the weighted sum of values while they are in the nearest cache, and
// what earlier blocks summed is rescaled when a larger score turns up (online softmax, Milakov and Gimelshein 2018).
#pragma once

#include "backends/cpu/kernels/gemm.inl.h"
#include "backends/cpu/kernels/pages.inl.h"

namespace accelerate::cpu {
namespace {

/// Keys packed at a time: their panels and values stay in the second-level cache, a tile's scores in the first.
constexpr std::int64_t key_block = 256;

/// Keys [begin, end).
struct KeyRange {
  std::int64_t begin;
  std::int64_t end;
};

inline KeyRange intersection(KeyRange a, KeyRange b) { return {larger(a.begin, b.begin), smaller(a.end, b.end)}; }

/// The keys that a query may look at; begin and end never fall from one query to the next.
inline KeyRange visible_keys(const AttentionArguments& arguments, std::int64_t query) {
  const std::int64_t place = arguments.first_query + query / arguments.queries_at_a_place;
  KeyRange range = {0, arguments.keys};
  if (arguments.causal) range.end = smaller(range.end, place + 1);
  if (arguments.window_right >= 0) range.end = smaller(range.end, place + arguments.window_right + 1);
  if (arguments.window_left >= 0) range.begin = larger(range.begin, place - arguments.window_left);
  return {smaller(range.begin, arguments.keys), larger(range.end, 0)};
}

/// Where things lie in the scratch memory, in bytes from its start; each on a cache line of its own.
template <class Product, class Multiplier>
struct AttentionScratch {
  std::int64_t keys;      ///< panels of one block of keys: outputs are keys, inputs the head's dimensions
  std::int64_t values;    ///< panels of one block of values: outputs are the head's dimensions, inputs keys
  std::int64_t rows;      ///< a tile of queries, or a panel of keys, as rows of groups
  std::int64_t scores;    ///< [most_rows, key_block]
  std::int64_t products;  ///< [most_rows, panel_columns]
  std::int64_t maxima;    ///< [queries]: the largest score of each query so far
  std::int64_t sums;      ///< [queries]: the sum of its exponentials so far
  std::int64_t bytes;

  AttentionScratch(std::int64_t queries, std::int64_t all_keys, std::int64_t head_dim) {
    const std::int64_t block = smaller(all_keys, key_block);
    const std::int64_t key_panels = (block + panel_columns - 1) / panel_columns;
    const std::int64_t value_panels = (head_dim + panel_columns - 1) / panel_columns;
    keys = 0;
    values = keys + key_panels * panel_bytes<Product>(head_dim);
    rows = values + value_panels * panel_bytes<Product>(key_panels * panel_columns);
    scores = rows + panel_columns * prepared_row_bytes<Product>(head_dim);
    products = scores + Multiplier::most_rows * key_block * 4;
    maxima = products + Multiplier::most_rows * panel_columns * 4;
    sums = maxima + whole_blocks(queries * 4);
    bytes = sums + whole_blocks(queries * 4);
  }
};

template <class Product, class Multiplier>
class Attention {
 public:
  explicit Attention(const AttentionArguments& arguments)
      : arguments_(arguments),
        scratch_(arguments.queries, arguments.pages == nullptr ? arguments.keys : 0, larger(arguments.head_dim, arguments.value_dim)),
        maxima_(reinterpret_cast<float*>(arguments.scratch + scratch_.maxima)),
        sums_(reinterpret_cast<float*>(arguments.scratch + scratch_.sums)) {}

  void run() {
    for (std::int64_t query = 0; query < arguments_.queries; ++query) {
      maxima_[query] = -__builtin_inff();
      sums_[query] = 0.0F;
      float* output = output_row(query);
      for (std::int64_t i = 0; i < arguments_.value_dim; i += width) store_up_to(output + i, arguments_.value_dim - i, spread(0.0F));
    }
    if (arguments_.queries == 0) return;
    for (std::int64_t begin = 0; begin < arguments_.global_count; begin += key_block) {
      listed_ = arguments_.global_keys + begin;
      attend_block({0, smaller(key_block, arguments_.global_count - begin)});
    }
    listed_ = nullptr;
    const KeyRange all = {visible_keys(arguments_, 0).begin, visible_keys(arguments_, arguments_.queries - 1).end};
    // Pages begin where they begin; other blocks with the first key that is seen.
    const bool paged = arguments_.pages != nullptr;
    const std::int64_t step = paged ? arguments_.page_rows : key_block;
    for (std::int64_t begin = paged ? all.begin / step * step : all.begin; begin < all.end; begin += step)
      attend_block({begin, smaller(begin + step, paged ? arguments_.keys : all.end)});
    for (std::int64_t query = 0; query < arguments_.queries; ++query) {
      // A query that saw no key has the sum 0 and keeps its zeros.
      if (sums_[query] == 0.0F) continue;
      float* output = output_row(query);
      const Floats factor = spread(1.0F / sums_[query]);
      for (std::int64_t i = 0; i < arguments_.value_dim; i += width) {
        const std::int64_t count = arguments_.value_dim - i;
        store_up_to(output + i, count, multiply(load_up_to(output + i, count), factor));
      }
    }
  }

 private:
  /// Adds a block of keys, which are those of the list while there is one, to every query.
  void attend_block(KeyRange block) {
    block_ = block;
    if (arguments_.pages == nullptr) {
      keys_ = at(scratch_.keys);
      values_ = at(scratch_.values);
      value_panel_bytes_ = panel_bytes<Product>((block.end - block.begin + panel_columns - 1) / panel_columns * panel_columns);
      pack_keys();
      pack_values();
    } else {
      const std::byte* page = arguments_.pages[block.begin / arguments_.page_rows];
      keys_ = page + arguments_.page_keys;
      values_ = page + arguments_.page_values;
      value_panel_bytes_ = panel_bytes<Product>(arguments_.page_rows);
    }
    const RowTiles tiles(arguments_.queries, Multiplier::most_rows);
    for (std::int64_t tile = 0; tile < tiles.count(); ++tile) attend(tiles.first(tile), tiles.first(tile + 1));
  }

  /// The row of the i-th key.
  std::int64_t key_row(std::int64_t i) const { return listed_ == nullptr ? i : listed_[i]; }

  KeyRange visible(std::int64_t query) const { return listed_ == nullptr ? visible_keys(arguments_, query) : block_; }

  float* output_row(std::int64_t query) const { return arguments_.output + query * arguments_.output_stride; }
  std::byte* at(std::int64_t offset) const { return arguments_.scratch + offset; }

  void pack_keys() const {
    const std::int64_t row_bytes = prepared_row_bytes<Product>(arguments_.head_dim);
    std::byte* panel = at(scratch_.keys);
    for (std::int64_t first = block_.begin; first < block_.end; first += panel_columns) {
      const std::int64_t count = smaller(panel_columns, block_.end - first);
      for (std::int64_t row = 0; row < count; ++row) {
        const float* key = arguments_.key + key_row(first + row) * arguments_.key_stride;
        encode_activations<Product>(key, arguments_.head_dim, {}, at(scratch_.rows) + row * row_bytes);
      }
      interleave_rows<Product>(at(scratch_.rows), row_bytes, count, panel_steps<Product>(arguments_.head_dim), panel);
      panel += panel_bytes<Product>(arguments_.head_dim);
    }
  }

  void pack_values() const {
    const std::int64_t count = block_.end - block_.begin;
    const std::int64_t padded = (count + panel_columns - 1) / panel_columns * panel_columns;
    for (std::int64_t column = 0; column < arguments_.value_dim; column += width) {
      std::byte* to = at(scratch_.values) + column / panel_columns * value_panel_bytes_ + column % panel_columns * Product::column_bytes;
      const auto value = [&](std::int64_t key) {
        if (key >= count) return spread(0.0F);
        return load_up_to(arguments_.value + key_row(block_.begin + key) * arguments_.value_stride + column, arguments_.value_dim - column);
      };
      for (std::int64_t key = 0; key < padded; key += Product::group, to += panel_columns * Product::column_bytes) {
        if constexpr (Product::group == 1) {
          Product::store_weights(to, value(key));
        } else {
          Product::store_pairs(to, value(key), value(key + 1));
        }
      }
    }
  }

  /// Adds the block's keys to queries [first, last).
  void attend(std::int64_t first, std::int64_t last) {
    const KeyRange seen = intersection({visible(first).begin, visible(last - 1).end}, block_);
    if (seen.begin >= seen.end) return;
    const std::int64_t first_panel = (seen.begin - block_.begin) / panel_columns;
    const std::int64_t last_panel = (seen.end - block_.begin + panel_columns - 1) / panel_columns;
    score(first, last - first, first_panel, last_panel);

    const KeyRange columns = {block_.begin + first_panel * panel_columns, block_.begin + last_panel * panel_columns};
    // Two loops, so that the long latency of one row's maximum passes under the next row's work.
    Shift shifts[Multiplier::most_rows];
    for (std::int64_t query = first; query < last; ++query) {
      shifts[query - first] = shift_scores(query, columns, score_row(query - first) + first_panel * panel_columns);
    }
    for (std::int64_t query = first; query < last; ++query) {
      take_exponentials(query, columns, shifts[query - first], score_row(query - first) + first_panel * panel_columns);
    }
    add_values(first, last - first, first_panel, seen.end, shifts);
  }

  /// What a query's exponentials are taken from, and by what those of earlier blocks shrink for it.
  struct Shift {
    float maximum;
    float factor;
    float scale = 1.0F;  ///< that its scores still lack
  };

  float* score_row(std::int64_t row) const { return reinterpret_cast<float*>(at(scratch_.scores)) + row * key_block; }

  /// Products of the tile's queries with the keys of panels [first_panel, last_panel).
  void score(std::int64_t first, std::int64_t rows, std::int64_t first_panel, std::int64_t last_panel) {
    const std::byte* queries = reinterpret_cast<const std::byte*>(arguments_.query + first * arguments_.query_stride);
    std::int64_t stride = arguments_.query_stride * 4;
    if constexpr (Product::group != 1) {
      stride = prepared_row_bytes<Product>(arguments_.head_dim);
      prepare_rows<Product>(prepared_layout<Product>(1, arguments_.head_dim), arguments_.query + first * arguments_.query_stride,
                            arguments_.query_stride, 0, rows, arguments_.head_dim, at(scratch_.rows));
      queries = at(scratch_.rows);
    }
    for (std::int64_t panel = first_panel; panel < last_panel; ++panel) {
      multiply_(rows, {
                          .activations = queries,
                          .activation_stride = stride,
                          .panel = keys_ + panel * panel_bytes<Product>(arguments_.head_dim),
                          .steps = steps_of<Product>(arguments_.head_dim),
                          .sums = score_row(0) + panel * panel_columns,
                          .sums_stride = key_block * 4,
                      });
    }
  }

  /// Whether scores are more than scaled products.
  bool has_shaped_scores() const { return arguments_.softcap != 0.0F || arguments_.slope != 0.0F; }

  /// Scales the products of one query with the keys of `columns`, caps them and adds the slope times the distance.
  void shape_scores(std::int64_t query, KeyRange columns, float* scores) const {
    const bool capped = arguments_.softcap != 0.0F;
    const Floats scale = spread(capped ? arguments_.scale / arguments_.softcap : arguments_.scale);
    const std::int64_t first_distance = columns.begin - arguments_.first_query - query / arguments_.queries_at_a_place;
    for (std::int64_t i = 0; i < columns.end - columns.begin; i += width) {
      Floats score = multiply(load(scores + i), scale);
      if (capped) score = multiply(tanh(score), spread(arguments_.softcap));
      const Integers distance = add(lane_numbers(), spread(static_cast<std::int32_t>(first_distance + i)));
      store(scores + i, multiply_add(to_floats(distance), spread(arguments_.slope), score));
    }
  }

  /// Makes the products of one query with the keys of `columns` scores in units of ln(2), so that their exponentials are
  /// powers of two: scaled and with the bias, but where there is no more than a scale, which is left to take_exponentials().
  /// Keys that the query may not look at get -∞.
  Shift shift_scores(std::int64_t query, KeyRange columns, float* scores) {
    constexpr float log2_e = 1.44269504F;
    const KeyRange seen = intersection(visible(query), columns);
    const float* bias =
        arguments_.bias == nullptr || listed_ != nullptr ? nullptr : arguments_.bias + query * arguments_.bias_stride + columns.begin;
    if (has_shaped_scores()) shape_scores(query, columns, scores);
    const float scale = has_shaped_scores() ? log2_e : arguments_.scale * log2_e;
    const bool scaled_later = bias == nullptr && scale > 0.0F;
    Floats largest = spread(-__builtin_inff());
    for (std::int64_t i = 0; i < columns.end - columns.begin; i += width) {
      const std::int64_t key = columns.begin + i;
      const bool all_seen = key >= seen.begin && key + width <= seen.end;
      Floats score = load(scores + i);
      if (!scaled_later) score = multiply(score, spread(scale));
      if (bias != nullptr) score = multiply_add(load_up_to(bias + i, arguments_.keys - key), spread(log2_e), score);
      if (!all_seen) {
        const Integers place = add(lane_numbers(), spread(static_cast<std::int32_t>(i)));
        const Mask mask = both(greater_or_equal(place, spread(static_cast<std::int32_t>(seen.begin - columns.begin))),
                               greater(spread(static_cast<std::int32_t>(seen.end - columns.begin)), place));
        score = select(mask, score, spread(-__builtin_inff()));
      }
      largest = maximum(largest, score);
      if (!scaled_later || !all_seen) store(scores + i, score);
    }
    const float before = maxima_[query];
    const float found = largest_of(largest) * (scaled_later ? scale : 1.0F);
    maxima_[query] = found > before ? found : before;
    // From -∞ all differences would be NaN instead of -∞.
    Shift shift = {
        .maximum = maxima_[query] == -__builtin_inff() ? 0.0F : maxima_[query], .factor = 1.0F, .scale = scaled_later ? scale : 1.0F};
    if (before == -__builtin_inff()) {
      shift.factor = 0.0F;
    } else if (before != shift.maximum) {
      store_first(&shift.factor, 1, power_of_two(spread(before - shift.maximum)));
    }
    return shift;
  }

  /// Turns scores into exponentials, as the product's activation groups, and sums them.
  void take_exponentials(std::int64_t query, KeyRange columns, Shift shift, float* scores) {
    Floats sums = spread(0.0F);
    auto* groups = reinterpret_cast<std::byte*>(scores);
    for (std::int64_t i = 0; i < columns.end - columns.begin; i += width) {
      const Floats value = power_of_two(multiply_add(load(scores + i), spread(shift.scale), spread(-shift.maximum)));
      sums = add(sums, value);
      // A group is never wider than a score: what is written here has been read.
      Product::store_activations(groups + i * activation_bytes<Product>, value);
    }
    sums_[query] = sums_[query] * shift.factor + sum_of(sums);
  }

  /// output = output·factor + exponentials·values
  void add_values(std::int64_t first, std::int64_t rows, std::int64_t first_panel, std::int64_t last_key, const Shift* shifts) {
    const std::int64_t first_step = first_panel * panel_columns / Product::group;
    const std::int64_t steps = steps_of<Product>(last_key - block_.begin) - first_step;
    auto* products = reinterpret_cast<float*>(at(scratch_.products));
    for (std::int64_t column = 0; column < arguments_.value_dim; column += panel_columns) {
      const std::byte* panel = values_ + column / panel_columns * value_panel_bytes_;
      multiply_(rows, {
                          .activations = reinterpret_cast<const std::byte*>(score_row(0) + first_panel * panel_columns),
                          .activation_stride = key_block * 4,
                          .panel = panel + first_step * panel_columns * Product::column_bytes,
                          .steps = steps,
                          .sums = products,
                          .sums_stride = panel_columns * 4,
                      });
      const std::int64_t columns = smaller(panel_columns, arguments_.value_dim - column);
      for (std::int64_t row = 0; row < rows; ++row) {
        float* output = output_row(first + row) + column;
        for (std::int64_t i = 0; i < columns; i += width) {
          const Floats before = load_up_to(output + i, columns - i);
          store_up_to(output + i, columns - i, multiply_add(before, spread(shifts[row].factor), load(products + row * panel_columns + i)));
        }
      }
    }
  }

  const AttentionArguments& arguments_;
  AttentionScratch<Product, Multiplier> scratch_;
  Multiplier multiply_;
  float* maxima_;
  float* sums_;
  KeyRange block_ = {0, 0};
  const std::byte* keys_ = nullptr;    ///< panels of the block's keys
  const std::byte* values_ = nullptr;  ///< panels of the block's values
  std::int64_t value_panel_bytes_ = 0;
  const std::int64_t* listed_ = nullptr;  ///< the rows of the block's keys, while they are not in a row
};

template <class Multipliers>
std::int64_t attention_scratch_bytes(Precision precision, std::int64_t queries, std::int64_t keys, std::int64_t head_dim) {
  const auto bytes_of = [=](auto product) {
    using Product = decltype(product);
    return AttentionScratch<Product, typename Multipliers::template Of<Product>>(queries, keys, head_dim).bytes;
  };
  return precision == Precision::fp32 ? bytes_of(Float32Product{}) : bytes_of(AttentionProduct{});
}

template <class Multipliers>
void attention(const AttentionArguments& arguments) {
  const auto run = [&](auto product) {
    using Product = decltype(product);
    Attention<Product, typename Multipliers::template Of<Product>>(arguments).run();
  };
  if (arguments.precision == Precision::fp32) {
    run(Float32Product{});
  } else if (arguments.pages != nullptr) {
    run(Bfloat16Product{});
  } else {
    run(AttentionProduct{});
  }
}

}  // namespace
}  // namespace accelerate::cpu
