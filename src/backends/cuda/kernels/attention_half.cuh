// Attention over 16-bit floats: a block's four warps take 16 · Blocks queries each and walk over the keys in tiles, of which
// one is multiplied while the next is on its way. The running largest score and sum of weights correct what was added before
// (online softmax), so scores never leave registers.
//
// A Machine is what a warp runs on: one lane's registers and PTX on the device, 32 lanes at once in the host's tests. Hence no
// branch here depends on a lane. Fragments are those of mma.sync.m16n8k16 in the PTX ISA: lane l holds of a 16 × 8 result
// (row l / 4, columns 2 (l % 4) and the next), and the same of row l / 4 + 8.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cuda/kernels/attention_problem.cuh"

namespace accelerate::cuda {

template <class Machine, int Width, int Blocks, bool General>
class HalfAttention {
 public:
  static constexpr int warps = 4;
  static constexpr int threads = 32 * warps;
  static constexpr int tile_keys = 64;
  static constexpr int warp_queries = 16 * Blocks;
  static constexpr int block_queries = warps * warp_queries;
  // Rows are 16 bytes longer than what they hold, so that the eight rows that a matrix load reads at once lie in all banks.
  static constexpr int shared_stride = Width + 8;
  static constexpr int tile_elements = tile_keys * shared_stride;
  static constexpr std::size_t shared_bytes = std::size_t{4} * tile_elements * sizeof(std::uint16_t);

  /// `shared` has shared_bytes. Widths of the problem are multiples of 8 and at most Width; unless General, it is plain and
  /// its scale above zero.
  __host__ __device__ HalfAttention(Machine& machine, const AttentionProblem& problem, std::uint16_t* shared)
      : machine_(machine), problem_(problem), shared_(shared) {}

  /// Block `number` of head `head`.
  __host__ __device__ void run(std::int64_t number, int head) {
    block_ = query_block(number, problem_, block_queries, threads, [&](auto predicate) { return machine_.count(predicate); });
    if (block_.rows == 0) return;
    head_ = head;
    first_row_ = machine_.warp() * warp_queries;
    rows_ = block_.rows - first_row_ < warp_queries ? block_.rows - first_row_ : warp_queries;
    first_place_ = block_.first_place + first_row_;
    begin();
    walk();
    if (rows_ > 0) store();
  }

 private:
  using Float = typename Machine::Float;
  using Word = typename Machine::Word;
  using Integer = typename Machine::Integer;
  using Long = typename Machine::Long;
  using Mask = typename Machine::Mask;

  static constexpr int groups = tile_keys / 16;
  static constexpr int chunks = Width / 8;  // of 16 bytes a row

  /// The lane's row of a fragment, and of its second half when `half` is 1.
  __host__ __device__ Integer row_of(int block, int half) const { return machine_.lane() / 4 + (block * 16 + half * 8); }
  /// The first of the lane's two columns of an 8 columns wide fragment.
  __host__ __device__ Integer column_of(int fragment) const { return machine_.lane() % 4 * 2 + fragment * 8; }

  __host__ __device__ void begin() {
    const auto* query = static_cast<const std::uint16_t*>(problem_.query) +
                        (block_.query_begin + block_.first_query + first_row_) * problem_.query_stride +
                        static_cast<std::int64_t>(head_) * problem_.size;
#pragma unroll
    for (int block = 0; block < Blocks; ++block) {
#pragma unroll
      for (int step = 0; step < Width / 16; ++step)
#pragma unroll
        for (int part = 0; part < 4; ++part) {
          const Integer row = row_of(block, part % 2);
          const Integer column = column_of(step * 2 + part / 2);
          const Mask exists = machine_.both(row < Integer(rows_), column < Integer(problem_.size));
          query_[block][step][part] =
              machine_.load_word(query, machine_.widen(row) * Long(problem_.query_stride) + machine_.widen(column), exists);
        }
#pragma unroll
      for (int fragment = 0; fragment < Width / 8; ++fragment)
#pragma unroll
        for (int part = 0; part < 4; ++part) sums_[block][fragment][part] = Float(0.0F);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        largest_[block][half] = Float(machine_.minus_infinity());
        weights_[block][half] = Float(0.0F);
      }
    }
  }

