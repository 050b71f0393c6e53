#include "endpoints/endpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <future>

#include "endpoints/batch_limit.h"
#include "tasks/scores.h"

namespace accelerate {
namespace {

using Clock = Meter::Clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

void check_still_wanted(const CallOptions& options, const Cancellation& closing) {
  if (options.cancellation.is_cancelled()) throw Error(ErrorKind::cancelled, "the request was cancelled by its caller");
  if (closing.is_cancelled()) throw Error(ErrorKind::cancelled, "the endpoint was removed while the request waited");
  if (options.deadline && Clock::now() >= *options.deadline)
    throw Error(ErrorKind::timed_out, "the request's deadline came before anything of it was computed");
}

GenerateAnswer answer_of(GenerationResult result, const TextGenerator& generator) {
  GenerateAnswer answer{.texts = std::move(result.texts), .notes = generator.notes()};
  add_notes(answer.notes, result.notes);
  return answer;
}

}  // namespace

/// One request on its way through an endpoint.
class Endpoint::State::Call : public std::enable_shared_from_this<Call> {
 public:
  Call(std::shared_ptr<State> endpoint, TaskRequest request, CallOptions options, ReceiveResult done)
      : endpoint_(std::move(endpoint)),
        request_(std::move(request)),
        part_(endpoint_->part_for(task_of(request_))),
        options_(std::move(options)),
        done_(std::move(done)) {}

  /// Makes tokens of the request and queues it; `model` has the part that it needs.
  void begin(LoadedModel* model, const std::exception_ptr& error) {
    try {
      if (error) std::rethrow_exception(error);
      check_still_wanted(options_, endpoint_->closing_);
      if (auto* generate = std::get_if<GenerateRequest>(&request_))
        queue_generation(*model, *generate);
      else
        queue_texts(*model);
    } catch (...) {
      endpoint_->meter_->stop_waiting(0);
      end(std::current_exception());
    }
  }

  /// Ends a call that waited for nothing and held no model.
  void refuse(std::exception_ptr error) {
    result_.error = std::move(error);
    tell();
  }

 private:
  void queue_texts(LoadedModel& model) {
    const Clock::time_point start = Clock::now();
    PreparedTask task = model.prepare(request_, part_);
    result_.report.tokenize_seconds = seconds_since(start);
    answer_ = std::move(task.answer);
    if (task.call.encodings.inputs() == 0) {
      result_.answer = answer_();
      endpoint_->meter_->stop_waiting(0);
      return end(nullptr);
    }
    const auto batched = std::make_shared<BatchedCall>(std::move(task.call), options_, endpoint_->closing_, endpoint_->meter_);
    result_.report.prompt_tokens = batched->tokens();
    endpoint_->meter_->admit_tokens(batched->tokens(), endpoint_->room(), endpoint_->name_);
    batched->done = [self = shared_from_this()](const std::exception_ptr& error, const BatchingReport& report) {
      self->end_texts(error, report);
    };
    model.batcher(part_).submit(batched);
  }

  void end_texts(std::exception_ptr error, const BatchingReport& report) {
    result_.report.batches = report.batches;
    result_.report.queue_seconds = report.queue_seconds;
    result_.report.compute_seconds = report.compute_seconds;
    if (!error) try {
        result_.answer = answer_();
      } catch (...) {
        error = std::current_exception();
      }
    answer_ = {};  // it refers to the model
    end(std::move(error));
  }

  void queue_generation(LoadedModel& model, GenerateRequest& request) {
    const Clock::time_point start = Clock::now();
    const auto generation = std::make_shared<QueuedGeneration>();
    generation->request = {
        .prompt = model.prompt_of(request), .options = request.options, .number = request.number, .receive = std::move(request.receive)};
    result_.report.tokenize_seconds = seconds_since(start);
    const std::int64_t cost =
        model.generation_queue().cost(static_cast<std::int64_t>(generation->request.prompt.size()), request.options.max_new_tokens);
    generation->lengths = {cost};
    generation->options = options_;
    generation->closing = endpoint_->closing_;
    generation->meter = endpoint_->meter_;
    endpoint_->meter_->admit_tokens(cost, endpoint_->room(), endpoint_->name_);
    generation->done = [self = shared_from_this(), &model](GenerationResult result, std::exception_ptr error, const CallReport& report) {
      const double tokenize_seconds = self->result_.report.tokenize_seconds;
      self->result_.report = report;
      self->result_.report.tokenize_seconds = tokenize_seconds;
      if (self->result_.report.first_token_seconds > 0) self->result_.report.first_token_seconds += tokenize_seconds;
      if (!error) self->result_.answer = answer_of(std::move(result), model.generator());
      self->end(std::move(error));
    };
    model.generation_queue().submit(generation);
  }

  void end(std::exception_ptr error) {
    result_.error = std::move(error);
    result_.report.total_seconds = seconds_since(start_);
    endpoint_->meter_->count_end(result_);
    endpoint_->pool_->release(endpoint_->model_entry());
    endpoint_->leave();
    tell();
  }

  void tell() {
    const ReceiveResult done = std::move(done_);
    const std::shared_ptr<State> kept = std::move(endpoint_);
    done(std::move(result_));
  }

