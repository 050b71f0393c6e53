// Attention in float32, for any element and any head size up to Width: a block takes 64 queries and walks over the keys in
// tiles of 32. The work is cut into phases between which the block's threads meet; a phase is a plain function of a thread's
// number, so the host's tests run it in a loop. A Memory reads and writes arrays of any float element.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "backends/cuda/kernels/attention_problem.cuh"

namespace accelerate::cuda {

template <class Memory, int Width>
class FloatAttention {
 public:
  static constexpr int threads = 128;
  static constexpr int block_queries = 64;
  static constexpr int tile_keys = 32;

  // Rows are 16 bytes longer than what they hold, so that rows next to each other begin in different banks.
  struct Shared {
    alignas(16) float query[block_queries][Width + 4];
    alignas(16) float key[tile_keys][Width + 4];
    alignas(16) float value[tile_keys][Width + 4];
    alignas(16) float weights[block_queries][tile_keys + 4];
    float largest[block_queries];
    float total[block_queries];
    float correction[block_queries];
  };

  /// What a thread keeps: sums of four rows, of four columns in each 32.
  struct Sums {
    float values[4][Width / 8];
  };

  __host__ __device__ FloatAttention(const AttentionProblem& problem, const QueryBlock& block, int head, Shared& shared)
      : problem_(problem), block_(block), head_(head), key_head_(head / (problem.heads / problem.key_heads)), shared_(shared) {}

  /// The tiles that the block walks over; all threads ask together, and `count` is as in sequence_of_block.
  template <class Count>
  __host__ __device__ int first_tile(Count count) const {
    return next_tile(block_.visibility.first_key(block_.first_place) / tile_keys * tile_keys, tile_keys, problem_, block_, count);
  }
  template <class Count>
  __host__ __device__ int tile_after(int tile, Count count) const {
    return next_tile(tile + tile_keys, tile_keys, problem_, block_, count);
  }
  __host__ __device__ int end_key() const { return block_.end_key(); }

  __host__ __device__ void begin(int thread, Sums& sums) {
    const std::int64_t first = (block_.query_begin + block_.first_query) * problem_.query_stride + head_ * std::int64_t{problem_.size};
    for (int item = thread; item < block_queries * Width; item += threads) {
      const int row = item / Width;
      const int column = item % Width;
      shared_.query[row][column] = row < block_.rows && column < problem_.size
                                       ? Memory::load(problem_.query, problem_.element, first + row * problem_.query_stride + column)
                                       : 0.0F;
    }
    if (thread < block_queries) {
      shared_.largest[thread] = -INFINITY;
      shared_.total[thread] = 0;
    }
#pragma unroll
    for (int row = 0; row < 4; ++row)
#pragma unroll
      for (int column = 0; column < Width / 8; ++column) sums.values[row][column] = 0;
  }

  __host__ __device__ void fetch(int thread, int first_key) {
    static_assert(page_rows % tile_keys == 0);
    const TileRows keys = tile_rows(block_, problem_.key, problem_.key_offset, first_key);
    const TileRows values = tile_rows(block_, problem_.value, problem_.value_offset, first_key);
    const std::int64_t key = keys.row * problem_.key_stride + key_head_ * std::int64_t{problem_.size};
    const std::int64_t value = values.row * problem_.value_stride + key_head_ * std::int64_t{problem_.value_size};
    for (int item = thread; item < tile_keys * Width; item += threads) {
      const int row = item / Width;
      const int column = item % Width;
      const bool exists = first_key + row < block_.visibility.key_count;
      shared_.key[row][column] =
          exists && column < problem_.size ? Memory::load(keys.data, problem_.element, key + row * problem_.key_stride + column) : 0.0F;
      shared_.value[row][column] = exists && column < problem_.value_size
                                       ? Memory::load(values.data, problem_.element, value + row * problem_.value_stride + column)
                                       : 0.0F;
    }
  }

  /// Scores of four queries and four keys a thread, minus infinity where the key is not seen.
  __host__ __device__ void score(int thread, int first_key) {
    float products[4][4] = {};
#pragma unroll 4
    for (int column = 0; column < Width; column += 4) {
      Quad query[4];
      Quad key[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) query[i] = quad_at(&shared_.query[thread / 8 + 16 * i][column]);
#pragma unroll
      for (int i = 0; i < 4; ++i) key[i] = quad_at(&shared_.key[thread % 8 + 8 * i][column]);
#pragma unroll
      for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          products[i][j] += query[i].a * key[j].a;
          products[i][j] += query[i].b * key[j].b;
          products[i][j] += query[i].c * key[j].c;
          products[i][j] += query[i].d * key[j].d;
        }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int row = thread / 8 + 16 * i;
        const int column = thread % 8 + 8 * j;
        const int key = first_key + column;
        const int distance = key - (block_.first_place + row);
        const bool is_seen = row < block_.rows && key < block_.visibility.key_count &&
                             ((distance <= problem_.ahead && distance >= -problem_.behind) || is_global(key));
        float result = products[i][j] * problem_.scale;
        if (problem_.softcap != 0) result = problem_.softcap * tanhf(result / problem_.softcap);
        if (problem_.slopes != nullptr) result += problem_.slopes[head_] * static_cast<float>(distance);
        if (is_seen && problem_.has_bias()) result += bias(row, key, distance);
        shared_.weights[row][column] = is_seen ? result : -INFINITY;
      }
  }