  __host__ __device__ void walk() {
    const int end = block_.end_key();
    const int first = tile_from(block_.visibility.first_key(block_.first_place) / tile_keys * tile_keys);
    const int last_place = first_place_ + rows_ - 1;
    const int warp_first = block_.visibility.first_key(first_place_);
    const int warp_end = rows_ > 0 ? block_.visibility.end_key(last_place) : 0;

    if (first < end) fetch(first, 0);
    int stage = 0;
    for (int tile = first, next = 0; tile < end; tile = next, stage ^= 1) {
      next = tile_from(tile + tile_keys);
      machine_.wait_for_copies();
      machine_.barrier();  // also: everyone is done with the tile before, whose place the next one takes
      if (next < end) fetch(next, stage ^ 1);
      if (tile >= warp_end || tile + tile_keys <= warp_first) continue;
      const int seen = warp_end - tile;
      if (General || block_.visibility.hides_some(first_place_, last_place, tile, tile_keys))
        step<true>(stage, tile, seen < tile_keys ? (seen + 15) / 16 : groups);
      else
        step<false>(stage, tile, groups);
    }
  }

  /// The first tile from `tile` on that any of the block's queries sees.
  __host__ __device__ int tile_from(int tile) {
    if constexpr (General) return next_tile(tile, tile_keys, problem_, block_, [&](auto predicate) { return machine_.count(predicate); });
    return tile;
  }

  __host__ __device__ std::uint16_t* keys_of(int stage) const { return shared_ + stage * 2 * tile_elements; }
  __host__ __device__ std::uint16_t* values_of(int stage) const { return keys_of(stage) + tile_elements; }

  /// Starts copying a tile; keys past the sequence's end and columns past a head's become zeros.
  __host__ __device__ void fetch(int first_key, int stage) {
    static_assert(page_rows % tile_keys == 0);
    const std::int64_t key_head = head_ / (problem_.heads / problem_.key_heads);
    const TileRows keys = tile_rows(block_, problem_.key, problem_.key_offset, first_key);
    const TileRows values = tile_rows(block_, problem_.value, problem_.value_offset, first_key);
    const auto* key = static_cast<const std::uint16_t*>(keys.data) + keys.row * problem_.key_stride + key_head * problem_.size;
    const auto* value =
        static_cast<const std::uint16_t*>(values.data) + values.row * problem_.value_stride + key_head * problem_.value_size;
    machine_.template share_out<tile_keys * chunks>([&](int item) {
      const int row = item / chunks;
      const int column = item % chunks * 8;
      const bool row_exists = first_key + row < block_.visibility.key_count;
      const int place = row * shared_stride + column;
      const bool in_key = row_exists && column < problem_.size;
      const bool in_value = row_exists && column < problem_.value_size;
      machine_.copy(keys_of(stage) + place, key + (in_key ? row * problem_.key_stride + column : 0), in_key);
      machine_.copy(values_of(stage) + place, value + (in_value ? row * problem_.value_stride + column : 0), in_value);
    });
    machine_.commit_copies();
  }

  /// Adds a tile. Masked: queries may not see all of it, and only its first `seen_groups` · 16 keys are seen by any.
  template <bool Masked>
  __host__ __device__ void step(int stage, int first_key, int seen_groups) {
    Float scores[Blocks][2 * groups][4];
    multiply_keys<Masked>(keys_of(stage), seen_groups, scores);
    if constexpr (Masked) adjust(first_key, scores);
    weigh(scores);
    add_values<Masked>(values_of(stage), seen_groups, scores);
  }

  // Lane l gives the address of row l % 8 of matrix l / 8: the first two matrices are the fragment's halves for the first
  // eight keys, the others those for the next eight.
  template <bool Masked>
  __host__ __device__ void multiply_keys(const std::uint16_t* keys, int seen_groups, Float (&scores)[Blocks][2 * groups][4]) {
    const Integer lane = machine_.lane();
    const Integer offset = (lane / 16 * 8 + lane % 8) * shared_stride + lane / 8 % 2 * 8;
#pragma unroll
    for (int group = 0; group < groups; ++group) {
#pragma unroll
      for (int block = 0; block < Blocks; ++block)
#pragma unroll
        for (int part = 0; part < 8; ++part) scores[block][2 * group + part / 4][part % 4] = Float(0.0F);
      if (Masked && group >= seen_groups) continue;
#pragma unroll
      for (int step = 0; step < Width / 16; ++step) {
        Word fragment[4];
        machine_.load_matrices(fragment, keys, offset + (group * 16 * shared_stride + step * 16));
#pragma unroll
        for (int block = 0; block < Blocks; ++block) {
          machine_.multiply(scores[block][2 * group], query_[block][step], fragment[0], fragment[1]);
          machine_.multiply(scores[block][2 * group + 1], query_[block][step], fragment[2], fragment[3]);
        }
      }
    }
  }

