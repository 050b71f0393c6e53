#include "endpoints/result_store.h"

#include <gtest/gtest.h>

namespace accelerate {
namespace {

using namespace std::chrono_literals;

TEST(ResultStore, GivesEachResultOnce) {
  ResultStore store;
  store.put("a", "1");
  store.put("b", "2");
  store.put("a", "3");
  EXPECT_EQ(store.size(), 2U);
  EXPECT_EQ(store.take("a"), "3");
  EXPECT_EQ(store.take("a"), std::nullopt);
  EXPECT_EQ(store.take("b"), "2");
  EXPECT_EQ(store.size(), 0U);
  EXPECT_EQ(store.bytes(), 0U);
}

TEST(ResultStore, KeepsNoMoreThanItsBounds) {
  ResultStore store({.most_bytes = 10, .keep = 5s});
  const ResultStore::Clock::time_point start{};
  store.put("a", "1234", start);
  store.put("b", "1234", start + 1s);
  EXPECT_EQ(store.bytes(), 10U);
  store.put("c", "1", start + 2s);  // a goes
  EXPECT_EQ(store.take("a", start + 2s), std::nullopt);
  store.put("large", "1234567890", start + 2s);
  EXPECT_EQ(store.take("large", start + 2s), std::nullopt);
  EXPECT_EQ(store.take("c", start + 7s), "1");
  EXPECT_EQ(store.take("b", start + 7s), std::nullopt);  // too late
  EXPECT_EQ(store.bytes(), 0U);
}

}  // namespace
}  // namespace accelerate
