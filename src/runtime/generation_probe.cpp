#include "runtime/generation_probe.h"

#include <mutex>

namespace accelerate {
namespace {

class GenerationProbe final : public Executable {
 public:
  GenerationProbe(std::shared_ptr<const Backend> backend, const Graph& graph, const GenerationEngineOptions& options)
      : engine_(std::move(backend), graph, options) {}

  const CompileReport& report() const override { return engine_.report(); }

  TensorMap run(const TensorMap& inputs) const override {
    const std::lock_guard lock(mutex_);
    const auto ids = inputs.at("input_ids").values<std::int64_t>();
    const auto begins = inputs.at("sequences").values<std::int64_t>();
    Texts texts(engine_.state());
    for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
      const auto first = static_cast<std::size_t>(begins[i]);
      texts.steps.push_back(
          {.sequence = texts.state.create(), .tokens = ids.subspan(first, static_cast<std::size_t>(begins[i + 1]) - first)});
    }
    Tensor logits = engine_.step(texts.steps);
    for (StepInput& step : texts.steps) step.tokens = step.tokens.first(1);
    for (std::int64_t token = 0; token < probed_tokens; ++token) logits = engine_.step(texts.steps);
    return {{"logits", std::move(logits)}};
  }

 private:
  /// The texts of one run, which are forgotten at its end.
  struct Texts {
    explicit Texts(State& of) : state(of) {}
    ~Texts() {
      for (const StepInput& step : steps) state.remove(step.sequence);
    }
    Texts(const Texts&) = delete;
    Texts& operator=(const Texts&) = delete;

    State& state;
    std::vector<StepInput> steps;
  };

  mutable std::mutex mutex_;
  mutable GenerationEngine engine_;
};

}  // namespace

std::unique_ptr<Executable> compile_generation_probe(std::shared_ptr<const Backend> backend, const Graph& graph,
                                                     const GenerationEngineOptions& options) {
  return std::make_unique<GenerationProbe>(std::move(backend), graph, options);
}

}  // namespace accelerate