  /// Scores of keys that are not seen become minus infinity; when General, scores become those of base 2 here.
  __host__ __device__ void adjust(int first_key, Float (&scores)[Blocks][2 * groups][4]) {
#pragma unroll
    for (int block = 0; block < Blocks; ++block)
#pragma unroll
      for (int fragment = 0; fragment < 2 * groups; ++fragment)
#pragma unroll
        for (int part = 0; part < 4; ++part) {
          const Integer key = column_of(fragment) + (first_key + part % 2);
          const Integer row = row_of(block, part / 2);
          const Integer distance = key - row - first_place_;
          const Mask exists = key < Integer(block_.visibility.key_count);
          Mask is_seen = machine_.both(distance <= Integer(problem_.ahead), distance >= Integer(-problem_.behind));
          if (General && problem_.global_keys != nullptr)
            is_seen = machine_.either(is_seen, machine_.is_set(problem_.global_keys, machine_.widen(key) + Long(block_.key_begin), exists));
          is_seen = machine_.both(is_seen, exists);
          Float& score = scores[block][fragment][part];
          if constexpr (General) {
            if (problem_.softcap == 0)
              score = score * Float(problem_.scale * logarithm_of_e);
            else
              score =
                  machine_.hyperbolic_tangent(score * Float(problem_.scale / problem_.softcap)) * Float(problem_.softcap * logarithm_of_e);
            if (problem_.slopes != nullptr) score = score + machine_.as_float(distance) * Float(problem_.slopes[head_] * logarithm_of_e);
            if (problem_.has_bias())
              score = score + bias(row, key, distance, machine_.both(is_seen, row < Integer(rows_))) * Float(logarithm_of_e);
          }
          score = machine_.select(is_seen, score, Float(machine_.minus_infinity()));
        }
  }

  __host__ __device__ Float bias(Integer row, Integer key, Integer distance, Mask exists) const {
    const int radius = problem_.distance_radius;
    const Integer near = machine_.select(distance < Integer(-radius), Integer(-radius),
                                         machine_.select(distance > Integer(radius), Integer(radius), distance));
    const Long column = machine_.gather(problem_.distance_columns, machine_.widen(near + radius), exists);
    const std::int64_t columns = problem_.bias_columns;
    const std::int64_t all_heads = problem_.heads * columns;
    const std::int64_t own_head = head_ * columns;
    Float sum(0.0F);
    if (problem_.head_bias != nullptr) sum = sum + machine_.gather(problem_.head_bias, column + Long(own_head), exists);
    if (problem_.query_bias != nullptr) {
      const std::int64_t first = (block_.query_begin + block_.first_query + first_row_) * all_heads + own_head;
      sum = sum + machine_.gather(problem_.query_bias, machine_.widen(row) * Long(all_heads) + Long(first) + column, exists);
    }
    if (problem_.key_bias != nullptr) {
      const std::int64_t first = block_.key_begin * all_heads + own_head;
      sum = sum + machine_.gather(problem_.key_bias, machine_.widen(key) * Long(all_heads) + Long(first) + column, exists);
    }
    return sum;
  }

