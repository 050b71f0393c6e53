#pragma once

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>

#include "ipfs_accelerate/endpoints.h"
#include "support/created_model.h"

namespace accelerate {

/// One way to compute, so that nothing is measured and results are exact.
inline LoadOptions exactly() { return {.backend = "cpu", .precision = "fp32", .threads = 2}; }

/// A folder with a small decoder with random weights.
inline const std::filesystem::path& decoder_folder() {
  static const TemporaryFolder made;
  static const CreatedModel created = create_model(Json{{"model_type", "llama"},
                                                        {"architectures", {"LlamaForCausalLM"}},
                                                        {"vocab_size", 200},
                                                        {"hidden_size", 32},
                                                        {"intermediate_size", 64},
                                                        {"num_hidden_layers", 2},
                                                        {"num_attention_heads", 4},
                                                        {"num_key_value_heads", 2},
                                                        {"max_position_embeddings", 512},
                                                        {"rms_norm_eps", 1e-6},
                                                        {"tie_word_embeddings", false}},
                                                   made.path(), {.seed = 3, .head = Head::causal_lm, .overwrite = true});
  (void)created;
  return made.path();
}

/// Keeps an endpoint's batches waiting until it is let go.
class Held {
 public:
  explicit Held(const Endpoint& endpoint) {
    std::promise<void> begun;
    endpoint.submit(EmbedRequest{.texts = {"x"}}, {}, [&begun, until = go_.get_future().share()](const TaskResult&) {
      begun.set_value();
      until.wait();
    });
    begun.get_future().wait();
  }
  ~Held() { let_go(); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  void let_go() {
    if (!gone_) go_.set_value();
    gone_ = true;
  }

 private:
  std::promise<void> go_;
  bool gone_ = false;
};

/// A request on its way.
inline std::future<TaskResult> begin(const Endpoint& endpoint, TaskRequest request, const CallOptions& options = {}) {
  auto promise = std::make_shared<std::promise<TaskResult>>();
  endpoint.submit(std::move(request), options, [promise](TaskResult result) { promise->set_value(std::move(result)); });
  return promise->get_future();
}

}  // namespace accelerate
