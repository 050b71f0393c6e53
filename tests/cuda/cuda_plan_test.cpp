// How values are laid out: elements, forms and views, and that nothing overlaps what lives with it.
#include <gtest/gtest.h>

#include <algorithm>

#include "backends/cuda/errors.h"
#include "backends/cuda/layout.h"
#include "backends/cuda/lru_cache.h"
#include "backends/cuda/support.h"
#include "cuda/fake_backend.h"

namespace accelerate::cuda {
namespace {

/// The encoder after the passes, as the backend runs it.
Graph compiled_encoder(Precision precision) {
  const FakeBackend fake;
  CaseBuilder b = encoder();
  return fake.compile(b.graph(), precision)->report().graph;
}

/// The planned values that nodes of that op make first.
std::vector<PlannedValue> made_by(const Graph& graph, Op op, Precision precision) {
  const std::vector<PlannedValue> values = plan_values(graph, precision);
  std::vector<PlannedValue> made;
  for (const Node& node : graph.nodes())
    if (node.op == op) made.push_back(values[static_cast<std::size_t>(node.outputs.front())]);
  return made;
}

TEST(CudaPlan, ActivationsBetweenProductsAreHalfAndOutputsAreNot) {
  const Graph graph = compiled_encoder(Precision::fp16);
  const auto norms = made_by(graph, Op::add_norm, Precision::fp16);
  ASSERT_EQ(norms.size(), 4U);
  EXPECT_EQ(norms[0].element, Element::float16);
  EXPECT_EQ(norms[1].element, Element::float16);
  EXPECT_EQ(norms[3].element, Element::float32) << "it is an output of the graph";
  for (const PlannedValue& attention : made_by(graph, Op::attention, Precision::fp16)) EXPECT_EQ(attention.element, Element::float16);
}

TEST(CudaPlan, EverythingIsFloat32AtFp32) {
  const Graph graph = compiled_encoder(Precision::fp32);
  for (Op op : {Op::linear, Op::attention, Op::add_norm})
    for (const PlannedValue& value : made_by(graph, op, Precision::fp32)) EXPECT_EQ(value.element, Element::float32);
}

TEST(CudaPlan, WhatOnlyInt8ProductsReadIsInt8Alone) {
  const Graph graph = compiled_encoder(Precision::int8);
  int int8_alone = 0;
  for (const PlannedValue& value : made_by(graph, Op::linear, Precision::int8)) int8_alone += value.quantised && !value.stored ? 1 : 0;
  EXPECT_EQ(int8_alone, 2) << "the wide activations of each layer";
  const auto norms = made_by(graph, Op::add_norm, Precision::int8);
  EXPECT_TRUE(norms[0].quantised && norms[0].stored) << "a product and a residual read it";
}

TEST(CudaPlan, QueriesKeysAndValuesAreViewsOfOneProduct) {
  const Graph graph = compiled_encoder(Precision::bf16);
  const std::vector<PlannedValue> values = plan_values(graph, Precision::bf16);
  for (const Node& node : graph.nodes()) {
    if (node.op != Op::attention) continue;
    for (std::size_t i = 0; i < 3; ++i) {
      const PlannedValue& operand = values[static_cast<std::size_t>(node.inputs[i])];
      EXPECT_EQ(operand.root, values[static_cast<std::size_t>(node.inputs[0])].root);
      EXPECT_EQ(operand.row_stride, 96);
      EXPECT_EQ(operand.offset, static_cast<std::int64_t>(32 * i));
    }
  }
}

TEST(CudaPlan, ASliceThatOthersReadIsCopied) {
  CaseBuilder b(1);
  const Value x = slice(b.floats("x", {b.size("tokens", 3), 8}), {.axis = 1, .start = 2, .stop = 4});
  b.graph().output("y", tanh(x));
  EXPECT_EQ(plan_values(b.graph(), Precision::fp32)[static_cast<std::size_t>(x.id())].root, x.id());
}

TEST(CudaPlan, ValuesThatLiveAtOnceDoNotOverlap) {
  for (const Precision precision : {Precision::fp32, Precision::fp16, Precision::bf16, Precision::int8}) {
    const FakeBackend fake;
    CaseBuilder b = encoder();
    const auto executable = fake.compile(b.graph(), precision);
    const Graph& graph = executable->report().graph;
    const std::vector<PlannedValue> values = plan_values(graph, precision);
    const auto device = fake.devices->get("");
    ThreadPool threads(1);
    const ThreadPool::Place place(threads);
    StepContext context{.graph = graph, .values = values, .device = device, .threads = threads};
    std::vector<std::unique_ptr<Step>> steps;
    for (const Node& node : graph.nodes()) {
      const ValueId output = node.outputs.front();
      const bool source = node.op == Op::input || node.op == Op::constant;
      if (!source && values[static_cast<std::size_t>(output)].root == output && !is_stacked_weight(graph, output))
        steps.push_back(make_step(context, node));
    }
    const Layout layout = lay_out(graph, values, steps, {.sizes = {{"tokens", 9}, {"sequences", 3}}});
    const auto begin = [&](ValueId value) { return layout.places[static_cast<std::size_t>(value)].offset; };
    const auto end = [&](ValueId value) {
      const Place& here = layout.places[static_cast<std::size_t>(value)];
      return here.offset + here.bytes + here.int8.bytes;
    };
    for (const auto& step : steps) {
      for (ValueId written : step->writes) {
        EXPECT_EQ(begin(written) % memory_alignment, 0U);
        EXPECT_LE(end(written), layout.scratch);
        EXPECT_LE(layout.scratch + step->scratch_bytes({{"tokens", 9}, {"sequences", 3}}), layout.bytes);
        for (ValueId read : step->reads) {
          if (graph.constant_of(read) != nullptr || end(written) == begin(written)) continue;
          EXPECT_TRUE(end(read) <= begin(written) || end(written) <= begin(read)) << read << " and " << written;
        }
      }
    }
    EXPECT_LE(layout.bytes_in(), layout.fault + memory_alignment);
    EXPECT_LE(layout.outputs_end, layout.scratch);
  }
}

TEST(CudaPlan, RefusesWhatItsKernelsDoNotTake) {
  CaseBuilder b(1);
  const Value sequences = b.sequences("sequences", {3});
  const Dim tokens = b.size("tokens", 3);
  const Value heads = b.floats("q", {tokens, 1, 300});
  const Value y = attention(heads, heads, heads, sequences, sequences, {.scale = 1});
  b.graph().output("y", y);
  const Support support = support_of(b.graph(), b.graph().producer(y.id()));
  EXPECT_FALSE(support.yes);
  EXPECT_EQ(support.reason, "[attention] heads have more than 256 numbers");
}

TEST(LruCache, KeepsWhatWasUsedLast) {
  LruCache<int, std::string> cache(2);
  cache.insert(1, "one");
  cache.insert(2, "two");
  ASSERT_NE(cache.find(1), nullptr);
  cache.insert(3, "three");
  EXPECT_EQ(cache.find(2), nullptr);
  EXPECT_EQ(*cache.find(1), "one");
  EXPECT_EQ(*cache.find(3), "three");
  EXPECT_EQ(cache.size(), 2U);
}

TEST(CudaErrors, HaveTheKindThatACallerActsOn) {
  EXPECT_EQ(kind_of(cudaErrorMemoryAllocation), ErrorKind::out_of_memory);
  for (cudaError_t lost :
       {cudaErrorIllegalAddress, cudaErrorLaunchFailure, cudaErrorECCUncorrectable, cudaErrorMisalignedAddress, cudaErrorUnknown})
    EXPECT_EQ(kind_of(lost), ErrorKind::device_lost) << lost;
  for (cudaError_t absent : {cudaErrorNoDevice, cudaErrorInsufficientDriver, cudaErrorNoKernelImageForDevice})
    EXPECT_EQ(kind_of(absent), ErrorKind::unavailable) << absent;
  EXPECT_EQ(kind_of(cudaErrorInvalidValue), ErrorKind::internal);
}

}  // namespace
}  // namespace accelerate::cuda
