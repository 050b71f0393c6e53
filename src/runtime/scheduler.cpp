#include "runtime/scheduler.h"

#include <fmt/format.h>

#include <algorithm>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

/// Tokens in common that are worth sharing, or waiting for.
constexpr std::int64_t least_prefix = 32;

std::int64_t common_prefix(std::span<const std::int64_t> a, std::span<const std::int64_t> b) {
  return std::ranges::mismatch(a, b).in1 - a.begin();
}

bool is_same(const std::shared_ptr<const SourceText>& a, const std::shared_ptr<const SourceText>& b) {
  return a == b || (a && b && *a == *b);
}

std::int64_t size_of_text(std::span<const std::int64_t> tokens) { return static_cast<std::int64_t>(tokens.size()); }

}  // namespace

Scheduler::Scheduler(GenerationSession& session, const SchedulerOptions& options)
    : session_(session), options_(options), worker_([this] { work(); }) {}

Scheduler::~Scheduler() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  worker_.join();
}

void Scheduler::submit(std::shared_ptr<Generation> generation) {
  const std::int64_t prompt = size_of_text(generation->prompt());
  if (prompt == 0) throw Error(ErrorKind::invalid_argument, "the prompt has no tokens, expected at least one");
  if (prompt > session_.most_tokens())
    throw Error(ErrorKind::invalid_argument,
                fmt::format("the prompt has {} tokens, more than the model's {} positions", prompt, session_.most_tokens()));
  for (const std::int64_t token : generation->prompt())
    if (token < 0 || token >= session_.vocabulary())
      throw Error(ErrorKind::invalid_argument, fmt::format("token id {} is not among the vocabulary's {}", token, session_.vocabulary()));
  const auto source = generation->source();
  if (session_.reads_source() != (source != nullptr))
    throw Error(ErrorKind::invalid_argument, "a text to read goes with a model that has an encoder, and with no other");
  const std::int64_t needed = session_.state_bytes_for(generation->most_tokens(), source.get());
  if (needed > session_.most_state_bytes())
    throw Error(ErrorKind::out_of_memory,
                fmt::format("the request may come to {} tokens, which take {} bytes, more than the {} that remembered texts may take",
                            generation->most_tokens(), needed, session_.most_state_bytes()));
  {
    const std::lock_guard lock(mutex_);
    submitted_.push_back(std::move(generation));
  }
  wake_.notify_all();
}

SchedulerReport Scheduler::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

void Scheduler::work() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !submitted_.empty() || !waiting_.empty() || !running_.empty() || !paused_.empty(); });
      waiting_.insert(waiting_.end(), submitted_.begin(), submitted_.end());
      submitted_.clear();
      if (stopping_) break;
    }
    try {
      drop_cancelled();
      // Whoever gave way waits until the others got on: with them it would be in their way again.
      if (has_stepped_ || running_.empty()) resume();
      if (paused_.empty()) admit();
      if (!running_.empty()) step();
    } catch (...) {
      end_all(std::current_exception());
    }
  }
  end_all(nullptr);
  for (const auto& generation : waiting_) generation->finish(nullptr);
  while (free_remembered()) {
  }
}

/// Ends the requests that have begun.
void Scheduler::end_all(const std::exception_ptr& error) {
  for (const auto& request : running_) end(*request, error, false);
  for (const auto& request : paused_) end(*request, error, false);
  running_.clear();
  paused_.clear();
}

/// Whether what was computed of an ended text is worth keeping.
bool Scheduler::is_worth_keeping(const Text& text) const {
  const bool is_long = text.computed >= least_prefix || (text.has_read && text.source->tokens >= least_prefix);
  return options_.share_prefixes && options_.most_remembered > 0 && text.sequence >= 0 && is_long;
}

/// Ends a request; `keep`: what it computed stays for prompts to come.
void Scheduler::end(Request& request, const std::exception_ptr& error, bool keep) {
  if (keep && is_worth_keeping(request.texts.front())) {
    remembered_.push_front(std::move(request.texts.front()));
    remembered_.front().tokens.resize(static_cast<std::size_t>(remembered_.front().computed));
    request.texts.front() = {};
    if (remembered_.size() > options_.most_remembered) free_remembered();
  }
  for (Text& text : request.texts) forget(text);
  request.generation->finish(error);
}

void Scheduler::forget(Text& text) {
  if (text.sequence >= 0) session_.state().remove(text.sequence);
  text.sequence = -1;
  text.computed = 0;
  text.has_read = false;
}

