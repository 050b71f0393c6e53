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
      const auto own = ids.subspan(first, static_cast<std::size_t>(begins[i + 1]) - first);
      StepInput& step = texts.steps.emplace_back(StepInput{.sequence = texts.state.create(), .tokens = own});
      if (reads_source(report().graph)) step.source = read_first(own), step.tokens = own.first(1);
    }
    Tensor logits = engine_.step(texts.steps);
    for (StepInput& step : texts.steps) step.tokens = step.tokens.first(1), step.source = nullptr;
    for (std::int64_t token = 0; token < probed_tokens; ++token) logits = engine_.step(texts.steps);
    return {{"logits", std::move(logits)}};
  }

 private:
  /// The tokens as what an encoder reads, before a decoder goes on.
  std::shared_ptr<const SourceText> read_first(std::span<const std::int64_t> tokens) const {
    Tensor ids = Tensor::from<std::int64_t>(tokens, {static_cast<std::int64_t>(tokens.size())});
    return std::make_shared<const SourceText>(source_text(report().graph, {{"input_ids", std::move(ids)}}));
  }

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