  std::shared_ptr<State> endpoint_;
  TaskRequest request_;
  ModelPart part_;
  CallOptions options_;
  ReceiveResult done_;
  std::function<TaskAnswer()> answer_;
  TaskResult result_;
  Clock::time_point start_ = Clock::now();
};

Endpoint::State::State(std::string name, EndpointOptions options, ModelFolder folder, std::shared_ptr<ModelPool> pool)
    : name_(std::move(name)),
      options_(std::move(options)),
      tasks_(tasks_of(folder, options_.task)),
      pool_(std::move(pool)),
      meter_(std::make_shared<Meter>()),
      model_(std::make_shared<PooledModel>(
          PooledModel{.folder = std::move(folder), .load = options_.load, .queue = options_.queue, .keep_alive = options_.keep_alive})),
      entry_(pool_->attach(model_)) {}

Endpoint::State::~State() = default;

bool Endpoint::State::has_name(std::string_view name) const {
  return name_ == name || std::ranges::find(options_.aliases, name) != options_.aliases.end();
}

bool Endpoint::State::does(std::string_view task) const { return std::ranges::find(tasks_, task) != tasks_.end(); }

ModelPart Endpoint::State::part_for(std::string_view task) const { return part_of(task == "forward" ? tasks_.front() : task); }

void Endpoint::State::enter() {
  const std::lock_guard lock(mutex_);
  if (is_removed_) throw Error(ErrorKind::not_found, fmt::format("endpoint '{}': was removed", name_));
  if (is_draining_) throw Error(ErrorKind::unavailable, fmt::format("endpoint '{}': drains, and takes no new requests", name_));
  ++active_;
}

void Endpoint::State::leave() {
  {
    const std::lock_guard lock(mutex_);
    --active_;
  }
  idle_.notify_all();
}

ModelPool::EntryPointer Endpoint::State::model_entry() const {
  const std::lock_guard lock(mutex_);
  return entry_;
}

void Endpoint::State::submit(TaskRequest request, const CallOptions& options, ReceiveResult done) {
  const std::string_view task = task_of(request);
  const auto call = std::make_shared<Call>(shared_from_this(), std::move(request), options, std::move(done));
  try {
    enter();
  } catch (...) {
    return call->refuse(std::current_exception());
  }
  try {
    if (!does(task) && !(task == "forward" && part_for(task) != ModelPart::generation))
      throw Error(ErrorKind::unsupported, fmt::format("endpoint '{}': does {}, not {}", name_, fmt::join(tasks_, ", "), task));
    meter_->admit(room(), name_);
  } catch (...) {
    meter_->count_end({.error = std::current_exception()});
    leave();
    return call->refuse(std::current_exception());
  }
  pool_->use(model_entry(), part_for(task), [call](LoadedModel* model, const std::exception_ptr& error) { call->begin(model, error); });
}

void Endpoint::State::use_model(const std::function<void(LoadedModel& model)>& use) {
  enter();
  try {
    pool_->use_now(model_entry(), part_of(tasks_.front()), use);
  } catch (...) {
    leave();
    throw;
  }
  leave();
}

BatchLimit Endpoint::State::measure_batch_limit(std::int64_t tokens_per_text) {
  if (part_of(tasks_.front()) == ModelPart::generation)
    throw Error(ErrorKind::unsupported,
                fmt::format("endpoint '{}': texts that go on share each step and have no batch size to find", name_));
  BatchLimit limit;
  use_model([&](LoadedModel& model) {
    const ModelPart part = part_of(tasks_.front());
    const auto measure = [&] { limit = accelerate::measure_batch_limit(model.session(part), {.tokens_per_text = tokens_per_text}); };
    model.batcher(part).run_between_batches(measure);
  });
  QueueOptions queue = options_.queue;
  queue.batch_tokens = std::min(queue.batch_tokens, limit.texts * limit.tokens_per_text);
  if (const ModelPool::EntryPointer entry = model_entry()) pool_->set_queue(entry, model_, queue);
  const std::lock_guard lock(mutex_);
  batch_limit_ = limit;
  return limit;
}

EndpointStatus Endpoint::State::status() const {
  EndpointStatus status{.name = name_,
                        .aliases = options_.aliases,
                        .folder = options_.folder.string(),
                        .state = EndpointState::removed,
                        .reason = {},
                        .task = tasks_.front(),
                        .tasks = tasks_,
                        .asked_backend = options_.load.backend,
                        .asked_precision = options_.load.precision,
                        .model = {},
                        .batch_limit = {},
                        .idle_seconds = meter_->idle_seconds(),
                        .keep_alive_seconds = options_.keep_alive.count(),
                        .statistics = meter_->statistics()};
  ModelPool::EntryPointer entry;
  {
    const std::lock_guard lock(mutex_);
    status.batch_limit = batch_limit_;
    if (active_ > 0) status.idle_seconds = 0;
    if (is_removed_) return status;
    entry = entry_;
    status.state = is_draining_ ? EndpointState::draining : EndpointState::unloaded;
  }
  ModelPool::Status pooled = pool_->status(entry);
  if (status.state != EndpointState::draining) status.state = pooled.state;
  status.reason = std::move(pooled.reason);
  status.memory_bytes = pooled.bytes;
  status.shared_with = pooled.users - std::min<std::size_t>(pooled.users, 1);
  status.load_seconds = pooled.load_seconds;
  status.model = std::move(pooled.info);
  return status;
}

bool Endpoint::State::drain(std::chrono::duration<double> most) {
  std::unique_lock lock(mutex_);
  is_draining_ = true;
  return idle_.wait_for(lock, most, [&] { return active_ == 0; });
}

void Endpoint::State::resume() {
  const std::lock_guard lock(mutex_);
  is_draining_ = false;
}

void Endpoint::State::close() {
  closing_.cancel();
  ModelPool::EntryPointer entry;
  {
    std::unique_lock lock(mutex_);
    is_removed_ = true;
    idle_.wait(lock, [&] { return active_ == 0; });
    entry.swap(entry_);
  }
  if (entry) pool_->detach(entry, model_);
}

bool Endpoint::State::unload() {
  const ModelPool::EntryPointer entry = model_entry();
  return entry && pool_->unload(entry);
}

}  // namespace accelerate
