#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/reference/definitions.h"
#include "backends/reference/functions.h"
#include "backends/reference/indexing.h"
#include "backends/reference/operand.h"
#include "backends/reference/sequences.h"
#include "base/half.h"

namespace accelerate::reference {
namespace {

/// Whether the query at `place` among the keys sees key `key`, which may be a global one.
bool sees(const AttentionOptions& options, std::int64_t place, std::int64_t key, bool global) {
  if (global) return true;
  if (options.causal && key > place) return false;
  if (options.window_left >= 0 && place - key > options.window_left) return false;
  if (options.window_right >= 0 && key - place > options.window_right) return false;
  return true;
}

/// Input [tokens, heads, size], read a head at a time.
class Heads {
 public:
  Heads(const Arguments& arguments, std::size_t index) : tensor_(arguments.input(index)) {}
  std::int64_t tokens() const { return tensor_.dim(0); }
  std::int64_t count() const { return tensor_.dim(1); }
  std::int64_t size() const { return tensor_.dim(2); }
  std::span<const float> at(std::int64_t token, std::int64_t head) const {
    return row_of(tensor_.values<float>(), token * count() + head, size());
  }

 private:
  const Tensor& tensor_;
};

double capped(double score, double softcap) { return softcap == 0 ? score : softcap * std::tanh(score / softcap); }

/// What is added to the scores by the distance between query and key; nothing where there is no bias.
class Bias {
 public:
  explicit Bias(const Arguments& arguments) : arguments_(arguments) {
    if (arguments.has(10)) slopes_ = arguments.floats(10);
    if (!arguments.has(8)) return;
    columns_ = arguments.whole_numbers(8);
    reach_ = static_cast<std::int64_t>(columns_.size()) / 2;
    for (std::size_t i : {5U, 6U, 7U})
      if (arguments.has(i)) check_columns(arguments.input(i).dim(-1));
  }

  double at(std::int64_t query, std::int64_t key, std::int64_t head, std::int64_t distance) const {
    double sum = 0;
    if (!slopes_.empty()) sum += static_cast<double>(slopes_[static_cast<std::size_t>(head)]) * static_cast<double>(distance);
    if (columns_.empty()) return sum;
    const std::int64_t column = columns_[static_cast<std::size_t>(std::clamp(distance, -reach_, reach_) + reach_)];
    if (arguments_.has(5)) sum += row_of(arguments_.floats(5), head, arguments_.input(5).dim(1))[static_cast<std::size_t>(column)];
    if (arguments_.has(6)) sum += of_token(6, query, head)[static_cast<std::size_t>(column)];
    if (arguments_.has(7)) sum += of_token(7, key, head)[static_cast<std::size_t>(column)];
    return sum;
  }

 private:
  std::span<const float> of_token(std::size_t input, std::int64_t token, std::int64_t head) const {
    const Tensor& table = arguments_.input(input);
    return row_of(table.values<float>(), token * table.dim(1) + head, table.dim(2));
  }

  void check_columns(std::int64_t count) const {
    for (std::int64_t column : columns_)
      if (column < 0 || column >= count) arguments_.fail(fmt::format("column {} of a bias that has {}", column, count));
  }

  const Arguments& arguments_;
  std::span<const float> slopes_;
  std::span<const std::int64_t> columns_;
  std::int64_t reach_ = 0;
};

/// softmax(scores) · value for one query of one head; `scores` are those of the keys from `first_key`, minus infinity where
/// the query does not see one.
void weigh(std::span<const double> scores, const Heads& value, std::int64_t first_key, std::int64_t head, Precision precision,
           std::span<float> output) {
  double largest = -std::numeric_limits<double>::infinity();
  for (double score : scores) largest = larger(largest, score);
  if (largest == -std::numeric_limits<double>::infinity()) return;  // no key is seen: the zeros stay
  double weights = 0;
  std::vector<double> sums(output.size(), 0);
  for (std::size_t key = 0; key < scores.size(); ++key) {
    const double weight = std::exp(scores[key] - largest);
    if (weight == 0) continue;
    weights += weight;
    const double factor = precision == Precision::fp32 ? weight : round_to_bfloat16(static_cast<float>(weight));
    const Operand row = as_operand(value.at(first_key + static_cast<std::int64_t>(key), head), precision);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += factor * row.steps[i];
  }
  for (std::size_t i = 0; i < sums.size(); ++i) output[i] = static_cast<float>(sums[i] / weights);
}

}  // namespace

// Queries are the last tokens of their sequence's keys: with 2 queries and 5 keys the first query is at place 3.
Tensors attention(const Arguments& arguments) {
  const auto& options = arguments.options<AttentionOptions>();
  const bool in_steps = options.precision == Precision::int8 || options.precision == Precision::int4;
  const Precision precision = in_steps ? Precision::bf16 : options.precision;
  const Heads query(arguments, 0);
  const Heads key(arguments, 1);
  const Heads value(arguments, 2);
  const auto query_bounds = sequence_bounds(arguments, 3, query.tokens());
  const auto key_bounds = sequence_bounds(arguments, 4, key.tokens());
  if (query_bounds.size() != key_bounds.size())
    arguments.fail(fmt::format("{} sequences of queries and {} of keys", query_bounds.size() - 1, key_bounds.size() - 1));
  const Bias bias(arguments);
  const auto global = arguments.has(9) ? arguments.input(9).values<bool>() : std::span<const bool>{};
  const std::int64_t queries_per_key = query.count() / key.count();

  Tensor output = arguments.new_output();
  for (std::size_t sequence = 0; sequence + 1 < query_bounds.size(); ++sequence) {
    const std::int64_t first_key = key_bounds[sequence];
    std::vector<double> scores(static_cast<std::size_t>(key_bounds[sequence + 1] - first_key));
    for (std::int64_t token = query_bounds[sequence]; token < query_bounds[sequence + 1]; ++token) {
      const std::int64_t place = static_cast<std::int64_t>(scores.size()) - (query_bounds[sequence + 1] - token);
      for (std::int64_t head = 0; head < query.count(); ++head) {
        const std::int64_t key_head = head / queries_per_key;
        const Operand row = as_operand(query.at(token, head), precision);
        for (std::int64_t i = 0; i < static_cast<std::int64_t>(scores.size()); ++i)
          scores[static_cast<std::size_t>(i)] =
              sees(options, place, i, !global.empty() && global[static_cast<std::size_t>(first_key + i)])
                  ? capped(options.scale * dot(row, as_operand(key.at(first_key + i, key_head), precision)), options.softcap) +
                        bias.at(token, first_key + i, head, i - place)
                  : -std::numeric_limits<double>::infinity();
        weigh(scores, value, first_key, key_head, precision,
              row_of(output.mutable_values<float>(), token * query.count() + head, value.size()));
      }
    }
  }
  return {output};
}

}  // namespace accelerate::reference
