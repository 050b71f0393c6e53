#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backends/backend.h"
#include "graph/ops.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {

/// What a backend of the tests is like.
struct FakeSettings {
  std::string name;
  std::vector<Device> usable = {{"cpu", "made up"}};
  std::vector<UnusableDevice> unusable = {};
  std::string reason = {};
  std::vector<Precision> precisions = {Precision::fp32, Precision::bf16, Precision::int8};
  std::map<Precision, double> milliseconds = {};  ///< a run takes in a precision
  std::map<Precision, ErrorKind> failures = {};   ///< of compiling in a precision
  std::map<Precision, float> errors = {};         ///< added to half of each result's numbers
  std::shared_ptr<std::atomic<int>> compiles = std::make_shared<std::atomic<int>>(0);
};

/// Gives ones, and what its settings add to them.
class FakeExecutable final : public Executable {
 public:
  FakeExecutable(double milliseconds, float error) : milliseconds_(milliseconds), error_(error) {}

  const CompileReport& report() const override { return report_; }

  TensorMap run(const TensorMap& inputs) const override {
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(milliseconds_));
    const std::int64_t sequences = inputs.at("sequences").size() - 1;
    Tensor result = Tensor::zeros(DType::float32, {sequences, 16});
    const std::span<float> values = result.mutable_values<float>();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1 + (i % 2 == 0 ? error_ : 0);
    return {{"embedding", std::move(result)}};
  }

 private:
  double milliseconds_;
  float error_;
  CompileReport report_;
};

class FakeBackend final : public Backend {
 public:
  explicit FakeBackend(FakeSettings settings) : settings_(std::move(settings)) {}

  std::string_view name() const override { return settings_.name; }
  Devices devices() const override { return {settings_.usable, settings_.unusable, settings_.reason}; }
  std::span<const Precision> precisions() const override { return settings_.precisions; }
  Support supports(const Graph&, const Node&) const override { return {true, ""}; }

  std::unique_ptr<Executable> compile(Graph, const CompileOptions& options) const override {
    ++*settings_.compiles;
    if (const auto failure = settings_.failures.find(options.precision); failure != settings_.failures.end())
      throw Error(failure->second, settings_.name + " cannot");
    const auto time = settings_.milliseconds.find(options.precision);
    const auto error = settings_.errors.find(options.precision);
    return std::make_unique<FakeExecutable>(time == settings_.milliseconds.end() ? 0.1 : time->second,
                                            error == settings_.errors.end() ? 0 : error->second);
  }

 private:
  FakeSettings settings_;
};

inline std::vector<std::unique_ptr<Backend>> fake_backends(const std::vector<FakeSettings>& settings) {
  std::vector<std::unique_ptr<Backend>> backends;
  for (const FakeSettings& one : settings) backends.push_back(std::make_unique<FakeBackend>(one));
  return backends;
}

/// A graph with a text model's inputs, and `constant` among its weights.
inline Graph text_graph(float constant = 1) {
  Graph graph;
  const Value ids = graph.input("input_ids", DType::int64, {Dim::named("tokens")});
  graph.input("sequences", DType::int64, {Dim::named("sequences") + 1});
  const std::vector<float> weights(64, constant);
  graph.output("embedding", cast(ids, DType::float32) *
                                reduce(graph.constant(Tensor::from<float>(weights, {64}), "weight"), {.function = Reduction::sum}));
  return graph;
}

}  // namespace accelerate
