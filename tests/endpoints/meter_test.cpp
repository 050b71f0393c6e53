// Bounds, rates and counts of an endpoint.
#include "endpoints/meter.h"

#include <gtest/gtest.h>

#include "ipfs_accelerate/endpoints.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

using namespace std::chrono_literals;

TEST(TokenRate, CountsOnlyTimeInWhichThereWasWork) {
  TokenRate rate;
  EXPECT_EQ(rate.tokens_per_second(), 0);
  const TokenRate::Clock::time_point start{};
  rate.add(1000, start, start + 1s);
  rate.add(1000, start + 100s, start + 101s);
  EXPECT_DOUBLE_EQ(rate.tokens_per_second(), 1000);
  rate.add(500, start + 100s, start + 102s);  // half of it beside the one before
  EXPECT_DOUBLE_EQ(rate.tokens_per_second(), 2500.0 / 3);
  for (int i = 0; i < 20; ++i) rate.add(100, start + 200s + i * 1s, start + 201s + i * 1s);
  EXPECT_DOUBLE_EQ(rate.tokens_per_second(), 100);  // what is longer ago is forgotten
}

TEST(Meter, RefusesWhatHasNoRoomAndSaysWhenThereIs) {
  Meter meter;
  const Meter::Room room{.most_requests = 3, .most_tokens = 1000};
  meter.admit(room, "e");
  meter.admit_tokens(5000, room, "e");  // alone, a request may be larger than the bound
  expect_error(ErrorKind::overloaded, "5000 tokens wait already", [&] { meter.admit(room, "e"); });
  meter.start(5000, true);
  meter.stop_running();

  for (const std::int64_t tokens : {600, 300}) {
    meter.admit(room, "e");
    meter.admit_tokens(tokens, room, "e");
  }
  meter.admit(room, "e");
  expect_error(ErrorKind::overloaded, "a request of 101 tokens has no room behind the 900 that wait, of 1000 at most",
               [&] { meter.admit_tokens(101, room, "e"); });
  expect_error(ErrorKind::overloaded, "3 requests wait already", [&] { meter.admit(room, "e"); });

  const Meter::Clock::time_point start{};
  meter.count_batch({.tokens = 300, .texts = 1, .own_tokens = 300, .own_texts = 1, .begin = start, .end = start + 1s});
  EXPECT_DOUBLE_EQ(meter.drain_seconds(), 3);  // 900 tokens at 300 a second
  try {
    meter.admit_tokens(101, room, "e");
    ADD_FAILURE() << "expected a refusal";
  } catch (const OverloadedError& error) {
    EXPECT_DOUBLE_EQ(error.retry_after_seconds(), 3);
  }
  meter.stop_waiting(0);
  meter.stop_waiting(600);
  meter.stop_waiting(300);
  EXPECT_EQ(meter.statistics().waiting_requests, 0U);
  EXPECT_EQ(meter.statistics().waiting_tokens, 0);
}

TEST(Meter, CountsEachEndUnderItsOutcome) {
  Meter meter;
  const auto end = [&](ErrorKind kind) { meter.count_end({.error = std::make_exception_ptr(Error(kind, "x"))}); };
  meter.count_end({.report = {.prompt_tokens = 7, .queue_seconds = 0.002, .compute_seconds = 0.03, .total_seconds = 0.04}});
  for (const ErrorKind kind : {ErrorKind::overloaded, ErrorKind::timed_out, ErrorKind::cancelled, ErrorKind::invalid_argument,
                               ErrorKind::unsupported, ErrorKind::out_of_memory, ErrorKind::device_lost})
    end(kind);
  const EndpointStatistics counts = meter.statistics();
  EXPECT_EQ(counts.requests.ok, 1U);
  EXPECT_EQ(counts.requests.overloaded, 1U);
  EXPECT_EQ(counts.requests.timed_out, 1U);
  EXPECT_EQ(counts.requests.cancelled, 1U);
  EXPECT_EQ(counts.requests.client_error, 2U);
  EXPECT_EQ(counts.requests.internal, 2U);
  EXPECT_EQ(counts.prompt_tokens, 7U);
  EXPECT_EQ(counts.request_seconds.count(), 1U);
  EXPECT_DOUBLE_EQ(counts.request_seconds.sum, 0.04);
  for (std::size_t i = 0; i < counts.request_seconds.bounds.size(); ++i)
    EXPECT_EQ(counts.request_seconds.counts[i], counts.request_seconds.bounds[i] >= 0.04 ? 1U : 0U) << counts.request_seconds.bounds[i];
}

}  // namespace
}  // namespace accelerate
