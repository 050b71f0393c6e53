#include <algorithm>
#include <mutex>

#include "base/content_id.h"
#include "endpoints/result_store.h"
#include "server/framework/framework.h"
#include "server/submit.h"

namespace accelerate::server::framework {

class ItemQueue {
 public:
  ResultStore results;
};

std::shared_ptr<ItemQueue> make_item_queue() { return std::make_shared<ItemQueue>(); }

namespace {

/// The items of one request: each result once, whoever asks for the same text twice.
class Batch {
 public:
  Batch(SharedService service, std::shared_ptr<ItemQueue> items, std::shared_ptr<http::Exchange> exchange, std::string model,
        std::size_t count)
      : service_(std::move(service)),
        items_(std::move(items)),
        exchange_(std::move(exchange)),
        model_(std::move(model)),
        missing_(count),
        results_(count) {}

  /// The result of item `i`, as JSON.
  void put(std::size_t i, const std::string& id, std::string result) {
    {
      const std::lock_guard lock(mutex_);
      results_[i] = {id, std::move(result)};
      if (--missing_ > 0) return;
    }
    finish();
  }

  /// The key of a kept result: one model's.
  std::string key_of(const std::string& id) const { return model_ + "\n" + id; }

 private:
  void finish() {
    if (exchange_->is_cancelled()) {
      for (auto& [id, result] : results_) items_->results.put(key_of(id), std::move(result));
      return;
    }
    std::string list = "[";
    for (const auto& [id, result] : results_) {
      if (list.size() > 1) list += ',';
      list += "{\"";
      list += id;
      list += "\":";
      list += result;
      list += '}';
    }
    exchange_->answer({.body = dump({{"message", list + "]"}})});
  }

  const SharedService service_;
  const std::shared_ptr<ItemQueue> items_;
  const std::shared_ptr<http::Exchange> exchange_;
  const std::string model_;
  std::mutex mutex_;  ///< of the next
  std::size_t missing_;
  std::vector<std::pair<std::string, std::string>> results_;
};

std::string result_json(TaskResult result) {
  if (!result.error) return dump(parts_json(std::move(result.answer)).front());
  return dump({{"error", http::http_error_of(result.error).what()}});
}

}  // namespace

void queue(const SharedService& service, const std::shared_ptr<ItemQueue>& items, const std::shared_ptr<http::Exchange>& exchange) {
  const Body body = Body::parse(exchange->take_body());
  const std::vector<std::string> models = models_of(body);
  if (models.size() != 1) body.refuse("models", "one model");
  const std::vector<std::string> data = body.required_texts("batch_data");
  const Endpoint endpoint = least_busy(*service, models.front());
  (void)request_of(endpoint, {data.empty() ? std::string() : data.front()});
  std::vector<std::pair<std::string, std::string>> texts;  // by id, each once
  for (const std::string& text : data) {
    const std::string id = content_id(text);
    if (std::ranges::find(texts, id, &std::pair<std::string, std::string>::first) == texts.end()) texts.emplace_back(id, text);
  }
  if (texts.empty()) return exchange->answer({.body = R"({"message":"[]"})"});
  exchange->note_endpoint(endpoint.name());
  // What a client began is computed to its end: it stays for the next who asks.
  CallOptions options{.client = call_options(*exchange).client};
  const auto batch = std::make_shared<Batch>(service, items, exchange, models.front(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string& id = texts[i].first;
    if (auto kept = items->results.take(batch->key_of(id))) {
      batch->put(i, id, *std::move(kept));
      continue;
    }
    endpoint.submit(request_of(endpoint, {texts[i].second}), options, [exchange, batch, i, id](TaskResult result) {
      const auto kept = std::make_shared<TaskResult>(std::move(result));
      exchange->on_worker([batch, i, id, kept] { batch->put(i, id, result_json(std::move(*kept))); });
    });
  }
}

}  // namespace accelerate::server::framework
