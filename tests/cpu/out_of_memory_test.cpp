// A call that needs more memory than there is: an error that says how much, after which smaller calls work.
#include <gtest/gtest.h>

#include "ops/case_builder.h"
#include "ops/compare.h"
#include "ops/execution.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

/// The sums over x · xᵀ of x [tokens, 1], for which tokens² numbers are laid out.
Graph squares() {
  Graph graph;
  const Value x = graph.input("x", DType::float32, {Dim::named("tokens"), 1});
  graph.output("sums", reduce(matmul(x, x, {.transpose_b = true}), {.function = Reduction::sum, .axis = -1}));
  return graph;
}

TensorMap ones(std::int64_t tokens) {
  Tensor x = Tensor::zeros(DType::float32, {tokens, 1});
  for (float& element : x.mutable_values<float>()) element = 1;
  return {{"x", x}};
}

TEST(OutOfMemory, IsAnErrorOfOneCallAlone) {
  const std::unique_ptr<Executable> executable = backend_named("cpu")->compile(squares(), options_for(Precision::fp32));
  const TensorMap before = executable->run(ones(40));
  constexpr std::int64_t tokens = std::int64_t{1} << 23;  // 2^48 bytes: more than a process can name
  expect_error(ErrorKind::out_of_memory, "no memory for a buffer of 28147", [&] { executable->run(ones(tokens)); });
  EXPECT_EQ(difference_between(before, executable->run(ones(40)), 0), "");
  EXPECT_EQ(executable->run(ones(50)).at("sums").values<float>()[0], 50);
}

TEST(OutOfMemory, OfATensorNamesItsBytes) {
  constexpr std::int64_t elements = std::int64_t{1} << 58;
  expect_error(ErrorKind::out_of_memory, "bytes", [&] { Tensor::zeros(DType::float32, {elements}); });
}

}  // namespace
}  // namespace accelerate