/// Ends requests that their callers want no more, and those that cannot tell.
void Scheduler::drop_cancelled() {
  struct Ending {
    bool is_wanted;
    std::exception_ptr error;
  };
  const auto ending_of = [](const Generation& generation) noexcept -> Ending {
    try {
      return {.is_wanted = generation.is_cancelled(), .error = nullptr};
    } catch (...) {
      return {.is_wanted = true, .error = std::current_exception()};
    }
  };
  std::erase_if(waiting_, [&](const auto& generation) {
    const Ending ending = ending_of(*generation);
    if (ending.is_wanted) generation->finish(ending.error);
    return ending.is_wanted;
  });
  const auto drop = [&](const auto& request) {
    const Ending ending = ending_of(*request->generation);
    if (ending.is_wanted) end(*request, ending.error, !ending.error);
    return ending.is_wanted;
  };
  std::erase_if(running_, drop);
  std::erase_if(paused_, drop);
}

/// Goes on with requests that gave way, once there is room for them.
void Scheduler::resume() {
  while (!paused_.empty()) {
    const std::vector<Text>& texts = paused_.front()->texts;
    std::int64_t bytes = session_.state_bytes_for(0, texts.front().source.get());
    for (const Text& text : texts) bytes += session_.state_bytes_for(size_of_text(text.tokens) + 1, nullptr);
    if (!make_room(bytes) && !running_.empty()) return;
    begin(*paused_.front());
    running_.push_back(std::move(paused_.front()));
    paused_.pop_front();
  }
}

void Scheduler::admit() {
  for (auto next = waiting_.begin(); next != waiting_.end() && running_.size() < options_.most_running;) {
    auto request = std::make_unique<Request>(Request{.generation = *next, .texts = {}});
    try {
      if (!may_start(**next)) break;  // those behind must not starve it
      const auto prompt = (*next)->prompt();
      request->texts.push_back({.tokens = {prompt.begin(), prompt.end()}, .source = (*next)->source()});
      begin(*request);
      for (const std::string& note : session_.notes()) request->generation->note(note);
      running_.push_back(std::move(request));
    } catch (...) {
      end(*request, std::current_exception(), false);
    }
    next = waiting_.erase(next);
  }
}

/// Whether there is room for the prompt, and nobody is just computing what it begins with.
bool Scheduler::may_start(const Generation& generation) {
  if (running_.empty()) return true;
  const auto source = generation.source();
  if (options_.share_prefixes) {
    for (const auto& request : running_)
      for (const Text& text : request->texts) {
        if (!is_same(source, text.source)) continue;
        if (text.is_to_read() || common_prefix(generation.prompt(), text.tokens) - std::max(text.computed, least_prefix) >= least_prefix)
          return false;
      }
  }
  return make_room(session_.state_bytes_for(size_of_text(generation.prompt()) + 1, source.get()));
}

/// Begins the request's texts; those with a source that has to be read wait for the first of them to read it.
void Scheduler::begin(Request& request) {
  for (Text& text : request.texts)
    if (&text == &request.texts.front() || !text.source) begin(text);
}

void Scheduler::begin(Text& text) {
  if (!take_prefix(text)) text.sequence = session_.state().create();
}

/// Lets the text begin as the remembered one that has most in common with it does: the source, where there is one, and the first
/// tokens.
bool Scheduler::take_prefix(Text& text) {
  if (!options_.share_prefixes) return false;
  const std::int64_t most = size_of_text(text.tokens) - 1;  // its last token's logits are to be computed
  SequenceId best = -1;
  std::int64_t longest = text.source ? -1 : least_prefix - 1;
  auto used = remembered_.end();
  const auto consider = [&](const Text& other) {
    if (other.sequence < 0 || other.is_to_read() || !is_same(text.source, other.source)) return false;
    const std::int64_t common = std::min({common_prefix(text.tokens, other.tokens), other.computed, most});
    if (common <= longest || !session_.state().can_fork(other.sequence, session_.growing_size(), common)) return false;
    longest = common;
    best = other.sequence;
    return true;
  };
  for (auto other = remembered_.begin(); other != remembered_.end(); ++other)
    if (consider(*other)) used = other;
  for (const auto& request : running_)
    for (const Text& other : request->texts)
      if (consider(other)) used = remembered_.end();
  if (best < 0) return false;
  text.sequence = session_.state().fork(best, session_.growing_size(), longest);
  text.computed = longest;
  text.has_read = text.source != nullptr;
  if (used != remembered_.end()) remembered_.splice(remembered_.begin(), remembered_, used);
  const std::lock_guard lock(mutex_);
  report_.shared_tokens += longest;
  return true;
}

