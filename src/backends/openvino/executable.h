#pragma once

#include <array>
#include <mutex>
#include <openvino/runtime/compiled_model.hpp>

#include "backends/backend.h"
#include "backends/openvino/feeds.h"
#include "backends/openvino/host_part.h"

namespace accelerate::openvino {

/// A graph compiled by the runtime for one layout of sequences, and the requests that calls of it share.
class CompiledGraph {
 public:
  CompiledGraph(std::vector<Feed> feeds, ov::CompiledModel model) : feeds_(std::move(feeds)), model_(std::move(model)) {}

  /// Runs the call; `outputs` are the model's results in order, each of the right shape.
  void run(const Call& call, std::span<Tensor> outputs);

  const ov::CompiledModel& model() const { return model_; }

 private:
  ov::InferRequest take_request();
  void give_request(ov::InferRequest request);

  std::vector<Feed> feeds_;
  ov::CompiledModel model_;
  std::mutex requests_mutex_;
  std::vector<ov::InferRequest> requests_;  ///< that no call uses now
};

/// A graph on one of the runtime's devices.
class OpenvinoExecutable final : public Executable {
 public:
  OpenvinoExecutable(CompileReport report, const CompileOptions& options, std::string device);

  const CompileReport& report() const override { return report_; }
  TensorMap run(const TensorMap& inputs) const override;

 private:
  /// Compiled when it is first needed: most callers never leave one layout.
  CompiledGraph& compiled_for(Layout layout) const;
  std::unique_ptr<CompiledGraph> compile(Layout layout) const;
  void count_runtime_ops();
  void release_packed_weights(const std::function<void(const Tensor&)>& release) const;

  struct Variant {
    std::mutex mutex;
    std::unique_ptr<CompiledGraph> compiled;
  };

  CompileReport report_;
  Precision precision_;
  std::shared_ptr<ThreadPool> threads_;
  std::string device_;
  HostPart host_;
  std::vector<ValueId> sequences_;
  bool needs_runtime_ = false;  ///< false when the host computes every output
  mutable std::array<Variant, 2> variants_;
};

}  // namespace accelerate::openvino
