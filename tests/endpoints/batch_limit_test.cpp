// The largest batch that is worth running.
#include "endpoints/batch_limit.h"

#include <gtest/gtest.h>

#include "endpoint_testing.h"
#include "support/expect_error.h"
#include "support/faulty_backend.h"

namespace accelerate {
namespace {

TEST(BatchLimit, StopsWhereMemoryEnds) {
  const CreatedModelFolder folder(Task::embed);
  FaultyBackends backends({{"cpu", {.most_tokens = 100}}});
  const Session session(
      open_model_folder(folder.path()),
      {.backend = "cpu", .precision = "fp32", .threads = 1, .make_backend = [&](std::string_view name) { return backends.make(name); }});
  // Any gain is enough, so that speed does not end it on a busy machine.
  const BatchLimit limit = measure_batch_limit(session, {.tokens_per_text = 10, .least_gain = 0});
  EXPECT_EQ(limit.stopped_by, "memory");
  EXPECT_EQ(limit.texts, 8);  // 80 tokens; 160 run in pieces
  EXPECT_EQ(limit.tokens_per_text, 10);
  EXPECT_GT(limit.tokens_per_second, 0);
}

TEST(BatchLimit, StopsAtTheMostAndWithoutGain) {
  const CreatedModelFolder folder(Task::embed);
  const Session session(open_model_folder(folder.path()), {.backend = "cpu", .precision = "fp32", .threads = 1});
  const BatchLimit most = measure_batch_limit(session, {.tokens_per_text = 1000, .most_texts = 4, .least_gain = 0});
  EXPECT_EQ(most.stopped_by, "most");
  EXPECT_EQ(most.texts, 4);
  EXPECT_EQ(most.tokens_per_text, 40);  // what the model can read
  const BatchLimit speed = measure_batch_limit(session, {.least_gain = 1e9});
  EXPECT_EQ(speed.stopped_by, "speed");
  EXPECT_EQ(speed.texts, 1);
  EXPECT_EQ(speed.tokens_per_text, 39);
}

TEST(BatchLimit, IsKeptAndBoundsTheEndpointsBatches) {
  const CreatedModelFolder folder(Task::embed);
  Endpoints endpoints;
  const Endpoint endpoint = endpoints.add("e", {.folder = folder.path(), .load = exactly()});
  EXPECT_FALSE(endpoint.status().batch_limit);
  const BatchLimit limit = endpoint.measure_batch_limit(10);
  EXPECT_GE(limit.texts, 1);
  EXPECT_LE(limit.texts, 4096);
  ASSERT_TRUE(endpoint.status().batch_limit);
  EXPECT_EQ(endpoint.status().batch_limit->texts, limit.texts);
  EXPECT_EQ(endpoint.invoke(EmbedRequest{.texts = {"a", "b"}}).vectors.dim(0), 2);
  const Endpoint generator = endpoints.add("g", {.folder = decoder_folder(), .load = exactly()});
  expect_error(ErrorKind::unsupported, "share each step", [&] { (void)generator.measure_batch_limit(); });
}

}  // namespace
}  // namespace accelerate
