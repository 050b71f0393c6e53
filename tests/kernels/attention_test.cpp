#include <algorithm>

#include "kernel_test.h"

namespace accelerate::cpu {
namespace {

struct AttentionCase {
  std::int64_t queries;
  std::int64_t keys;
  std::int64_t head_dim;
  std::int64_t first_query = 0;
  bool causal = false;
  std::int64_t window_left = -1;
  std::int64_t window_right = -1;
  bool bias = false;
  float softcap = 0;
  float slope = 0;
};

class AttentionTest : public KernelTest {
 protected:
  void check(const AttentionCase& test) {
    for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8}) check(test, precision);
  }

  void check(const AttentionCase& test, Precision precision) {
    SCOPED_TRACE(testing::Message() << name_of(precision) << ' ' << test.queries << 'x' << test.keys << 'x' << test.head_dim << " causal "
                                    << test.causal << " window " << test.window_left << ' ' << test.window_right << " bias " << test.bias
                                    << " softcap " << test.softcap << " slope " << test.slope);
    const Matrix q = Matrix::random(test.queries, test.head_dim, 41, 3);
    const Matrix k = Matrix::random(test.keys, test.head_dim, 42, 5);
    const Matrix v = Matrix::random(test.keys, test.head_dim, 43, 7);
    const Matrix bias = Matrix::random(test.queries, test.keys, 44, 2);
    Matrix output(test.queries, test.head_dim, 4);
    const Memory scratch(table().attention_scratch_bytes(precision, test.queries, test.keys, test.head_dim));
    const float scale = 1.0F / std::sqrt(static_cast<float>(test.head_dim));
    table().attention({.query = q.data(),
                       .key = k.data(),
                       .value = v.data(),
                       .output = output.data(),
                       .query_stride = q.stride,
                       .key_stride = k.stride,
                       .value_stride = v.stride,
                       .output_stride = output.stride,
                       .queries = test.queries,
                       .keys = test.keys,
                       .head_dim = test.head_dim,
                       .value_dim = test.head_dim,
                       .first_query = test.first_query,
                       .scale = scale,
                       .causal = test.causal,
                       .window_left = test.window_left,
                       .window_right = test.window_right,
                       .bias = test.bias ? bias.data() : nullptr,
                       .bias_stride = bias.stride,
                       .softcap = test.softcap,
                       .slope = test.slope,
                       .precision = precision,
                       .scratch = scratch.data()});

    for (std::int64_t query = 0; query < test.queries; ++query) {
      const std::int64_t place = test.first_query + query;
      std::vector<double> scores(static_cast<std::size_t>(test.keys), -std::numeric_limits<double>::infinity());
      double largest = -std::numeric_limits<double>::infinity();
      for (std::int64_t key = 0; key < test.keys; ++key) {
        if (test.causal && key > place) continue;
        if (test.window_left >= 0 && key < place - test.window_left) continue;
        if (test.window_right >= 0 && key > place + test.window_right) continue;
        double sum = 0.0;
        for (std::int64_t i = 0; i < test.head_dim; ++i) sum += static_cast<double>(q.at(query, i)) * k.at(key, i);
        double& score = scores[static_cast<std::size_t>(key)];
        score = sum * scale;
        if (test.softcap != 0) score = test.softcap * std::tanh(score / test.softcap);
        score += (test.bias ? bias.at(query, key) : 0.0F) + static_cast<double>(test.slope) * static_cast<double>(key - place);
        largest = std::max(largest, score);
      }
      double total = 0.0;
      std::vector<double> expected(static_cast<std::size_t>(test.head_dim));
      for (std::int64_t key = 0; key < test.keys; ++key) {
        if (largest == -std::numeric_limits<double>::infinity()) break;
        const double weight = std::exp(scores[static_cast<std::size_t>(key)] - largest);
        total += weight;
        for (std::int64_t i = 0; i < test.head_dim; ++i) expected[static_cast<std::size_t>(i)] += weight * v.at(key, i);
      }
      for (std::int64_t i = 0; i < test.head_dim; ++i) {
        const double value = total == 0.0 ? 0.0 : expected[static_cast<std::size_t>(i)] / total;
        // Slopes make scores of hundreds, whose exponentials carry their rounding.
        const double exact = test.slope == 0 ? 3e-6 : 1e-5;
        ASSERT_NEAR(output.at(query, i), value, precision == Precision::fp32 ? exact : 4e-2) << "query " << query << " dimension " << i;
      }
      for (std::int64_t i = test.head_dim; i < (query + 1 < test.queries ? output.stride : 0); ++i) {
        ASSERT_TRUE(std::isnan(output.at(query, i))) << "written past query " << query;
      }
    }
  }
};
INSTANTIATE_FOR_USABLE_LEVELS(AttentionTest);

TEST_P(AttentionTest, EveryLength) {
  for (std::int64_t length = 1; length <= 40; ++length) check({.queries = length, .keys = length, .head_dim = 12});
}

TEST_P(AttentionTest, HeadDimensions) {
  for (const std::int64_t head_dim : {1, 2, 3, 8, 12, 16, 24, 32, 33, 48, 64, 80, 96, 128, 160}) {
    check({.queries = 9, .keys = 21, .head_dim = head_dim});
  }
}

TEST_P(AttentionTest, ManyBlocksOfKeys) {
  for (const std::int64_t keys : {255, 256, 257, 300, 512, 700}) check({.queries = 17, .keys = keys, .head_dim = 32});
}

