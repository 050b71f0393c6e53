#pragma once

#include <memory>
#include <mutex>
#include <openvino/runtime/compiled_model.hpp>
#include <vector>

#include "backends/openvino/feeds.h"
#include "base/mapped_file.h"

namespace accelerate::openvino {

/// A graph compiled by the runtime for one layout of sequences, and the requests that calls of it share.
class CompiledGraph {
 public:
  /// A call for the runtime to work on. It borrows a request, and keeps alive what that is fed with.
  class Run {
   public:
    Run(std::shared_ptr<CompiledGraph> graph, const Call& call, std::span<Tensor> outputs);
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    /// Computes the outputs with this thread's help. Throws the runtime's exceptions.
    void run();

    /// Begins to compute the outputs; wait() returns when they are there. Throws the runtime's exceptions.
    void start();
    void wait();

   private:
    std::shared_ptr<CompiledGraph> graph_;
    ov::InferRequest request_;
    std::vector<Tensor> fed_;
    bool is_started_ = false;
  };

  /// `file` owns the bytes that the model's constants may lie in; it is nullptr for what was compiled here.
  CompiledGraph(std::vector<Feed> feeds, ov::CompiledModel model, std::shared_ptr<const MappedFile> file)
      : file_(std::move(file)), feeds_(std::move(feeds)), model_(std::move(model)) {}

  const std::vector<Feed>& feeds() const { return feeds_; }
  ov::CompiledModel& model() { return model_; }

 private:
  ov::InferRequest take_request();
  void give_request(ov::InferRequest request);

  std::shared_ptr<const MappedFile> file_;
  std::vector<Feed> feeds_;
  ov::CompiledModel model_;
  std::mutex requests_mutex_;
  std::vector<ov::InferRequest> requests_;  ///< that no call uses now
};

}  // namespace accelerate::openvino
