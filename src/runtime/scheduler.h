// Many texts continued at once: every step of the model takes the next tokens of all of them, and pieces of new prompts
// beside those, so that a request neither waits for another to end nor leaves the machine to one (Yu et al., 2022).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "runtime/generation_session.h"

namespace accelerate {

/// A sequence that goes on: which one of those before, and by which token.
struct Continuation {
  std::size_t parent;
  std::int64_t token;
};

/// A request as the scheduler sees it. It is called on the scheduler's threads, never by two at once.
class Generation {
 public:
  Generation() = default;
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;
  virtual ~Generation() = default;

  /// The tokens to go on from, at least one.
  virtual std::span<const std::int64_t> prompt() const = 0;

  /// The text that the model's encoder reads; nothing where it has none.
  virtual std::shared_ptr<const SourceText> source() const { return nullptr; }

  /// Tokens that it may come to in all, the prompt's among them, times the sequences that it follows at once.
  virtual std::int64_t most_tokens() const = 0;

  /// What goes on, given the logits of what follows each sequence, [sequences, vocabulary], which may be written over: at first
  /// the prompt is the only one. Nothing: the request is done.
  virtual std::vector<Continuation> advance(std::span<float> logits) = 0;

  /// Told what a reader of the answer must know, such as a fault that was got over; the same may come again.
  virtual void note(const std::string& text) = 0;

  /// Whether the caller wants no more; asked before each step.
  virtual bool is_cancelled() const = 0;

  /// Told once, at the end: with what went wrong, or with nothing after advance() gave nothing or is_cancelled() was true.
  virtual void finish(std::exception_ptr error) noexcept = 0;
};

struct SchedulerOptions {
  std::int64_t step_tokens = 512;    ///< of prompts and next tokens in one step, about
  std::size_t most_running = 256;    ///< requests in one step
  bool share_prefixes = true;        ///< compute what prompts have in common with texts that are remembered once
  std::size_t most_remembered = 64;  ///< ended texts that are kept for the next prompts, while there is room
};

/// What a scheduler has done, for reports and tests.
struct SchedulerReport {
  std::int64_t steps = 0;
  std::int64_t computed_tokens = 0;  ///< that went through the model
  std::int64_t shared_tokens = 0;    ///< of prompts, that were remembered from others
  std::int64_t preemptions = 0;      ///< requests that gave their memory to others and were computed again
  std::int64_t recoveries = 0;       ///< times that the model was set up anew and all texts computed again
};

/// Continues texts on one session, with a thread of its own.
class Scheduler {
 public:
  explicit Scheduler(GenerationSession& session, const SchedulerOptions& options = {});

  /// Ends all requests as cancelled.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Queues a request. Throws invalid_argument for a prompt that the model cannot take, out_of_memory for one that cannot
  /// fit the session's state even alone.
  void submit(std::shared_ptr<Generation> generation);

  SchedulerReport report() const;

 private:
  /// A text that is being continued, or was.
  struct Text {
    std::vector<std::int64_t> tokens;
    std::shared_ptr<const SourceText> source = nullptr;
    SequenceId sequence = -1;   ///< -1: nothing of it is remembered
    std::int64_t computed = 0;  ///< tokens that are
    bool has_read = false;      ///< the source is remembered

    bool is_to_read() const { return source && !has_read; }
  };
  struct Request {
    std::shared_ptr<Generation> generation;
    std::vector<Text> texts;
    std::vector<std::size_t> logits_rows = {};  ///< of this step, one a text; empty: none
  };

  void work();
  void end(Request& request, const std::exception_ptr& error, bool keep);
  void end_all(const std::exception_ptr& error);
  bool is_worth_keeping(const Text& text) const;
  void forget(Text& text);
  void drop_cancelled();
  void resume();
  void admit();
  bool may_start(const Generation& generation);
  void begin(Request& request);
  void begin(Text& text);
  bool take_prefix(Text& text);
  void follow_first(Request& request);
  bool make_room(std::int64_t bytes);
  bool free_remembered();
  void step();
  std::vector<StepInput> plan_step();
  void recover(const std::exception_ptr& error);
  bool make_way();
  bool start_over(const Error& error);
  void restore(Text& text);
  void advance(std::span<float> logits);
  void go_on(Request& request, std::span<const Continuation> continuations);

  GenerationSession& session_;
  SchedulerOptions options_;

  mutable std::mutex mutex_;  ///< of the next three
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Generation>> submitted_;
  SchedulerReport report_;
  bool stopping_ = false;

  // The worker's own.
  std::deque<std::shared_ptr<Generation>> waiting_;
  std::vector<std::unique_ptr<Request>> running_;  ///< the oldest first
  std::deque<std::unique_ptr<Request>> paused_;    ///< that gave their memory to others, the oldest first
  bool has_stepped_ = true;                        ///< since a request last gave way
  std::list<Text> remembered_;                     ///< of ended requests, the latest used first
  std::thread worker_;
};

}  // namespace accelerate
