// Faults at every call that can have one: the error says what happened, nothing leaks, and what can go on goes on.
#include <gtest/gtest.h>

#include "cuda/fake_backend.h"
#include "ipfs_accelerate/error.h"
#include "ops/cases.h"
#include "ops/compare.h"

namespace accelerate::cuda {
namespace {

/// Compiles and runs four times, recording and launching included.
void work(const FakeBackend& fake, CaseBuilder& b) {
  const auto executable = fake.compile(b.graph(), Precision::bf16);
  for (int run = 0; run < 4; ++run) executable->run(b.inputs());
}

/// Calls of the device that compiling and running makes in all.
int calls_of_work(CaseBuilder& b) {
  const FakeBackend fake;
  work(fake, b);
  int calls = 0;
  for (const auto& [name, count] : fake.state->calls) calls += count;
  return calls;
}

TEST(CudaFaults, ALostDeviceAtAnyCallIsSaidAndANewBackendWorks) {
  CaseBuilder b = encoder(3, 1);
  const TensorMap expected = run_on_reference(b.graph(), b.inputs(), Precision::bf16);
  const int calls = calls_of_work(b);
  ASSERT_GT(calls, 80);
  for (int at = 0; at < calls; ++at) {
    const FakeBackend fake;
    fake.state->plan = {.name = "", .after = at, .status = cudaErrorIllegalAddress};
    try {
      work(fake, b);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::device_lost) << at << ": " << error.what();
      EXPECT_NE(std::string_view(error.what()).find("cuda:0"), std::string_view::npos) << error.what();
    }
    const auto fresh = make_cuda_backend(fake.devices);
    EXPECT_EQ(difference_between(expected, fresh->compile(b.graph(), options_for(Precision::bf16))->run(b.inputs()), 2e-2), "") << at;
  }
}

TEST(CudaFaults, WhatWasMadeOnALostDeviceStaysLostAndTouchesNothing) {
  CaseBuilder b = encoder();
  const FakeBackend fake;
  const auto old = fake.compile(b.graph());
  old->run(b.inputs());
  fake.state->plan = {.name = "synchronize", .after = 0, .status = cudaErrorECCUncorrectable};
  EXPECT_THROW(old->run(b.inputs()), Error);
  const auto fresh = fake.compile(b.graph());
  EXPECT_EQ(fake.state->resets, 1);
  try {
    old->run(b.inputs());
    FAIL() << "ran";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::device_lost) << error.what();
  }
  EXPECT_EQ(difference_between(run_on_reference(b.graph(), b.inputs()), fresh->run(b.inputs()), fp32_tolerance), "");
}

TEST(CudaFaults, OneRefusalOfMemoryIsMetByTrimmingThePool) {
  CaseBuilder b = encoder();
  for (int at = 0; at < 30; ++at) {
    const FakeBackend fake;
    fake.state->plan = {.name = "allocate", .after = at, .status = cudaErrorMemoryAllocation};
    EXPECT_NO_THROW(work(fake, b)) << at;
    EXPECT_TRUE(fake.state->is_clean()) << at;
  }
}

TEST(CudaFaults, NoMemoryFromAnyAllocationOnIsSaidAndLeaksNothing) {
  CaseBuilder b = encoder();
  const FakeBackend whole;
  work(whole, b);
  const int allocations = whole.state->calls["allocate"];
  ASSERT_GT(allocations, 10);
  for (int at = 0; at < allocations; ++at) {
    const FakeBackend fake;
    fake.state->plan = {.name = "allocate", .after = at, .status = cudaErrorMemoryAllocation, .times = 1 << 20};
    try {
      work(fake, b);
      ADD_FAILURE() << "ran, at " << at;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::out_of_memory) << error.what();
    }
    EXPECT_TRUE(fake.state->is_clean()) << at;
  }
}

TEST(CudaFaults, ACallThatDoesNotFitSaysSoAndSmallerOnesStillRun) {
  CaseBuilder small = encoder(5);
  CaseBuilder large = encoder(4000);
  const FakeBackend fake;
  const auto executable = fake.compile(small.graph());
  executable->run(small.inputs());
  fake.state->capacity = fake.state->used + (std::size_t{1} << 20);
  for (int run = 0; run < 2; ++run) {
    try {
      executable->run(large.inputs());
      FAIL() << "ran";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::out_of_memory);
      EXPECT_NE(std::string_view(error.what()).find("no memory for"), std::string_view::npos) << error.what();
      EXPECT_NE(std::string_view(error.what()).find("are free"), std::string_view::npos) << error.what();
    }
    EXPECT_EQ(difference_between(run_on_reference(small.graph(), small.inputs()), executable->run(small.inputs()), fp32_tolerance), "");
  }
}

TEST(CudaFaults, WeightsThatDoNotFitAreSaidAndLeaveNothing) {
  CaseBuilder b = encoder();
  const FakeBackend fake;
  fake.state->capacity = 20000;
  try {
    fake.compile(b.graph());
    FAIL() << "compiled";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::out_of_memory) << error.what();
  }
  EXPECT_TRUE(fake.state->is_clean());
}

TEST(CudaFaults, AnErrorThatBreaksNothingIsOneCallsAlone) {
  CaseBuilder b = encoder();
  const TensorMap expected = run_on_reference(b.graph(), b.inputs());
  for (const char* name : {"kernel", "product", "copy_to_device", "copy_to_host", "synchronize", "make_current"}) {
    const FakeBackend fake;
    const auto executable = fake.compile(b.graph());
    fake.state->plan = {.name = name, .after = 0, .status = cudaErrorInvalidValue};
    try {
      executable->run(b.inputs());
      FAIL() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::internal) << name << ": " << error.what();
    }
    for (int run = 0; run < 3; ++run) EXPECT_EQ(difference_between(expected, executable->run(b.inputs()), fp32_tolerance), "") << name;
    EXPECT_EQ(fake.state->resets, 0);
  }
}

TEST(CudaFaults, HostMemoryThatCannotBePinnedIsUsedAsItIs) {
  CaseBuilder b = encoder();
  const FakeBackend fake;
  fake.state->plan = {.name = "pin", .after = 0, .status = cudaErrorMemoryAllocation};
  EXPECT_EQ(difference_between(run_on_reference(b.graph(), b.inputs()), fake.compile(b.graph())->run(b.inputs()), fp32_tolerance), "");
}

TEST(CudaFaults, AMachineWithoutADeviceGivesItsReason) {
  struct Case {
    std::string absent;
    std::string refused_library;
    std::string_view reason;
  };
  for (const Case& given :
       {Case{"there is no NVIDIA driver", "", "there is no NVIDIA driver"}, Case{"", "cuBLASLt does not load", "cuBLASLt does not load"}}) {
    CaseBuilder b = encoder();
    const FakeBackend fake;
    fake.state->absent = given.absent;
    fake.state->refused_library = given.refused_library;
    EXPECT_TRUE(fake.backend->devices().usable.empty());
    EXPECT_EQ(fake.backend->devices().reason, given.reason);
    try {
      fake.compile(b.graph());
      FAIL() << "compiled";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unavailable);
      EXPECT_NE(std::string_view(error.what()).find(given.reason), std::string_view::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace accelerate::cuda
