// The module as the program finds it. Where there is a device it runs; where there is none, the backend says why, and
// neither loading it nor asking it anything breaks.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "backends/module/module.h"
#include "graph/ops.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

std::unique_ptr<Backend> module() { return make_module_backend("cuda", ACCELERATE_TEST_MODULES); }

Graph doubling() {
  Graph graph;
  const Value x = graph.input("x", DType::float32, {Dim(3)});
  graph.output("y", x + x);
  return graph;
}

TEST(CudaModule, LoadsEverywhere) {
  const auto backend = module();
  EXPECT_EQ(backend->name(), "cuda");
  EXPECT_FALSE(backend->precisions().empty()) << backend->devices().reason;
}

TEST(CudaModule, HasADeviceOrAReason) {
  const Devices devices = module()->devices();
  EXPECT_NE(devices.usable.empty(), devices.reason.empty()) << devices.reason;
  EXPECT_EQ(devices.reason.find('\n'), std::string::npos);
}

TEST(CudaModule, RunsOrRefusesWithTheReason) {
  const auto backend = module();
  const Devices devices = backend->devices();
  const CompileOptions options{.threads = std::make_shared<ThreadPool>(1)};
  if (devices.usable.empty()) {
    try {
      backend->compile(doubling(), options);
      FAIL() << "compiled without a device";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unavailable);
      EXPECT_NE(std::string_view(error.what()).find(devices.reason), std::string_view::npos) << error.what();
    }
    return;
  }
  const std::array numbers{1.0F, -2.0F, 0.5F};
  const TensorMap outputs = backend->compile(doubling(), options)->run({{"x", Tensor::from<float>(numbers, {3})}});
  EXPECT_EQ(outputs.at("y").values<float>()[1], -4.0F);
}

TEST(CudaModule, RefusesADeviceThatIsNotThere) {
  const CompileOptions options{.device = "cuda:99", .threads = std::make_shared<ThreadPool>(1)};
  try {
    module()->compile(doubling(), options);
    FAIL() << "compiled for cuda:99";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unavailable) << error.what();
  }
}

}  // namespace
}  // namespace accelerate