/// Whether that many bytes are free, after forgetting ended texts where need be.
bool Scheduler::make_room(std::int64_t bytes) {
  const auto fits = [&] {
    const StateUse use = session_.state().use();
    return use.bytes + bytes <= use.most_bytes;
  };
  while (!fits())
    if (!free_remembered()) return false;
  return true;
}

/// Forgets the ended text that was used longest ago; false where there is none.
bool Scheduler::free_remembered() {
  if (remembered_.empty()) return false;
  forget(remembered_.back());
  remembered_.pop_back();
  return true;
}

void Scheduler::step() {
  Tensor logits;
  try {
    const std::vector<StepInput> inputs = plan_step();
    StepResult result = session_.step(inputs);
    logits = std::move(result.logits);
    for (const std::string& note : result.notes)
      for (const auto& request : running_) request->generation->note(note);
    std::int64_t computed = 0;
    for (const StepInput& input : inputs) computed += size_of_text(input.tokens) + (input.source ? input.source->tokens : 0);
    for (const auto& request : running_) {
      for (Text& text : request->texts) {
        if (text.sequence < 0) continue;
        text.computed = session_.tokens(text.sequence);
        text.has_read = session_.has_source(text.sequence);
      }
    }
    const std::lock_guard lock(mutex_);
    ++report_.steps;
    report_.computed_tokens += computed;
  } catch (...) {
    recover(std::current_exception());
    return;
  }
  has_stepped_ = true;
  advance(logits.mutable_values<float>());
}

/// The next tokens of all texts, and as much of the prompts as the step has room for. A request gets logits when all its texts
/// are computed but for what this step adds.
std::vector<StepInput> Scheduler::plan_step() {
  std::vector<StepInput> inputs;
  std::size_t rows = 0;
  std::int64_t room = options_.step_tokens;
  const auto left_of = [](const Text& text) { return size_of_text(text.tokens) - text.computed; };
  const auto feed = [&](Request& request, std::int64_t most) {
    std::int64_t left = 0;
    for (const Text& text : request.texts) left += left_of(text);
    const bool all_begun = std::ranges::all_of(request.texts, [](const Text& text) { return text.sequence >= 0; });
    const bool completes = all_begun && left <= most;
    for (Text& text : request.texts) {
      if (text.sequence < 0) continue;
      const std::int64_t count = completes ? left_of(text) : std::max<std::int64_t>(std::min(most, left_of(text) - 1), 0);
      if (count == 0 && !text.is_to_read()) continue;
      inputs.push_back({.sequence = text.sequence,
                        .tokens = std::span(text.tokens).subspan(static_cast<std::size_t>(text.computed), static_cast<std::size_t>(count)),
                        .wants_logits = completes,
                        .source = text.is_to_read() ? text.source : nullptr});
      if (completes) request.logits_rows.push_back(rows++);
      most -= count;
      room -= count + (text.is_to_read() ? text.source->tokens : 0);
    }
  };
  const auto is_next_token = [&](const Request& request) {
    return std::ranges::all_of(request.texts,
                               [&](const Text& text) { return text.sequence >= 0 && !text.is_to_read() && left_of(text) == 1; });
  };
  for (const auto& request : running_) {
    request->logits_rows.clear();
    follow_first(*request);
  }
  for (const auto& request : running_)
    if (is_next_token(*request)) feed(*request, static_cast<std::int64_t>(request->texts.size()));
  for (const auto& request : running_)
    if (!is_next_token(*request) && (room > 0 || inputs.empty())) feed(*request, std::max<std::int64_t>(room, 1));
  return inputs;
}

/// Lets texts that wait for their request's first to read the source begin, once it has.
void Scheduler::follow_first(Request& request) {
  const Text& first = request.texts.front();
  if (first.is_to_read()) return;
  for (Text& text : request.texts) {
    if (text.sequence >= 0) continue;
    const std::int64_t common = std::min({common_prefix(text.tokens, first.tokens), first.computed, size_of_text(text.tokens) - 1});
    text.sequence = session_.state().fork(first.sequence, session_.growing_size(), common);
    text.computed = common;
    text.has_read = true;
  }
}

/// Gets over a step that failed: where memory was short, by making way; where that is not enough or the device is lost, by setting
/// the model up anew. Any other error ends all requests of the step.
void Scheduler::recover(const std::exception_ptr& error) {
  std::exception_ptr last = error;
  try {
    for (const auto& request : running_)
      for (Text& text : request->texts) restore(text);
    std::rethrow_exception(error);
  } catch (const Error& thrown) {
    if (thrown.kind() == ErrorKind::out_of_memory && make_way()) return;
    try {
      if (start_over(thrown)) return;
    } catch (...) {
      last = std::current_exception();
    }
  } catch (...) {
    last = std::current_exception();
  }
  for (const auto& request : running_) end(*request, last, false);
  running_.clear();
}

