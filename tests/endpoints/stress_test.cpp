// Many threads that infer while endpoints are added, removed, unloaded and drained: each call ends, with the right answer or with
// one of the errors that its test names.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "endpoint_testing.h"

namespace accelerate {
namespace {

using namespace std::chrono_literals;

constexpr int inferring_threads = 20;
constexpr int calls_a_thread = 40;

/// What calls ended with: "ok", or the name of the error's kind.
class Outcomes {
 public:
  void add(std::string_view outcome) {
    const std::lock_guard lock(mutex_);
    ++counts_[std::string(outcome)];
  }

  template <typename Action>
  void run(const Action& action) {
    try {
      action();
      add("ok");
    } catch (const Error& error) {
      add(name_of(error.kind()));
    }
  }

  void expect_only(const std::set<std::string>& allowed) const {
    for (const auto& [outcome, count] : counts_) EXPECT_TRUE(allowed.contains(outcome)) << outcome << ": " << count;
  }

  int of(const std::string& outcome) const {
    const auto found = counts_.find(outcome);
    return found == counts_.end() ? 0 : found->second;
  }

  int all() const {
    int sum = 0;
    for (const auto& [outcome, count] : counts_) sum += count;
    return sum;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, int> counts_;
};

class Stress : public testing::Test {
 protected:
  Stress() : model_(Model::load(folder_.path(), exactly())) {
    for (int i = 0; i < 8; ++i) {
      texts_.push_back(std::string(static_cast<std::size_t>(i * 3 + 1), static_cast<char>('a' + i)));
      expected_.push_back(model_.embed(std::span(&texts_.back(), 1)).vectors);
    }
    request_.options.max_new_tokens = 8;
    request_.options.ignore_eos = true;
  }

  EndpointOptions embedding() const { return {.folder = folder_.path(), .load = exactly(), .queue = {.batch_tokens = 64}}; }

  /// Asks for one text's embedding, and checks it.
  void embed(Endpoints& endpoints, const std::string& name, std::size_t i, const CallOptions& options = {}) const {
    const Tensor vectors = endpoints.get(name).invoke(EmbedRequest{.texts = {texts_[i % 8]}}, options).vectors;
    const Tensor& expected = expected_[i % 8];
    ASSERT_EQ(std::memcmp(vectors.bytes().data(), expected.bytes().data(), expected.byte_size()), 0);
  }

  /// Runs `infer(thread, call)` on many threads while `change` runs again and again.
  template <typename Infer, typename Change>
  Outcomes& run(const Infer& infer, const Change& change) {
    std::atomic<int> inferring = inferring_threads;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < inferring_threads; ++thread)
      threads.emplace_back([&, thread] {
        for (int call = 0; call < calls_a_thread; ++call)
          outcomes_.run([&] { infer(static_cast<std::size_t>(thread), static_cast<std::size_t>(call)); });
        --inferring;
      });
    while (inferring > 0) change();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(outcomes_.all(), inferring_threads * calls_a_thread);
    return outcomes_;
  }

  CreatedModelFolder folder_{Task::embed};
  Model model_;
  std::vector<std::string> texts_;
  std::vector<Tensor> expected_;
  GenerateRequest request_{.prompt = std::vector<std::int64_t>{5, 6, 7}};
  Outcomes outcomes_;
};

TEST_F(Stress, AddingOthersDisturbsNobody) {
  Endpoints endpoints;
  endpoints.add("e", embedding());
  int number = 0;
  const Outcomes& outcomes = run([&](std::size_t thread, std::size_t call) { embed(endpoints, "e", thread + call); },
                                 [&] {
                                   endpoints.add("n" + std::to_string(number++), embedding());
                                   std::this_thread::sleep_for(1ms);
                                 });
  outcomes.expect_only({"ok"});
}

TEST_F(Stress, UnloadingDisturbsNobody) {
  Endpoints endpoints;
  endpoints.add("e", embedding());
  endpoints.add("g", {.folder = decoder_folder(), .load = exactly()});
  const Outcomes& outcomes = run(
      [&](std::size_t thread, std::size_t call) {
        if (thread % 4 == 0) {
          ASSERT_EQ(endpoints.get("g").invoke(request_).texts.front().tokens.size(), 8U);
        } else {
          embed(endpoints, "e", thread + call);
        }
      },
      [&] {
        endpoints.unload("e");
        endpoints.unload("g");
        std::this_thread::sleep_for(1ms);
      });
  outcomes.expect_only({"ok"});
}

TEST_F(Stress, RemovingAndAddingAgainEndsCallsInNamedWays) {
  Endpoints endpoints;
  endpoints.add("stays", embedding());
  endpoints.add("e", embedding());
  endpoints.add("g", {.folder = decoder_folder(), .load = exactly()});
  std::atomic<int> answers_of_one_that_stays = 0;
  const Outcomes& outcomes = run(
      [&](std::size_t thread, std::size_t call) {
        if (thread % 4 == 0) {
          (void)endpoints.get("g").invoke(request_);
        } else if (thread % 4 == 1) {
          embed(endpoints, "stays", thread + call);
          ++answers_of_one_that_stays;
        } else {
          embed(endpoints, "e", thread + call);
        }
      },
      [&] {
        std::this_thread::sleep_for(2ms);
        endpoints.remove("e");
        endpoints.add("e", embedding());
        endpoints.remove("g");
        endpoints.add("g", {.folder = decoder_folder(), .load = exactly()});
      });
  outcomes.expect_only({"ok", "not_found", "cancelled"});
  EXPECT_EQ(answers_of_one_that_stays, inferring_threads / 4 * calls_a_thread);
}

TEST_F(Stress, DrainingCancellingAndDeadlinesEndCallsInNamedWays) {
  Endpoints endpoints;
  endpoints.add("e", embedding());
  const Outcomes& outcomes = run(
      [&](std::size_t thread, std::size_t call) {
        CallOptions options{.client = std::to_string(thread), .priority = static_cast<Priority>(call % 3)};
        if (call % 5 == 1) options.deadline = std::chrono::steady_clock::now() + 1ms;
        if (call % 5 == 2) options.cancellation.cancel();
        embed(endpoints, "e", thread + call, options);
      },
      [&] {
        endpoints.drain("e", 1ms);
        (void)endpoints.get("e").status();
        endpoints.resume("e");
        std::this_thread::sleep_for(1ms);
      });
  outcomes.expect_only({"ok", "cancelled", "timed_out", "unavailable"});
  EXPECT_GT(outcomes.of("cancelled"), 0);
  const EndpointStatistics counts = endpoints.get("e").status().statistics;
  EXPECT_EQ(counts.waiting_requests, 0U);
  EXPECT_EQ(counts.waiting_tokens, 0);
  EXPECT_EQ(counts.running_requests, 0U);
}

TEST_F(Stress, SmallMemoryMakesModelsTakeTurns) {
  const CreatedModelFolder second(Task::embed);
  Endpoints endpoints({.memory_bytes = 200 << 10});
  endpoints.add("e", embedding());
  EndpointOptions other = embedding();
  other.folder = second.path();
  endpoints.add("f", other);
  const Outcomes& outcomes = run(
      [&](std::size_t thread, std::size_t call) {
        if (thread % 2 == 0)
          embed(endpoints, "e", thread + call);
        else
          (void)endpoints.get("f").invoke(EmbedRequest{.texts = {"a"}});
      },
      [] { std::this_thread::sleep_for(1ms); });
  outcomes.expect_only({"ok", "overloaded"});
}

}  // namespace
}  // namespace accelerate
