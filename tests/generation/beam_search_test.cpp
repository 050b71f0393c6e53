#include "generation/beam_search.h"

#include <gtest/gtest.h>

#include <cmath>

#include "generation/fixtures.h"
#include "generation/log_probabilities.h"
#include "generation/logits.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

constexpr std::int64_t vocabulary = 40;

using Table = std::vector<std::vector<float>>;
using Tokens = std::vector<std::int64_t>;

/// Runs a search over the model of the fixtures: a row of a table, chosen by the last token and the number of tokens.
std::vector<Hypothesis> searched(const GenerationSettings& settings, const Table& table, const Tokens& prompt, BeamSearch& search) {
  while (!search.done()) {
    std::vector<float> rows;
    for (std::int64_t beam = 0; beam < search.beams(); ++beam) {
      Tokens tokens = prompt;
      tokens.insert(tokens.end(), search.tokens(beam).begin(), search.tokens(beam).end());
      std::vector<float> row = table[static_cast<std::size_t>((tokens.back() * 3 + std::ssize(tokens)) % vocabulary)];
      to_log_probabilities(row);
      process_logits(settings, {.tokens = tokens}, row);
      rows.insert(rows.end(), row.begin(), row.end());
    }
    std::vector<Tokens> before;
    for (std::int64_t beam = 0; beam < search.beams(); ++beam) before.emplace_back(search.tokens(beam).begin(), search.tokens(beam).end());
    before.resize(static_cast<std::size_t>(settings.num_beams), before.front());
    search.advance(rows);
    for (std::int64_t beam = 0; beam < search.beams(); ++beam) {
      const auto parent = static_cast<std::size_t>(search.parents()[static_cast<std::size_t>(beam)]);
      EXPECT_TRUE(std::ranges::equal(search.tokens(beam).first(before[parent].size()), before[parent]));
    }
  }
  return search.hypotheses();
}

std::vector<Table> tables_of(const Json& fixture) {
  std::vector<Table> tables;
  for (const Json& rows : fixture["tables"]) {
    tables.emplace_back();
    for (const Json& row : rows) tables.back().push_back(floats_of(row));
  }
  return tables;
}

TEST(BeamSearch, FindsWhatTransformersFinds) {
  const Json fixture = generation_fixture("beams.json");
  const std::vector<Table> tables = tables_of(fixture);
  for (const Json& one : fixture["cases"]) {
    SCOPED_TRACE(one.dump());
    const Tokens prompt = one["prompt"].get<Tokens>();
    const GenerationSettings settings =
        resolve(options_of(one["options"]), {.prompt_tokens = std::ssize(prompt), .vocabulary = vocabulary});
    BeamSearch search(settings, vocabulary, RandomStream(0, 0));
    const std::vector<Hypothesis> found = searched(settings, tables[one["table"].get<std::size_t>()], prompt, search);
    ASSERT_EQ(found.size(), one["texts"].size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto score = one["texts"][i]["score"].get<float>();
      // A score of -1e9 stands for a hypothesis that there is not; its tokens follow from how ties happen to fall.
      if (score > -1e8F) {
        EXPECT_EQ(found[i].tokens, one["texts"][i]["tokens"].get<Tokens>()) << "text " << i;
      }
      EXPECT_NEAR(found[i].score, score, 1e-5F * std::max(1.0F, std::abs(score))) << "text " << i;
    }
  }
}

class SampledBeams : public testing::Test {
 protected:
  static std::vector<Hypothesis> run(std::uint64_t seed, std::uint64_t request) {
    static const std::vector<Table> tables = tables_of(generation_fixture("beams.json"));
    const GenerationSettings settings =
        resolve({.max_new_tokens = 6, .do_sample = true, .top_k = 0, .num_beams = 3, .num_return_sequences = 3},
                {.prompt_tokens = 1, .vocabulary = vocabulary});
    BeamSearch search(settings, vocabulary, RandomStream(seed, request));
    return searched(settings, tables[2], {7}, search);
  }
};

