// Which of the waiting texts are computed next.
#include "endpoints/fair_queue.h"

#include <gtest/gtest.h>

namespace accelerate {
namespace {

struct Asked {
  std::string client;
  Priority priority;
  std::vector<std::int64_t> lengths;
};

/// "client:begin-end" of each part.
std::string text_of(const std::vector<QueuedPart>& parts) {
  std::string text;
  for (const QueuedPart& part : parts)
    text += (text.empty() ? "" : " ") + part.call->client + ":" + std::to_string(part.begin) + "-" + std::to_string(part.end);
  return text;
}

std::shared_ptr<QueuedCall> call_of(const Asked& asked) {
  auto call = std::make_shared<QueuedCall>();
  call->client = asked.client;
  call->priority = asked.priority;
  call->lengths = asked.lengths;
  return call;
}

TEST(FairQueue, TakesInTurnsByTokensAndPriority) {
  constexpr Priority high = Priority::high;
  constexpr Priority normal = Priority::normal;
  constexpr Priority low = Priority::low;
  const struct Case {
    const char* what;
    std::vector<Asked> asked;
    FairQueue::Limits limits;
    std::vector<std::string> batches;
  } cases[] = {
      {"one call in one batch", {{"a", normal, {30, 20, 10}}}, {}, {"a:0-3", ""}},
      {"a call that is cut by tokens", {{"a", normal, {30, 20, 10}}}, {.tokens = 50}, {"a:0-2", "a:2-3", ""}},
      {"a call that is cut by texts", {{"a", normal, {3, 2, 1}}}, {.sequences = 2}, {"a:0-2", "a:2-3", ""}},
      {"a text longer than a batch comes alone", {{"a", normal, {90}}, {"b", normal, {5}}}, {.tokens = 50}, {"a:0-1", "b:0-1", ""}},
      {"first come, first served within a client", {{"a", normal, {3}}, {"a", normal, {2}}}, {.tokens = 3}, {"a:0-1", "a:0-1", ""}},
      {"priorities", {{"a", low, {3}}, {"b", normal, {2}}, {"c", high, {1}}}, {}, {"c:0-1 b:0-1 a:0-1", ""}},
      {"priorities, one at a time", {{"a", low, {3}}, {"b", normal, {2}}, {"c", high, {1}}}, {.sequences = 1}, {"c:0-1", "b:0-1", "a:0-1"}},
      {"a client with much does not keep out one with little",
       {{"a", normal, std::vector<std::int64_t>(10, 256)}, {"b", normal, {10}}},
       {.tokens = 1024},
       {"a:0-3 b:0-1", "a:3-7", "a:7-10", ""}},
      {"turns go on from batch to batch",
       {{"a", normal, std::vector<std::int64_t>(6, 256)}, {"b", normal, std::vector<std::int64_t>(6, 256)}},
       {.tokens = 512},
       {"a:0-2", "b:0-2", "a:2-4", "b:2-4", "a:4-6", "b:4-6", ""}},
      {"credit is saved for a text that is longer than a turn",
       {{"a", normal, {1000, 1000}}, {"b", normal, std::vector<std::int64_t>(8, 256)}},
       {.tokens = 1024},
       {"b:0-2", "a:0-1", "b:2-6", "a:1-2", "b:6-8", ""}},
  };
  for (const Case& each : cases) {
    FairQueue queue;
    std::int64_t tokens = 0;
    for (const Asked& asked : each.asked) {
      queue.push(call_of(asked));
      for (const std::int64_t length : asked.lengths) tokens += length;
    }
    EXPECT_EQ(queue.tokens(), tokens) << each.what;
    EXPECT_EQ(queue.calls(), each.asked.size()) << each.what;
    for (const std::string& batch : each.batches) EXPECT_EQ(text_of(queue.take(each.limits)), batch) << each.what;
    EXPECT_TRUE(queue.empty()) << each.what;
    EXPECT_EQ(queue.tokens(), 0) << each.what;
  }
}

TEST(FairQueue, ClientsThatWaitGetEquallyManyTokens) {
  FairQueue queue;
  // One asks for long texts, one for short ones, one for very many.
  queue.push(call_of({"long", Priority::normal, std::vector<std::int64_t>(100, 500)}));
  queue.push(call_of({"short", Priority::normal, std::vector<std::int64_t>(5000, 10)}));
  for (int i = 0; i < 500; ++i) queue.push(call_of({"many", Priority::normal, {100}}));
  std::map<std::string, std::int64_t> tokens;
  for (int batch = 0; batch < 20; ++batch)
    for (const QueuedPart& part : queue.take({}))
      for (std::size_t i = part.begin; i < part.end; ++i) tokens[part.call->client] += part.call->lengths[i];
  for (const auto& [client, own] : tokens) EXPECT_NEAR(static_cast<double>(own), 20 * 4096 / 3.0, 2000) << client;
}

TEST(FairQueue, DropsWhatIsOverWhereverItStands) {
  FairQueue queue;
  for (const char* client : {"a", "b", "a", "c"}) queue.push(call_of({client, Priority::normal, {5, 4}}));
  queue.take({.tokens = 5});  // one text of a's first call
  const auto dropped = queue.drop([](const QueuedCall& call) { return call.client != "b"; });
  EXPECT_EQ(dropped.size(), 3U);
  EXPECT_EQ(queue.calls(), 1U);
  EXPECT_EQ(queue.tokens(), 9);
  EXPECT_EQ(text_of(queue.take({})), "b:0-2");
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace accelerate
