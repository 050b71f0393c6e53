#pragma once

#include <array>
#include <filesystem>
#include <mutex>

#include "backends/backend.h"
#include "backends/openvino/compiled_graph.h"
#include "backends/openvino/host_part.h"
#include "backends/openvino/shares.h"
#include "backends/openvino/static_shapes.h"

namespace accelerate::openvino {

/// A graph on one of the runtime's devices, compiled up to four times, each when it is first needed: for sequences of equal
/// and of different lengths, and for calls that all threads share and calls that each thread takes a share of.
class OpenvinoExecutable final : public Executable {
 public:
  OpenvinoExecutable(CompileReport report, const CompileOptions& options, std::string device);

  const CompileReport& report() const override { return report_; }
  TensorMap run(const TensorMap& inputs) const override;
  std::unique_ptr<State> make_state(const StateOptions& options) const override;
  TensorMap run(const TensorMap& inputs, const StateCall& state_call) const override;

 private:
  /// A call that was looked at and may be handed to the runtime.
  struct Prepared {
    Call call;
    std::vector<Tensor> computed;  ///< the outputs that the runtime computes, in order
    bool is_empty = true;          ///< whether these have no elements
  };

  struct Form {
    Layout layout = Layout::equal;
    bool shared = false;  ///< one stream a thread, for a share of the batch each
  };

  struct Slot {
    std::mutex mutex;
    std::shared_ptr<CompiledGraph> compiled;
  };

  Prepared prepare(const TensorMap& inputs) const;
  TensorMap outputs_of(const Prepared& prepared) const;
  TensorMap run_shares(const TensorMap& inputs, const SizeMap& sizes, std::span<const Piece> shares) const;

  std::shared_ptr<CompiledGraph> compiled_for(Form form, std::string* note = nullptr) const;
  std::shared_ptr<CompiledGraph> compiled_for(const Call& call, bool shared) const;
  std::unique_ptr<CompiledGraph> compile(Form form, const Call* only = nullptr) const;
  std::unique_ptr<CompiledGraph> load_or_compile(Form form, std::string* note) const;
  std::string settings_for(Form form) const;
  void count_runtime_ops(CompiledGraph& compiled);
  void release_packed_weights(const std::function<void(const Tensor&)>& release) const;

  CompileReport report_;
  Precision precision_;
  std::shared_ptr<ThreadPool> threads_;
  std::filesystem::path cache_;
  std::string device_;
  HostPart host_;
  std::vector<ValueId> sequences_;
  std::vector<AppendedSize> appended_;
  bool is_separable_ = false;
  mutable std::array<Slot, 4> slots_;
  mutable StaticShapes static_shapes_;
};

}  // namespace accelerate::openvino