  /// Scores of one query become weights, for each of the first threads.
  __host__ __device__ void weigh(int thread) {
    if (thread >= block_queries) return;
    float scores[tile_keys];
    float largest = shared_.largest[thread];
#pragma unroll
    for (int key = 0; key < tile_keys; key += 4) {
      const Quad quad = quad_at(&shared_.weights[thread][key]);
      scores[key] = quad.a;
      scores[key + 1] = quad.b;
      scores[key + 2] = quad.c;
      scores[key + 3] = quad.d;
    }
#pragma unroll
    for (int key = 0; key < tile_keys; ++key) largest = fmaxf(largest, scores[key]);
    // Without any key so far, the largest is minus infinity, and its difference to itself would be no number.
    const float base = largest == -INFINITY ? 0.0F : largest;
    const float correction = expf(shared_.largest[thread] - base);
    float total = shared_.total[thread] * correction;
#pragma unroll
    for (int key = 0; key < tile_keys; ++key) {
      scores[key] = expf(scores[key] - base);
      total += scores[key];
    }
#pragma unroll
    for (int key = 0; key < tile_keys; key += 4)
      quad_at(&shared_.weights[thread][key]) = {scores[key], scores[key + 1], scores[key + 2], scores[key + 3]};
    shared_.largest[thread] = largest;
    shared_.total[thread] = total;
    shared_.correction[thread] = correction;
  }

  __host__ __device__ void add(int thread, Sums& sums) const {
    float (&values)[4][Width / 8] = sums.values;
#pragma unroll
    for (int row = 0; row < 4; ++row) {
      const float correction = shared_.correction[thread / 8 + 16 * row];
#pragma unroll
      for (int column = 0; column < Width / 8; ++column) values[row][column] *= correction;
    }
#pragma unroll 1
    for (int first = 0; first < tile_keys; first += 4) {
      Quad weights[4];
#pragma unroll
      for (int row = 0; row < 4; ++row) weights[row] = quad_at(&shared_.weights[thread / 8 + 16 * row][first]);
#pragma unroll
      for (int chunk = 0; chunk < Width / 32; ++chunk) {
        const int column = thread % 8 * 4 + chunk * 32;
        const Quad rows[4] = {quad_at(&shared_.value[first][column]), quad_at(&shared_.value[first + 1][column]),
                              quad_at(&shared_.value[first + 2][column]), quad_at(&shared_.value[first + 3][column])};
#pragma unroll
        for (int row = 0; row < 4; ++row) {
          float* target = &values[row][chunk * 4];
          add_product(target, weights[row].a, rows[0]);
          add_product(target, weights[row].b, rows[1]);
          add_product(target, weights[row].c, rows[2]);
          add_product(target, weights[row].d, rows[3]);
        }
      }
    }
  }

  __host__ __device__ void store(int thread, const Sums& sums) const {
    const std::int64_t first = (block_.query_begin + block_.first_query) * problem_.y_stride + head_ * std::int64_t{problem_.value_size};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int row = thread / 8 + 16 * i;
      if (row >= block_.rows) continue;
      // No weight means that no key was seen: the sums are zeros and stay so.
      const float total = shared_.total[row];
      const float factor = total == 0 ? 0.0F : 1.0F / total;
#pragma unroll
      for (int chunk = 0; chunk < Width / 32; ++chunk)
#pragma unroll
        for (int part = 0; part < 4; ++part) {
          const int column = thread % 8 * 4 + chunk * 32 + part;
          if (column < problem_.value_size)
            Memory::store(problem_.y, problem_.y_element, first + row * problem_.y_stride + column,
                          sums.values[i][chunk * 4 + part] * factor);
        }
    }
  }

 private:
  struct alignas(16) Quad {
    float a;
    float b;
    float c;
    float d;
  };

  static __host__ __device__ Quad& quad_at(float* place) { return *reinterpret_cast<Quad*>(place); }
  static __host__ __device__ const Quad& quad_at(const float* place) { return *reinterpret_cast<const Quad*>(place); }

  static __host__ __device__ void add_product(float* target, float weight, const Quad& quad) {
    target[0] += weight * quad.a;
    target[1] += weight * quad.b;
    target[2] += weight * quad.c;
    target[3] += weight * quad.d;
  }

  __host__ __device__ bool is_global(int key) const {
    return problem_.global_keys != nullptr && problem_.global_keys[block_.key_begin + key] != 0;
  }

  __host__ __device__ float bias(int row, int key, int distance) const {
    const int radius = problem_.distance_radius;
    const int near = distance < -radius ? -radius : (distance > radius ? radius : distance);
    const std::int64_t column = problem_.distance_columns[near + radius];
    const std::int64_t query_row = block_.query_begin + block_.first_query + row;
    const std::int64_t key_row = block_.key_begin + key;
    float sum = 0;
    if (problem_.head_bias != nullptr) sum += problem_.head_bias[head_ * problem_.bias_columns + column];
    if (problem_.query_bias != nullptr) sum += problem_.query_bias[(query_row * problem_.heads + head_) * problem_.bias_columns + column];
    if (problem_.key_bias != nullptr) sum += problem_.key_bias[(key_row * problem_.heads + head_) * problem_.bias_columns + column];
    return sum;
  }

  const AttentionProblem& problem_;
  const QueryBlock& block_;
  int head_;
  int key_head_;
  Shared& shared_;
};

}  // namespace accelerate::cuda