  /// Scores become weights, and what was added before is corrected to the new largest score.
  __host__ __device__ void weigh(Float (&scores)[Blocks][2 * groups][4]) {
    const Float factor(General ? 1.0F : problem_.scale * logarithm_of_e);
#pragma unroll
    for (int block = 0; block < Blocks; ++block)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        Float largest = largest_[block][half];
#pragma unroll
        for (int fragment = 0; fragment < 2 * groups; ++fragment)
          largest = machine_.larger(largest, machine_.larger(scores[block][fragment][2 * half], scores[block][fragment][2 * half + 1]));
        largest = machine_.larger(largest, machine_.exchange(largest, 1));
        largest = machine_.larger(largest, machine_.exchange(largest, 2));
        // Without any key so far, the largest is minus infinity, and its difference to itself would be no number.
        const Float base = machine_.select(largest == Float(machine_.minus_infinity()), Float(0.0F), largest) * factor;
        const Float correction = machine_.power_of_two(machine_.multiply_add(largest_[block][half], factor, -base));
        largest_[block][half] = largest;
        Float total = weights_[block][half] * correction;
#pragma unroll
        for (int fragment = 0; fragment < 2 * groups; ++fragment)
#pragma unroll
          for (int part = 2 * half; part < 2 * half + 2; ++part) {
            Float& score = scores[block][fragment][part];
            score = machine_.power_of_two(machine_.multiply_add(score, factor, -base));
            total = total + score;
          }
        weights_[block][half] = total;
#pragma unroll
        for (int fragment = 0; fragment < Width / 8; ++fragment)
#pragma unroll
          for (int part = 2 * half; part < 2 * half + 2; ++part) sums_[block][fragment][part] = sums_[block][fragment][part] * correction;
      }
  }

  // Two results of 8 columns are one left operand of 16. Values are read transposed: matrices l / 8 are the first eight keys,
  // the next eight, and both again for the next eight columns.
  template <bool Masked>
  __host__ __device__ void add_values(const std::uint16_t* values, int seen_groups, const Float (&weights)[Blocks][2 * groups][4]) {
    const Integer lane = machine_.lane();
    const Integer offset = (lane / 8 % 2 * 8 + lane % 8) * shared_stride + lane / 16 * 8;
#pragma unroll
    for (int group = 0; group < groups; ++group) {
      if (Masked && group >= seen_groups) continue;
      Word left[Blocks][4];
#pragma unroll
      for (int block = 0; block < Blocks; ++block)
#pragma unroll
        for (int part = 0; part < 4; ++part) {
          const auto& pair = weights[block][2 * group + part / 2];
          left[block][part] = machine_.pack(pair[part % 2 * 2], pair[part % 2 * 2 + 1]);
        }
#pragma unroll
      for (int step = 0; step < Width / 16; ++step) {
        Word fragment[4];
        machine_.load_matrices_transposed(fragment, values, offset + (group * 16 * shared_stride + step * 16));
#pragma unroll
        for (int block = 0; block < Blocks; ++block) {
          machine_.multiply(sums_[block][2 * step], left[block], fragment[0], fragment[1]);
          machine_.multiply(sums_[block][2 * step + 1], left[block], fragment[2], fragment[3]);
        }
      }
    }
  }

  __host__ __device__ void store() {
    const std::int64_t first =
        (block_.query_begin + block_.first_query + first_row_) * problem_.y_stride + static_cast<std::int64_t>(head_) * problem_.value_size;
#pragma unroll
    for (int block = 0; block < Blocks; ++block)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        Float total = weights_[block][half];
        total = total + machine_.exchange(total, 1);
        total = total + machine_.exchange(total, 2);
        // No weight means that no key was seen: the sums are zeros and stay so.
        const Float factor = machine_.select(total == Float(0.0F), Float(0.0F), Float(1.0F) / total);
        const Integer row = row_of(block, half);
#pragma unroll
        for (int fragment = 0; fragment < Width / 8; ++fragment) {
          const Integer column = column_of(fragment);
          const Mask exists = machine_.both(row < Integer(rows_), column < Integer(problem_.value_size));
          const Long place = machine_.widen(row) * Long(problem_.y_stride) + machine_.widen(column) + Long(first);
          machine_.store_pair(problem_.y, problem_.y_element, place, sums_[block][fragment][2 * half] * factor,
                              sums_[block][fragment][2 * half + 1] * factor, exists);
        }
      }
  }

  static constexpr float logarithm_of_e = 1.4426950408889634F;  // to base 2

  Machine& machine_;
  const AttentionProblem& problem_;
  std::uint16_t* shared_;
  QueryBlock block_{};
  int head_ = 0;
  int first_row_ = 0;    // of the warp, in the block
  int rows_ = 0;         // of the warp; none or less when the block ends before it
  int first_place_ = 0;  // of the warp
  Word query_[Blocks][Width / 16][4];
  Float sums_[Blocks][Width / 8][4];
  Float largest_[Blocks][2];
  Float weights_[Blocks][2];
};

}  // namespace accelerate::cuda