/// Takes back what a step that failed half-way has added to the text. What its encoder read may stay.
void Scheduler::restore(Text& text) {
  if (text.sequence < 0) return;
  text.has_read = session_.has_source(text.sequence);
  if (session_.tokens(text.sequence) == text.computed) return;
  const SequenceId before = session_.state().fork(text.sequence, session_.growing_size(), text.computed);
  session_.state().remove(text.sequence);
  text.sequence = before;
}

/// Gives memory back: of ended texts first, then of the youngest request, which is computed again later. False where there is none.
bool Scheduler::make_way() {
  if (free_remembered()) return true;
  if (running_.size() < 2) return false;
  for (Text& text : running_.back()->texts) forget(text);
  paused_.push_front(std::move(running_.back()));
  running_.pop_back();
  has_stepped_ = false;
  const std::lock_guard lock(mutex_);
  ++report_.preemptions;
  return true;
}

/// Goes on with the model set up anew, which remembers nothing; false where it cannot be.
bool Scheduler::start_over(const Error& error) {
  const std::optional<std::string> note = session_.recover(error);
  if (!note) return false;
  const auto forget_all = [&](auto& requests) {
    for (const auto& request : requests) {
      for (Text& text : request->texts) text.sequence = -1, text.computed = 0, text.has_read = false;
      request->generation->note(*note);
    }
  };
  forget_all(running_);
  forget_all(paused_);
  remembered_.clear();
  for (const auto& request : running_) begin(*request);
  const std::lock_guard lock(mutex_);
  ++report_.recoveries;
  return true;
}

/// Hands each request its logits, several at once, and goes on with what it wants.
void Scheduler::advance(std::span<float> logits) {
  const auto vocabulary = static_cast<std::size_t>(session_.vocabulary());
  struct Outcome {
    std::vector<Continuation> continuations = {};
    std::exception_ptr error = {};
  };
  std::vector<Request*> ready;
  for (const auto& request : running_)
    if (!request->logits_rows.empty()) ready.push_back(request.get());
  std::vector<Outcome> outcomes(ready.size());
  {
    const ThreadPool::Place place(session_.threads());
    session_.threads().parallel_for(static_cast<std::int64_t>(ready.size()), [&](std::int64_t index, int) {
      const auto i = static_cast<std::size_t>(index);
      try {
        outcomes[i].continuations = ready[i]->generation->advance(
            logits.subspan(ready[i]->logits_rows.front() * vocabulary, ready[i]->logits_rows.size() * vocabulary));
      } catch (...) {
        outcomes[i].error = std::current_exception();
      }
    });
  }
  for (std::size_t i = 0; i < ready.size(); ++i) {
    Request& request = *ready[i];
    if (!outcomes[i].error && !outcomes[i].continuations.empty()) {
      try {
        go_on(request, outcomes[i].continuations);
        continue;
      } catch (...) {
        outcomes[i].error = std::current_exception();
      }
    }
    end(request, outcomes[i].error, !outcomes[i].error);
    std::erase_if(running_, [&](const auto& other) { return other.get() == &request; });
  }
}

/// Replaces the request's texts by those that go on; an error leaves them as they are.
void Scheduler::go_on(Request& request, std::span<const Continuation> continuations) {
  for (const Continuation& continuation : continuations)
    if (continuation.parent >= request.texts.size())
      throw Error(ErrorKind::internal, fmt::format("a request goes on from text {} of {}", continuation.parent, request.texts.size()));
  std::vector<Text> texts;
  std::vector<SequenceId> forks;
  try {
    for (const Continuation& continuation : continuations) {
      const Text& parent = request.texts[continuation.parent];
      Text& text = texts.emplace_back(parent);
      text.tokens.push_back(continuation.token);
      // The last to go on from a parent takes its place; the others share its memory.
      const auto again = std::ranges::count_if(continuations.subspan(texts.size()),
                                               [&](const Continuation& other) { return other.parent == continuation.parent; });
      if (again == 0) continue;
      forks.reserve(forks.size() + 1);
      text.sequence = forks.emplace_back(session_.state().fork(parent.sequence, session_.growing_size(), parent.computed));
    }
  } catch (...) {
    for (const SequenceId fork : forks) session_.state().remove(fork);
    throw;
  }
  for (std::size_t i = 0; i < request.texts.size(); ++i)
    if (std::ranges::find(continuations, i, &Continuation::parent) == continuations.end()) forget(request.texts[i]);
  request.texts = std::move(texts);
}

}  // namespace accelerate
