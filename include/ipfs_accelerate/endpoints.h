// Models that many callers share: each by a name, with its queue, its bounds and its state.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ipfs_accelerate/endpoint_requests.h"
#include "ipfs_accelerate/endpoint_status.h"

namespace accelerate {

/// What waits for an endpoint at most, and what one batch holds.
struct QueueOptions {
  std::size_t most_requests = 1024;    ///< that wait; a request more is refused as `overloaded`
  std::int64_t most_tokens = 1 << 18;  ///< that wait; a request that would pass it is refused, unless nothing waits
  std::int64_t batch_tokens = 4096;    ///< of one batch, about
  std::size_t batch_texts = 4096;      ///< of one batch, at most
  std::size_t most_running = 64;       ///< texts that go on at once
};

struct EndpointOptions {
  std::filesystem::path folder;           ///< a Hugging Face model folder
  std::vector<std::string> aliases = {};  ///< other names that find it
  LoadOptions load = {};
  std::string task = {};  ///< the only one that it does; empty: all that the model can do
  QueueOptions queue = {};
  std::chrono::duration<double> keep_alive = std::chrono::minutes(5);  ///< idle time before the model is unloaded; negative: never
};

struct EndpointsOptions {
  std::int64_t memory_bytes = 0;  ///< that loaded models may hold together; 0: four fifths of what is free at the start
};

/// Too much waits: the request is refused whole, and nothing of it was computed.
class OverloadedError : public Error {
 public:
  OverloadedError(const std::string& message, double retry_after_seconds)
      : Error(ErrorKind::overloaded, message), retry_after_seconds_(retry_after_seconds) {}

  /// When there is likely room: the tokens that wait by the tokens a second that were lately computed; at least 1.
  double retry_after_seconds() const { return retry_after_seconds_; }

 private:
  double retry_after_seconds_;
};

/// A model's tokens of a text.
struct TokenizedText {
  std::vector<std::int64_t> ids;
  std::vector<std::string> tokens;  ///< as they stand in the vocabulary
  std::vector<bool> special;        ///< those that were added around the text
  std::vector<TextSpan> spans;      ///< Unicode characters of the text
};

/// One endpoint. Cheap to copy; threads may use one at once. A handle outlives the endpoint's removal, after which each request
/// is answered with not_found.
class Endpoint {
 public:
  const std::string& name() const;
  EndpointStatus status() const;

  /// Loads the model now, where it is not. Throws as Model::load does; out_of_memory, with the sizes, where it can never fit.
  void init() const;

  /// Whether the endpoint does that task: "embed", "fill-mask", "classify", "tag", "answer", "rerank", "zero-shot", "generate".
  /// Reads the model's folder, and does not load it.
  bool does(std::string_view task) const;

  /// Begins a request and returns; `done` is called once, perhaps before this returns. The texts become tokens on the calling
  /// thread, or on the one that loads the model where it is not yet loaded. The error may be: invalid_argument for what the
  /// model or the options refuse, unsupported for a task that is not this endpoint's, overloaded (OverloadedError), timed_out,
  /// cancelled, unavailable while it drains, not_found once it is removed, what loading threw, and what computing threw.
  void submit(TaskRequest request, const CallOptions& options, ReceiveResult done) const;

  /// The same, waiting for the answer. Throws the error.
  TaskResult wait(TaskRequest request, const CallOptions& options = {}) const;

  /// The answer to a request of that type. Throws the error.
  template <typename Request>
  typename Request::Answer invoke(Request request, const CallOptions& options = {}) const {
    return wait(TaskRequest(std::move(request)), options).template take<Request>();
  }

  /// The model's tokens of each text, special ones included where `add_special_tokens`. Loads the model where it is not.
  std::vector<TokenizedText> tokenize(const std::vector<std::string>& texts, bool add_special_tokens = true) const;

  /// The text of token ids. Loads the model where it is not. Throws invalid_argument for an id that is not in the vocabulary.
  std::string detokenize(const std::vector<std::int64_t>& ids, bool skip_special_tokens = true) const;

  /// What stands for a masked word in texts: "[MASK]". Loads the model where it is not. Throws unsupported where there is none.
  std::string mask_token() const;

  /// The prompt that the model's chat template makes. Throws unsupported where it has none.
  std::string render(const ChatPrompt& prompt) const;

  /// The largest batch of texts of `tokens_per_text` tokens (0: 0.99 times what the model can read) that fits in memory and
  /// still gains speed: doubled from 1 up to 4096 as long as that is so, each size measured. Kept for status(), and the bound
  /// of this endpoint's batches from then on. Loads the model where it is not.
  BatchLimit measure_batch_limit(std::int64_t tokens_per_text = 0) const;

 private:
  friend class Endpoints;
  class State;
  explicit Endpoint(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

/// The endpoints of a process. Endpoints of one folder, backend and precision share one loaded model. Models are loaded by
/// init() or the first request, unloaded when idle, and, where the memory is needed for another, those that have no work, the
/// longest unused first. Threads may use one at once.
class Endpoints {
 public:
  explicit Endpoints(const EndpointsOptions& options = {});

  /// Ends what waits as cancelled, waits for what is being computed, and unloads all models.
  ~Endpoints();
  Endpoints(const Endpoints&) = delete;
  Endpoints& operator=(const Endpoints&) = delete;

  /// Adds an endpoint without loading its model. Throws invalid_argument for a name or alias that is empty or taken and for
  /// bounds that hold nothing, unsupported for a task that the model's head cannot do, and as opening the folder does.
  Endpoint add(const std::string& name, const EndpointOptions& options);

  /// The endpoint of that name or alias. Throws not_found, listing the names.
  Endpoint get(std::string_view name) const;

  /// The only endpoint, where there is one. Throws invalid_argument, listing the names, where there are several or none.
  Endpoint only() const;

  /// All endpoints, by name.
  std::vector<Endpoint> list() const;

  /// Stops taking requests at that endpoint, and returns once those it has are answered or `most` is over; whether they are.
  bool drain(std::string_view name, std::chrono::duration<double> most);

  /// Takes requests again after a drain.
  void resume(std::string_view name);

  /// Removes the endpoint: what waits ends as cancelled, what is being computed is waited for, and its model is unloaded, and its
  /// memory given back, unless another endpoint uses it. Throws not_found.
  void remove(std::string_view name);

  /// Unloads the endpoint's model once it has no work, and keeps the endpoint: the next request loads it again. Whether it was
  /// unloaded: not where another endpoint of the same model has work, or more came meanwhile.
  bool unload(std::string_view name);

  /// Bytes that loaded models hold, and may hold.
  std::int64_t memory_bytes() const;
  std::int64_t most_memory_bytes() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace accelerate