TEST_P(AttentionTest, Causal) {
  check({.queries = 40, .keys = 40, .head_dim = 16, .causal = true});
  check({.queries = 300, .keys = 300, .head_dim = 8, .causal = true, .bias = true});
  check({.queries = 1, .keys = 300, .head_dim = 8, .first_query = 299, .causal = true});
  check({.queries = 7, .keys = 600, .head_dim = 8, .first_query = 280, .causal = true});
}

TEST_P(AttentionTest, Windows) {
  for (const std::int64_t left : {-1, 0, 1, 5, 300}) {
    for (const std::int64_t right : {-1, 0, 3, 270}) {
      check({.queries = 37, .keys = 37, .head_dim = 8, .window_left = left, .window_right = right});
      check({.queries = 12, .keys = 600, .head_dim = 8, .first_query = 290, .window_left = left, .window_right = right, .bias = true});
    }
  }
  check({.queries = 50, .keys = 50, .head_dim = 8, .causal = true, .window_left = 4});
}

TEST_P(AttentionTest, CappedAndSlopedScores) {
  for (const float softcap : {0.0F, 0.7F, 30.0F}) {
    for (const float slope : {0.0F, 0.5F, -0.01F}) {
      check({.queries = 37, .keys = 37, .head_dim = 8, .causal = true, .softcap = softcap, .slope = slope});
      check({.queries = 12, .keys = 600, .head_dim = 8, .first_query = 290, .bias = true, .softcap = softcap, .slope = slope});
    }
  }
}

TEST_P(AttentionTest, QueriesThatSeeNoKeyGiveZeros) {
  check({.queries = 20, .keys = 10, .head_dim = 8, .window_left = 3});
  check({.queries = 3, .keys = 10, .head_dim = 8, .first_query = 500, .window_left = 3});
  check({.queries = 3, .keys = 10, .head_dim = 8, .first_query = -20, .causal = true});
  check({.queries = 5, .keys = 0, .head_dim = 8});
}

TEST_P(AttentionTest, ABiasOfMinusInfinityMasks) {
  const float infinity = std::numeric_limits<float>::infinity();
  constexpr std::int64_t keys = 270;
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    const Matrix q = Matrix::random(2, 8, 51);
    const Matrix k = Matrix::random(keys, 8, 52);
    const Matrix v = Matrix::random(keys, 8, 53);
    Matrix bias(2, keys);
    // The first query may look at key 260 alone, which the second block holds, and the second at nothing.
    std::ranges::fill(bias.values, -infinity);
    bias.at(0, 260) = 0.0F;
    Matrix output(2, 8);
    const Memory scratch(table().attention_scratch_bytes(precision, 2, keys, 8));
    table().attention({.query = q.data(),
                       .key = k.data(),
                       .value = v.data(),
                       .output = output.data(),
                       .query_stride = 8,
                       .key_stride = 8,
                       .value_stride = 8,
                       .output_stride = 8,
                       .queries = 2,
                       .keys = keys,
                       .head_dim = 8,
                       .value_dim = 8,
                       .first_query = 0,
                       .scale = 1.0F,
                       .bias = bias.data(),
                       .bias_stride = keys,
                       .precision = precision,
                       .scratch = scratch.data()});
    for (std::int64_t i = 0; i < 8; ++i) {
      EXPECT_NEAR(output.at(0, i), v.at(260, i), precision == Precision::fp32 ? 0.0 : 2e-2);
      EXPECT_EQ(output.at(1, i), 0.0F);
    }
  }
}

TEST_P(AttentionTest, LargeScoresDoNotOverflow) {
  Matrix q = Matrix::random(3, 8, 61, 0, 100.0F);
  Matrix k = Matrix::random(300, 8, 62, 0, 100.0F);
  const Matrix v = Matrix::random(300, 8, 63);
  Matrix output(3, 8);
  const Memory scratch(table().attention_scratch_bytes(Precision::fp32, 3, 300, 8));
  table().attention({.query = q.data(),
                     .key = k.data(),
                     .value = v.data(),
                     .output = output.data(),
                     .query_stride = 8,
                     .key_stride = 8,
                     .value_stride = 8,
                     .output_stride = 8,
                     .queries = 3,
                     .keys = 300,
                     .head_dim = 8,
                     .value_dim = 8,
                     .first_query = 0,
                     .scale = 1.0F,
                     .scratch = scratch.data()});
  for (const float value : output.values) EXPECT_TRUE(std::isfinite(value));
}

TEST_P(AttentionTest, ANanShows) {
  Matrix q = Matrix::random(2, 8, 71);
  q.at(1, 2) = std::numeric_limits<float>::quiet_NaN();
  const Matrix k = Matrix::random(20, 8, 72);
  Matrix output(2, 8);
  const Memory scratch(table().attention_scratch_bytes(Precision::fp32, 2, 20, 8));
  table().attention({.query = q.data(),
                     .key = k.data(),
                     .value = k.data(),
                     .output = output.data(),
                     .query_stride = 8,
                     .key_stride = 8,
                     .value_stride = 8,
                     .output_stride = 8,
                     .queries = 2,
                     .keys = 20,
                     .head_dim = 8,
                     .value_dim = 8,
                     .first_query = 0,
                     .scale = 1.0F,
                     .scratch = scratch.data()});
  for (std::int64_t i = 0; i < 8; ++i) {
    EXPECT_TRUE(std::isfinite(output.at(0, i)));
    EXPECT_TRUE(std::isnan(output.at(1, i)));
  }
}

}  // namespace
}  // namespace accelerate::cpu
