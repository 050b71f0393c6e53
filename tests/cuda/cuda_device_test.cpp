// Faults on a real device; skipped, with the reason, where there is none.
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "backends/cuda/backend.h"
#include "backends/cuda/buffers.h"
#include "backends/cuda/kernels/kernels.h"
#include "backends/cuda/machine.h"
#include "ipfs_accelerate/error.h"
#include "ops/case_builder.h"
#include "ops/cases.h"
#include "ops/compare.h"
#include "ops/execution.h"

namespace accelerate::cuda {
namespace {

class CudaDevice : public testing::Test {
 protected:
  void SetUp() override {
    const FoundDevices found = devices_->find();
    if (!found.reason.empty()) GTEST_SKIP() << found.reason;
  }

  std::shared_ptr<OpenDevices> devices_ = std::make_shared<OpenDevices>(this_machine());
};

CaseBuilder product() {
  CaseBuilder b(11);
  const Value x = b.floats("x", {b.size("tokens", 33), 64});
  b.graph().output("y", linear(x, b.weight("w", {48, 64}), b.weight("b", {48})));
  return b;
}

/// How the backend's answer differs from the reference's; nothing when it does not.
std::string difference(const Backend& backend) {
  CaseBuilder b = product();
  return difference_between(run_on_reference(b.graph(), b.inputs()), run_on(backend, b.graph(), b.inputs()), fp32_tolerance);
}

TEST_F(CudaDevice, MoreMemoryThanThereIsIsAnErrorThatNamesBoth) {
  const auto device = devices_->get("");
  {
    const DeviceUse use(*device);
    try {
      const DeviceBuffer buffer(device, std::size_t{1} << 46);
      FAIL() << "allocated";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::out_of_memory) << error.what();
      EXPECT_NE(std::string_view(error.what()).find("70368744177664"), std::string_view::npos) << error.what();
    }
  }
  EXPECT_EQ(difference(*make_cuda_backend(devices_)), "") << "the device works on";
}

TEST_F(CudaDevice, ABrokenContextIsSaidAndTheNextBackendWorks) {
  for (int round = 0; round < 2; ++round) {
    const auto backend = make_cuda_backend(devices_);
    CaseBuilder b = product();
    const auto executable = backend->compile(b.graph(), options_for(Precision::fp32));
    executable->run(b.inputs());

    const auto device = devices_->get("");
    {
      const DeviceUse use(*device);
      const OwnedStream stream(device);
      // An address that is nobody's.
      auto* const nowhere = reinterpret_cast<float*>(std::uintptr_t{1} << 40);
      const Status launched =
          unary({.function = UnaryFunction::negate, .x = {nowhere}, .y = {nowhere}, .count = 1024, .stream = stream.get()});
      try {
        device->check(static_cast<cudaError_t>(launched), "launching");
        device->check(device->api().synchronize(stream.get()), "running");
        FAIL() << "ran";
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::device_lost) << error.what();
      }
    }
    try {
      executable->run(b.inputs());
      FAIL() << "ran";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::device_lost) << error.what();
    }
    EXPECT_EQ(difference(*make_cuda_backend(devices_)), "") << round;
  }
}

}  // namespace
}  // namespace accelerate::cuda
