#include "server/generation_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <random>

#include "server/submit.h"

namespace accelerate::server {
namespace {

/// All texts of one request. The endpoint's threads call it; the last of their callbacks lets go of it.
class Run : public std::enable_shared_from_this<Run> {
 public:
  Run(SharedService service, const http::Dialect& dialect, std::shared_ptr<http::Exchange> exchange, GenerationCall call,
      std::unique_ptr<GenerationAnswer> answer)
      : service_(std::move(service)),
        dialect_(dialect),
        exchange_(std::move(exchange)),
        call_(std::move(call)),
        answer_(std::move(answer)),
        choices_(call_.texts),
        begun_(call_.texts, false),
        missing_(call_.texts) {
    for (std::size_t i = 0; i < call_.texts; ++i) splitters_.emplace_back(call_.tools);
  }

  void start() {
    exchange_->note_endpoint(call_.endpoint.name());
    const CallOptions options = call_options(*exchange_);
    cancellation_ = options.cancellation;
    // A seed gives the same texts each time, none other texts each time.
    static thread_local std::mt19937_64 random{std::random_device{}()};
    const std::uint64_t first_number = call_.request.options.seed ? 0 : random();
    for (std::size_t i = 0; i < call_.texts; ++i) {
      GenerateRequest request = call_.request;
      request.number = first_number + i;
      if (call_.stream) request.receive = [run = shared_from_this(), i](std::string_view text) { return run->receive(i, text); };
      call_.endpoint.submit(std::move(request), options,
                            [run = shared_from_this(), i](TaskResult result) { run->finish(i, std::move(result)); });
    }
  }

 private:
  bool receive(std::size_t i, std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (failed_ || !begin(i)) return false;
    const std::string content = splitters_[i].put(text);
    return content.empty() ? !exchange_->is_cancelled() : exchange_->write(answer_->piece(i, content));
  }

  void finish(std::size_t i, TaskResult result) {
    const std::lock_guard lock(mutex_);
    if (failed_) return;
    try {
      GenerateAnswer answer = result.take<GenerateRequest>();
      take(i, std::move(answer.texts.at(0)));
      add(result.report, answer.notes);
      if (--missing_ == 0) end();
    } catch (...) {
      failed_ = true;
      cancellation_.cancel();
      fail(std::current_exception());
    }
  }

  /// The head and what comes before text i, where they were not yet sent; whether anybody waits for more.
  bool begin(std::size_t i) {
    if (!has_head_) {
      const char* type = call_.kind == http::StreamKind::events ? "text/event-stream; charset=utf-8" : "application/x-ndjson";
      http::Response head{.content_type = type};
      head.fields.add("Cache-Control", "no-cache");
      if (!exchange_->begin(std::move(head), call_.kind)) return false;
      has_head_ = true;
    }
    if (begun_[i]) return true;
    begun_[i] = true;
    return exchange_->write(answer_->first(i));
  }

  void take(std::size_t i, GeneratedText text) {
    Choice& choice = choices_[i];
    // Where pieces were not told, as by beam searches, the text comes at once.
    if (splitters_[i].received() == 0) {
      const std::string content = splitters_[i].put(text.text);
      if (call_.stream && begin(i) && !content.empty()) exchange_->write(answer_->piece(i, content));
    }
    SplitText split = splitters_[i].finish();
    if (call_.stream && begin(i) && !split.rest.empty()) exchange_->write(answer_->piece(i, split.rest));
    choice.content = std::move(split.content);
    choice.tool_calls = std::move(split.calls);
    choice.answer = std::move(text);
    if (call_.stream) exchange_->write(answer_->last(i, choice));
  }

  void add(const CallReport& report, const std::vector<std::string>& notes) {
    totals_.prompt_tokens = report.prompt_tokens;
    totals_.generated_tokens += report.generated_tokens;
    if (report.total_seconds >= totals_.report.total_seconds) totals_.report = report;
    for (const std::string& note : notes)
      if (std::ranges::find(totals_.notes, note) == totals_.notes.end()) totals_.notes.push_back(note);
  }

  void end() {
    if (call_.stream) {
      exchange_->write(answer_->end(totals_));
      return exchange_->end();
    }
    http::Response response = answer_->whole(choices_, totals_);
    add_timing(response, totals_.report);
    exchange_->answer(std::move(response));
  }

  void fail(const std::exception_ptr& error) {
    if (!has_head_) return answer_error(*service_, dialect_, *exchange_, error);
    const http::HttpError known = http::http_error_of(error);
    if (known.status() == 500 && service_->on_fault) service_->on_fault(exchange_->request(), http::message_of(error));
    exchange_->write(answer_->error(known));
    exchange_->abort();
  }

  const SharedService service_;
  const http::Dialect& dialect_;
  const std::shared_ptr<http::Exchange> exchange_;
  GenerationCall call_;
  Cancellation cancellation_;

  std::mutex mutex_;  ///< of what follows
  std::unique_ptr<GenerationAnswer> answer_;
  std::vector<Choice> choices_;
  std::vector<ToolSplitter> splitters_;
  std::vector<bool> begun_;
  std::size_t missing_;
  GenerationTotals totals_;
  bool has_head_ = false;
  bool failed_ = false;
};

}  // namespace

void generate(const SharedService& service, const http::Dialect& dialect, const std::shared_ptr<http::Exchange>& exchange,
              GenerationCall call, std::unique_ptr<GenerationAnswer> answer) {
  std::make_shared<Run>(service, dialect, exchange, std::move(call), std::move(answer))->start();
}

std::string event(std::string_view json, std::string_view name) {
  return name.empty() ? fmt::format("data: {}\n\n", json) : fmt::format("event: {}\ndata: {}\n\n", name, json);
}

}  // namespace accelerate::server
