#include "ipfs_accelerate/endpoints.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <future>
#include <map>

#include "endpoints/endpoint.h"
#include "ipfs_accelerate/devices.h"
#include "tasks/scores.h"

namespace accelerate {

std::string_view name_of(EndpointState state) {
  constexpr std::array<std::string_view, 6> names{"unloaded", "loading", "ready", "draining", "failed", "removed"};
  return names.at(static_cast<std::size_t>(state));
}

const std::string& Endpoint::name() const { return state_->name(); }

EndpointStatus Endpoint::status() const { return state_->status(); }

void Endpoint::init() const {
  state_->use_model([](LoadedModel&) {});
}

bool Endpoint::does(std::string_view task) const { return state_->does(task); }

void Endpoint::submit(TaskRequest request, const CallOptions& options, ReceiveResult done) const {
  state_->submit(std::move(request), options, std::move(done));
}

TaskResult Endpoint::wait(TaskRequest request, const CallOptions& options) const {
  std::promise<TaskResult> promise;
  std::future<TaskResult> future = promise.get_future();
  // The thread that sets the value may still be in the promise when this one has it.
  submit(std::move(request), options, [promise = std::make_shared<std::promise<TaskResult>>(std::move(promise))](TaskResult result) {
    promise->set_value(std::move(result));
  });
  TaskResult result = future.get();
  if (result.error) std::rethrow_exception(result.error);
  return result;
}

std::vector<TokenizedText> Endpoint::tokenize(const std::vector<std::string>& texts, bool add_special_tokens) const {
  std::vector<TokenizedText> results;
  state_->use_model([&](LoadedModel& model) {
    const Tokenizer& tokenizer = model.tokenizer();
    for (const std::string& text : texts) {
      const TextInput input{.text = text};
      const Encodings encodings =
          tokenizer.encode(std::span(&input, 1), {.add_special_tokens = add_special_tokens, .offset_unit = OffsetUnit::characters});
      TokenizedText& result =
          results.emplace_back(TokenizedText{.ids = encodings.ids, .tokens = {}, .special = {}, .spans = encodings.offsets});
      for (const std::int64_t id : encodings.ids) result.tokens.push_back(tokenizer.token_of(id));
      result.special.assign(encodings.special.begin(), encodings.special.end());
    }
  });
  return results;
}

std::string Endpoint::detokenize(const std::vector<std::int64_t>& ids, bool skip_special_tokens) const {
  std::string text;
  state_->use_model([&](LoadedModel& model) { text = model.tokenizer().decode(ids, skip_special_tokens); });
  return text;
}

std::string Endpoint::mask_token() const {
  std::string token;
  state_->use_model([&](LoadedModel& model) {
    const std::optional<std::int64_t> id = model.tokenizer().id_of(SpecialToken::mask);
    if (!id) throw Error(ErrorKind::unsupported, fmt::format("endpoint '{}': the model's tokenizer names no mask token", name()));
    token = model.tokenizer().token_of(*id);
  });
  return token;
}

std::string Endpoint::render(const ChatPrompt& prompt) const {
  std::string text;
  state_->use_model([&](LoadedModel& model) { text = model.render(prompt); });
  return text;
}

BatchLimit Endpoint::measure_batch_limit(std::int64_t tokens_per_text) const { return state_->measure_batch_limit(tokens_per_text); }

namespace {

std::int64_t memory_for_models(std::int64_t asked) {
  if (asked > 0) return asked;
  constexpr std::int64_t where_unknown = std::int64_t{4} << 30;
  return describe_machine().memory_available_bytes.value_or(where_unknown) / 5 * 4;
}

void check(const QueueOptions& queue) {
  const auto expect = [](bool holds, std::string_view field, auto value) {
    if (!holds) throw Error(ErrorKind::invalid_argument, fmt::format("{}: {}, expected at least 1", field, value));
  };
  expect(queue.most_requests >= 1, "most_requests", queue.most_requests);
  expect(queue.most_tokens >= 1, "most_tokens", queue.most_tokens);
  expect(queue.batch_tokens >= 1, "batch_tokens", queue.batch_tokens);
  expect(queue.batch_texts >= 1, "batch_texts", queue.batch_texts);
  expect(queue.most_running >= 1, "most_running", queue.most_running);
}

}  // namespace

class Endpoints::State {
 public:
  explicit State(const EndpointsOptions& options) : pool(std::make_shared<ModelPool>(memory_for_models(options.memory_bytes))) {}

