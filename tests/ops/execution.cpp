#include "ops/execution.h"

#include "backends/reference/backend.h"

namespace accelerate {

CompileOptions options_for(Precision precision, std::vector<std::string> disabled_passes) {
  static const auto threads = std::make_shared<ThreadPool>();
  return {.precision = precision, .threads = threads, .disabled_passes = std::move(disabled_passes), .release = {}};
}

TensorMap run_on(const Backend& backend, const Graph& graph, const TensorMap& inputs, Precision precision) {
  return backend.compile(graph, options_for(precision))->run(inputs);
}

TensorMap run_on_reference(const Graph& graph, const TensorMap& inputs, Precision precision) {
  return run_on(*make_reference_backend(), graph, inputs, precision);
}

std::vector<std::string> usable_backends() {
  std::vector<std::string> names;
  for (const auto& backend : all_backends())
    if (backend->name() != "reference" && !backend->devices().usable.empty()) names.emplace_back(backend->name());
  return names;
}

}  // namespace accelerate
