#include "support/faulty_backend.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <new>

#include "backends/cpu/backend.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

[[noreturn]] void commit(Fault fault) {
  switch (fault) {
    case Fault::out_of_memory:
      throw Error(ErrorKind::out_of_memory, "no room");
    case Fault::device_lost:
      throw Error(ErrorKind::device_lost, "no answer");
    case Fault::bad_alloc:
      throw std::bad_alloc();
    case Fault::invalid_argument:
      break;
  }
  throw Error(ErrorKind::invalid_argument, "bad input");
}

}  // namespace

class FaultyExecutable final : public Executable {
 public:
  FaultyExecutable(std::unique_ptr<Executable> inner, std::string name, FaultyBackends& backends)
      : inner_(std::move(inner)), name_(std::move(name)), backends_(backends) {}

  const CompileReport& report() const override { return inner_->report(); }

  TensorMap run(const TensorMap& inputs) const override {
    const SizeMap sizes = bind_inputs(report().graph, inputs);
    const auto tokens = sizes.find("tokens");
    backends_.strike("run", name_, tokens == sizes.end() ? 0 : tokens->second);
    return inner_->run(inputs);
  }

  std::unique_ptr<State> make_state(const StateOptions& options) const override { return inner_->make_state(options); }

  TensorMap run(const TensorMap& inputs, const StateCall& call) const override {
    backends_.strike("run", name_, inputs.at("input_ids").dim(0));
    return inner_->run(inputs, call);
  }

 private:
  std::unique_ptr<Executable> inner_;
  std::string name_;
  FaultyBackends& backends_;
};

class FaultyBackend final : public Backend {
 public:
  FaultyBackend(std::string_view name, FaultyBackends& backends) : inner_(make_cpu_backend()), name_(name), backends_(backends) {}

  std::string_view name() const override { return name_; }
  Devices devices() const override { return inner_->devices(); }
  std::span<const Precision> precisions() const override { return name_ == "cpu" ? inner_->precisions() : all_precisions; }

  Support supports(const Graph& graph, const Node& node) const override {
    if (backends_.refuses(name_, node.op)) return {.yes = false, .reason = "not today"};
    return inner_->supports(graph, node);
  }

  std::unique_ptr<Executable> compile(Graph graph, const CompileOptions& options) const override {
    backends_.strike("compile", name_);
    return std::make_unique<FaultyExecutable>(inner_->compile(std::move(graph), options), name_, backends_);
  }

 private:
  std::unique_ptr<Backend> inner_;
  std::string name_;
  FaultyBackends& backends_;
};

std::unique_ptr<Backend> FaultyBackends::make(std::string_view name) {
  strike("make", std::string(name));
  return std::make_unique<FaultyBackend>(name, *this);
}

std::string FaultyBackends::log() const {
  const std::lock_guard lock(mutex_);
  return fmt::format("{}", fmt::join(events_, ", "));
}

bool FaultyBackends::refuses(const std::string& name, Op op) const {
  const std::lock_guard lock(mutex_);
  const auto faults = faults_.find(name);
  return faults != faults_.end() && faults->second.refused.contains(op);
}

void FaultyBackends::strike(std::string_view event, const std::string& name, std::int64_t tokens) {
  const std::lock_guard lock(mutex_);
  const bool runs = event == "run";
  events_.push_back(runs ? fmt::format("run {} {}", name, tokens) : fmt::format("{} {}", event, name));
  const int count = counts_[fmt::format("{} {}", event, name)]++;
  const Faults& faults = faults_[name];
  if (event == "make") return;
  const std::map<int, Fault>& due = runs ? faults.runs : faults.compilations;
  if (const auto fault = due.find(count); fault != due.end()) commit(fault->second);
  if (tokens > faults.most_tokens) commit(Fault::out_of_memory);
}

}  // namespace accelerate