  /// Of `name` or an alias; nothing where there is none.
  std::shared_ptr<Endpoint::State> find(std::string_view name) const {
    const auto found = std::ranges::find_if(endpoints, [&](const auto& each) { return each.second->has_name(name); });
    return found == endpoints.end() ? nullptr : found->second;
  }

  std::string names() const {
    std::vector<std::string> all;
    for (const auto& [name, endpoint] : endpoints) all.push_back(name);
    return all.empty() ? "there are none" : fmt::format("{}", fmt::join(all, ", "));
  }

  std::shared_ptr<Endpoint::State> named(std::string_view name) const {
    const std::lock_guard lock(mutex);
    if (auto found = find(name)) return found;
    throw Error(ErrorKind::not_found, fmt::format("endpoint '{}' is not one of these: {}", name, names()));
  }

  const std::shared_ptr<ModelPool> pool;
  mutable std::mutex mutex;  ///< of the next
  std::map<std::string, std::shared_ptr<Endpoint::State>> endpoints;
};

Endpoints::Endpoints(const EndpointsOptions& options) : state_(std::make_shared<State>(options)) {}

Endpoints::~Endpoints() {
  for (const Endpoint& endpoint : list()) remove(endpoint.name());
}

Endpoint Endpoints::add(const std::string& name, const EndpointOptions& options) {
  check(options.queue);
  ModelFolder folder = open_model_folder(options.folder);
  const std::lock_guard lock(state_->mutex);
  std::vector<std::string> names = options.aliases;
  names.insert(names.begin(), name);
  for (const std::string& each : names) {
    if (each.empty()) throw Error(ErrorKind::invalid_argument, "an endpoint's name is empty, expected at least one character");
    if (const auto taken = state_->find(each))
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("endpoint '{}': the name '{}' is that of endpoint '{}' already", name, each, taken->name()));
  }
  const auto endpoint = std::make_shared<Endpoint::State>(name, options, std::move(folder), state_->pool);
  state_->endpoints.emplace(name, endpoint);
  return Endpoint(endpoint);
}

Endpoint Endpoints::get(std::string_view name) const { return Endpoint(state_->named(name)); }

Endpoint Endpoints::only() const {
  const std::lock_guard lock(state_->mutex);
  if (state_->endpoints.size() == 1) return Endpoint(state_->endpoints.begin()->second);
  throw Error(ErrorKind::invalid_argument, fmt::format("no endpoint was named, expected one of these: {}", state_->names()));
}

std::vector<Endpoint> Endpoints::list() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<Endpoint> endpoints;
  for (const auto& [name, endpoint] : state_->endpoints) endpoints.push_back(Endpoint(endpoint));
  return endpoints;
}

bool Endpoints::drain(std::string_view name, std::chrono::duration<double> most) { return state_->named(name)->drain(most); }

void Endpoints::resume(std::string_view name) { state_->named(name)->resume(); }

void Endpoints::remove(std::string_view name) {
  std::shared_ptr<Endpoint::State> endpoint = state_->named(name);
  {
    const std::lock_guard lock(state_->mutex);
    state_->endpoints.erase(endpoint->name());
  }
  endpoint->close();
}

bool Endpoints::unload(std::string_view name) { return state_->named(name)->unload(); }

std::int64_t Endpoints::memory_bytes() const { return state_->pool->bytes(); }

std::int64_t Endpoints::most_memory_bytes() const { return state_->pool->most_bytes(); }

}  // namespace accelerate
