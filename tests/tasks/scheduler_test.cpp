// What a scheduler makes of generations that fail.
#include "runtime/scheduler.h"

#include <gtest/gtest.h>

#include <functional>
#include <future>

#include "support/created_model.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

/// A text that goes on for a while by token 7, but for what it is told to do otherwise.
class Scripted final : public Generation {
 public:
  struct Script {
    std::function<std::vector<Continuation>(int step)> advance = {};  ///< nothing: as it would
    std::function<void()> asked = {};                                 ///< by is_cancelled()
  };

  Scripted() = default;
  explicit Scripted(Script script) : script_(std::move(script)) {}

  std::span<const std::int64_t> prompt() const override { return prompt_; }
  std::int64_t most_tokens() const override { return 40; }
  void note(const std::string& /*text*/) override {}

  std::vector<Continuation> advance(std::span<float> /*logits*/) override {
    ++steps_;
    if (script_.advance && steps_ == 3) return script_.advance(steps_);
    if (steps_ == 20) return {};
    return {{.parent = 0, .token = 7}};
  }

  bool is_cancelled() const override {
    if (script_.asked && steps_ == 3) script_.asked();
    return false;
  }

  void finish(std::exception_ptr error) noexcept override {
    if (error)
      ended_.set_exception(error);
    else
      ended_.set_value(steps_);
  }

  /// The steps that it took; throws what it ended with.
  int steps() { return ended_.get_future().get(); }

 private:
  Script script_;
  std::vector<std::int64_t> prompt_{1, 2, 3};
  int steps_ = 0;
  std::promise<int> ended_;
};

struct Failure {
  std::string name;
  Scripted::Script script;
  ErrorKind kind;
  std::string message;
};

const std::vector<Failure>& failures() {
  static const std::vector<Failure> all{
      {"goes_on_from_a_text_that_is_not_there",
       {.advance = [](int) -> std::vector<Continuation> {
         return {{.parent = 0, .token = 7}, {.parent = 0, .token = 8}, {.parent = 5, .token = 9}};
       }},
       ErrorKind::internal,
       "goes on from text 5 of 1"},
      {"throws_when_it_is_to_go_on",
       {.advance = [](int) -> std::vector<Continuation> { throw Error(ErrorKind::invalid_argument, "no more of this"); }},
       ErrorKind::invalid_argument,
       "no more of this"},
      {"throws_when_it_is_asked_whether_it_is_cancelled",
       {.asked = [] { throw Error(ErrorKind::io, "the caller cannot be asked"); }},
       ErrorKind::io,
       "the caller cannot be asked"},
  };
  return all;
}

class FailingGenerations : public testing::TestWithParam<Failure> {};

TEST_P(FailingGenerations, EndAloneAndLeaveNothing) {
  const CreatedModelFolder folder(Task::generate, {.model_type = "gpt2"});
  GenerationSession session(open_model_folder(folder.path()), {.session = {.backend = "cpu", .precision = "fp32", .threads = 2}});
  {
    Scheduler scheduler(session, {.share_prefixes = false});
    const auto bad = std::make_shared<Scripted>(GetParam().script);
    const auto good = std::make_shared<Scripted>();
    scheduler.submit(bad);
    scheduler.submit(good);
    expect_error(GetParam().kind, GetParam().message, [&] { bad->steps(); });
    EXPECT_EQ(good->steps(), 20);
    const auto later = std::make_shared<Scripted>();
    scheduler.submit(later);
    EXPECT_EQ(later->steps(), 20);
  }
  EXPECT_EQ(session.state().use().sequences, 0);
}

INSTANTIATE_TEST_SUITE_P(All, FailingGenerations, testing::ValuesIn(failures()), [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace accelerate