TEST_F(SampledBeams, AreTheSameForASeed) {
  const auto texts_of = [](const std::vector<Hypothesis>& found) {
    std::vector<Tokens> texts;
    for (const Hypothesis& hypothesis : found) texts.push_back(hypothesis.tokens);
    return texts;
  };
  EXPECT_EQ(texts_of(run(1, 0)), texts_of(run(1, 0)));
  EXPECT_NE(texts_of(run(1, 0)), texts_of(run(1, 1)));
  EXPECT_NE(texts_of(run(1, 0)), texts_of(run(2, 0)));
}

// Of two beams without a second step, the first token of the better text is one of a sample without replacement.
TEST_F(SampledBeams, DrawWithoutReplacementByProbability) {
  const std::vector<float> logits{std::log(0.5F), std::log(0.3F), std::log(0.1F), std::log(0.05F), std::log(0.05F)};
  const GenerationSettings settings =
      resolve({.max_new_tokens = 2, .do_sample = true, .top_k = 0, .num_beams = 2}, {.prompt_tokens = 1, .vocabulary = 5});
  std::vector<int> counts(5);
  for (std::uint64_t request = 0; request < 20'000; ++request) {
    BeamSearch search(settings, 5, RandomStream(3, request));
    std::vector<float> row = logits;
    to_log_probabilities(row);
    search.advance(row);
    for (std::int64_t beam = 0; beam < 2; ++beam) ++counts[static_cast<std::size_t>(search.tokens(beam).front())];
    EXPECT_NE(search.tokens(0).front(), search.tokens(1).front());
  }
  // Four of five are drawn without replacement and the two most probable of them go on: token 4 goes on only when it is
  // among the two most probable left, which needs three of the others to be left out, and just one is.
  EXPECT_EQ(counts[3] + counts[4], 0);
  // Token 0 is missing in 1 of n samples of four: by the formula for samples without replacement.
  const std::vector<double> p{0.5, 0.3, 0.1, 0.05, 0.05};
  double missing = 0;
  for (int a = 1; a < 5; ++a)
    for (int b = 1; b < 5; ++b)
      for (int c = 1; c < 5; ++c)
        for (int d = 1; d < 5; ++d) {
          if (a == b || a == c || a == d || b == c || b == d || c == d) continue;
          missing += p[a] * p[b] / (1 - p[a]) * p[c] / (1 - p[a] - p[b]) * p[d] / (1 - p[a] - p[b] - p[c]);
        }
  EXPECT_NEAR(counts[0] / 20'000.0, 1 - missing, 0.005);
}

TEST(BeamSearch, EndsWhereTheCallerSays) {
  const GenerationSettings settings = resolve({.max_new_tokens = 9, .num_beams = 2}, {.prompt_tokens = 1, .vocabulary = 8});
  BeamSearch search(settings, 8, RandomStream(0, 0), [](std::span<const std::int64_t> tokens) { return tokens.size() == 3; });
  int steps = 0;
  while (!search.done()) {
    std::vector<float> rows;
    for (std::int64_t i = 0; i < search.beams() * 8; ++i) rows.push_back(-0.1F * static_cast<float>(i % 8 + i / 8));
    search.advance(rows);
    ++steps;
  }
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(search.hypotheses().front().tokens.size(), 3U);
}

TEST(BeamSearch, RefusesWhatCannotBe) {
  const GenerationSettings settings = resolve({.max_new_tokens = 2, .num_beams = 4}, {.prompt_tokens = 1, .vocabulary = 5});
  expect_error(ErrorKind::invalid_argument, "num_beams is 4, which needs 8 tokens", [&] { BeamSearch(settings, 5, RandomStream(0, 0)); });
  BeamSearch search(settings, 8, RandomStream(0, 0));
  expect_error(ErrorKind::internal, "expected 8", [&] { search.advance(std::vector<float>(7)); });
}

}  // namespace
}  // namespace accelerate
