#pragma once

#include <mutex>

#include "backends/backend.h"
#include "backends/cpu/memory.h"
#include "backends/cpu/pieces.h"
#include "backends/cpu/steps.h"
#include "backends/memory_plan.h"

namespace accelerate::cpu {

/// A graph compiled for this machine's processor: steps, and the memory that calls use, each call its own arena.
class CpuExecutable final : public Executable {
 public:
  CpuExecutable(CompileReport report, const CompileOptions& options);

  const CompileReport& report() const override { return report_; }
  TensorMap run(const TensorMap& inputs) const override;
  std::unique_ptr<State> make_state(const StateOptions& options) const override;
  TensorMap run(const TensorMap& inputs, const StateCall& call) const override;

 private:
  TensorMap run_bound(const TensorMap& inputs, const SizeMap& sizes) const;
  TensorMap run_pieces(const TensorMap& inputs, const SizeMap& sizes, std::span<const Piece> pieces) const;
  TensorMap run_whole(const TensorMap& inputs, ThreadPool& threads, const StateCall* state = nullptr) const;

  void make_steps(const std::function<void(const Tensor&)>& release);
  void hold_constants();

  Buffer take_arena(std::size_t bytes) const;
  void give_arena(Buffer arena) const;

  CompileReport report_;
  std::shared_ptr<ThreadPool> threads_;
  Placements placements_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<std::pair<ValueId, Tensor>> constants_;  ///< those that steps and outputs read

  std::vector<RememberedAttention> remembered_;
  std::vector<AppendedSize> appended_;
  bool separable_ = false;

  mutable std::mutex arenas_mutex_;
  mutable std::vector<Buffer> arenas_;     ///< of finished calls
  mutable std::size_t largest_arena_ = 0;  ///< that any call got, so that arenas soon fit every call
};

}  // namespace accelerate::cpu
