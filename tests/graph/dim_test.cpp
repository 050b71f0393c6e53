#include "graph/dim.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace accelerate {
namespace {

const Dim tokens = Dim::named("tokens");
const Dim sequences = Dim::named("sequences");

TEST(Dim, NumbersAreComputedAtOnce) {
  EXPECT_EQ((Dim(7) + Dim(5)).value(), 12);
  EXPECT_EQ((Dim(7) - Dim(5)).value(), 2);
  EXPECT_EQ((Dim(7) * Dim(5)).value(), 35);
  EXPECT_EQ((Dim(7) / Dim(5)).value(), 1);
  EXPECT_TRUE((Dim(7) * Dim(5)).is_static());
}

TEST(Dim, NeutralNumbersLeaveNoTrace) {
  for (const Dim& same : {tokens + Dim(0), Dim(0) + tokens, tokens - Dim(0), tokens * Dim(1), Dim(1) * tokens, tokens / Dim(1)}) {
    EXPECT_EQ(same, tokens);
    EXPECT_EQ(same.text(), "tokens");
  }
}

TEST(Dim, ExpressionsEvaluateAndPrint) {
  struct Row {
    Dim dim;
    std::int64_t value;
    std::string_view text;
  };
  for (const Row& row : {Row{384, 384, "384"}, Row{tokens, 10, "tokens"}, Row{sequences + Dim(1), 4, "(sequences + 1)"},
                         Row{tokens * sequences, 30, "(tokens * sequences)"}, Row{(tokens + Dim(1)) / Dim(2), 5, "((tokens + 1) / 2)"},
                         Row{Dim(20) - tokens, 10, "(20 - tokens)"}}) {
    EXPECT_EQ(row.dim.evaluate({{"tokens", 10}, {"sequences", 3}}), row.value) << row.text;
    EXPECT_EQ(row.dim.text(), row.text);
  }
}

TEST(Dim, ShiftsAddUp) {
  EXPECT_EQ(tokens + Dim(1) - Dim(1), tokens);
  EXPECT_EQ((tokens + Dim(3) - Dim(1)).text(), "(tokens + 2)");
  EXPECT_EQ((tokens + Dim(1) - Dim(3)).text(), "(tokens - 2)");
  EXPECT_EQ((tokens - Dim(2) - Dim(3)).text(), "(tokens - 5)");
  EXPECT_EQ((tokens - Dim(2) + Dim(3)).evaluate({{"tokens", 10}}), 11);
}

TEST(Dim, EqualityIsOfForm) {
  EXPECT_EQ(tokens, Dim::named("tokens"));
  EXPECT_EQ(tokens + Dim(1), Dim::named("tokens") + Dim(1));
  EXPECT_FALSE(tokens == sequences);
  EXPECT_FALSE(tokens == Dim(1));
  EXPECT_FALSE(tokens + Dim(1) == tokens + Dim(2));
}

TEST(Dim, RefusesWhatHasNoValue) {
  expect_error(ErrorKind::internal, "size 'tokens' has no value before the graph runs", [] { tokens.value(); });
  expect_error(ErrorKind::internal, "size 'tokens' is not known in this call", [] { tokens.evaluate({{"sequences", 1}}); });
  expect_error(ErrorKind::internal, "divided by zero", [] { Dim(1) / Dim(0); });
  expect_error(ErrorKind::internal, "divided by zero", [] { (Dim(1) / tokens).evaluate({{"tokens", 0}}); });
}

TEST(Dim, IsANameAndANumberOrNot) {
  struct Row {
    Dim dim;
    std::string name;
    std::int64_t offset;
  };
  for (const Row& row : {Row{tokens, "tokens", 0}, Row{tokens + Dim(1), "tokens", 1}, Row{tokens - Dim(2), "tokens", -2},
                         Row{tokens + Dim(1) + Dim(1), "tokens", 2}}) {
    ASSERT_TRUE(row.dim.as_named().has_value()) << row.dim.text();
    EXPECT_EQ(row.dim.as_named()->name, row.name);
    EXPECT_EQ(row.dim.as_named()->offset, row.offset);
  }
  for (const Dim& dim : {Dim(3), tokens * Dim(2), tokens + sequences, Dim(1) - tokens})
    EXPECT_FALSE(dim.as_named().has_value()) << dim.text();
}

TEST(Shape, CountsElementsWhateverTheOrder) {
  EXPECT_EQ(element_count({tokens, 12, 32}), element_count({384, tokens}));
  EXPECT_EQ(element_count({}), Dim(1));
  EXPECT_EQ(text_of(Shape{tokens, 384}), "[tokens, 384]");
  EXPECT_EQ(evaluate(Shape{tokens + Dim(1), 2}, {{"tokens", 4}}), (std::vector<std::int64_t>{5, 2}));
}

}  // namespace
}  // namespace accelerate
