#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "backends/backend.h"
#include "backends/cuda/execution_context.h"
#include "backends/cuda/host_blocks.h"
#include "backends/cuda/input_checks.h"
#include "backends/cuda/layout.h"
#include "backends/cuda/steps.h"

namespace accelerate::cuda {

/// A graph compiled for one device: its weights are there, and each call puts its steps on a stream, or launches the
/// recording of an earlier call of the same sizes.
class CudaExecutable final : public Executable {
 public:
  CudaExecutable(std::shared_ptr<OpenDevice> device, CompileReport report, const CompileOptions& options);

  const CompileReport& report() const override { return report_; }
  TensorMap run(const TensorMap& inputs) const override;
  std::unique_ptr<State> make_state(const StateOptions& options) const override;
  TensorMap run(const TensorMap& inputs, const StateCall& call) const override;

 private:
  /// What a call with a state goes on from.
  struct Before {
    const CudaState& state;
    std::span<const SequenceId> sequences;
  };

  void make_steps(ThreadPool& threads);
  void upload_constants(ThreadPool& threads);
  void release_constants(const std::function<void(const Tensor&)>& release) const;

  TensorMap run_shape(const TensorMap& inputs, const CallShape& shape, const Before* before) const;
  std::shared_ptr<const Layout> layout_for(const CallShape& shape) const;
  void reserve(ExecutionContext& context, std::size_t bytes) const;
  Call call_in(const ExecutionContext& context, const Layout& layout, const CallShape& shape, const Before* before) const;

  void copy_in(const TensorMap& inputs, ExecutionContext& context, const Layout& layout, const Before* before) const;
  void run_steps(ExecutionContext& context, const CallShape& shape, const Call& call) const;
  void enqueue_steps(const Call& call) const;
  std::unique_ptr<CapturedGraph> record(const Call& call, bool& refused) const;
  TensorMap copy_out(const TensorMap& inputs, ExecutionContext& context, const Layout& layout, const SizeMap& sizes) const;
  void expect_no_fault(const Fault& fault) const;
  void wait_for(const ExecutionContext& context) const noexcept;

  std::shared_ptr<OpenDevice> device_;
  CompileReport report_;
  Precision precision_;
  std::vector<AppendedSize> appended_;
  std::vector<PlannedValue> values_;
  InputChecks checks_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<const Step*> faulting_;
  std::vector<std::shared_ptr<const DeviceWeight>> constants_;  ///< by value: those that steps read
  std::vector<Tensor> constant_outputs_;                        ///< by value: those that the graph gives as they are

  mutable std::mutex layouts_mutex_;
  mutable LruCache<CallShape, std::shared_ptr<const Layout>> layouts_;
  std::shared_ptr<HostBlocks> host_blocks_;
  mutable ContextPool contexts_;
};

}  // namespace accelerate::cuda
