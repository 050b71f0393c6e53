// What int8 means here: weights are rounded as everywhere, activations are not.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ops/case_builder.h"
#include "ops/compare.h"
#include "ops/execution.h"

namespace accelerate {
namespace {

/// weight [rows, columns] with each row in 254 equal steps around zero.
Tensor rounded(const Tensor& weight) {
  Tensor result = Tensor::zeros(DType::float32, {weight.dim(0), weight.dim(1)});
  const auto columns = static_cast<std::size_t>(weight.dim(1));
  for (std::size_t first = 0; first < static_cast<std::size_t>(weight.size()); first += columns) {
    float largest = 0;
    for (std::size_t i = first; i < first + columns; ++i) largest = std::max(largest, std::abs(weight.values<float>()[i]));
    for (std::size_t i = first; i < first + columns; ++i)
      result.mutable_values<float>()[i] = std::nearbyint(weight.values<float>()[i] * 127 / largest) * largest / 127;
  }
  return result;
}

Graph product_with(Tensor weight) {
  Graph graph;
  const Value x = graph.input("x", DType::float32, {Dim::named("tokens"), weight.dim(1)});
  graph.output("y", linear(x, graph.constant(std::move(weight), "w")));
  return graph;
}

TEST(Int8, RoundsWeightsAndNothingElse) {
  CaseBuilder builder(9);
  builder.floats("x", {builder.size("tokens", 20), 96});
  const Value weight = builder.weight("w", {64, 96});
  const Tensor stored = builder.graph().constant_of(weight.id())->tensor;
  const auto backend = backend_named("openvino");
  const TensorMap expected = run_on_reference(product_with(rounded(stored)), builder.inputs());
  const TensorMap actual = run_on(*backend, product_with(stored), builder.inputs(), Precision::int8);
  EXPECT_EQ(difference_between(expected, actual, 2e-6), "");
}

TEST(Precisions, BeginWithFloat32AndEndWithInt4) {
  const auto backend = backend_named("openvino");
  ASSERT_GE(backend->precisions().size(), 2U);
  EXPECT_EQ(backend->precisions().front(), Precision::fp32);
  const bool only_processor = backend->devices().usable.size() == 1 && backend->devices().usable.front().name == "openvino:CPU";
  if (only_processor) {
    EXPECT_EQ(std::ranges::count(backend->precisions(), Precision::fp16), 0);  // it sums in float16
  }
  EXPECT_EQ(backend->precisions().back(), Precision::int4);
}

TEST(Devices, TheProcessorIsOneAndOthersSayWhyTheyAreNot) {
  const Devices devices = backend_named("openvino")->devices();
  ASSERT_FALSE(devices.usable.empty());
  EXPECT_EQ(devices.usable.front().name, "openvino:CPU");
  for (const UnusableDevice& unusable : devices.unusable) EXPECT_NE(unusable.reason, "") << unusable.device.name;
}

}  // namespace
}  // namespace accelerate
