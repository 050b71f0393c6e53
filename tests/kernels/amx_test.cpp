// The AMX level's gemm on machines with or without AMX: its algorithm over emulated tiles.
#include "amx_emulated.h"
#include "gemm_cases.h"

namespace accelerate::cpu {
namespace {

class EmulatedAmx : public testing::TestWithParam<Precision> {
 protected:
  void SetUp() override {
    if (usable_levels().empty()) GTEST_SKIP() << "the emulation is compiled for AVX2, which this machine lacks";
  }
};

INSTANTIATE_TEST_SUITE_P(Precisions, EmulatedAmx, testing::Values(Precision::fp32, Precision::bf16, Precision::int8),
                         [](const testing::TestParamInfo<Precision>& precision) { return std::string(name_of(precision.param)); });

TEST_P(EmulatedAmx, EveryNumberOfRows) {
  for (std::int64_t rows = 1; rows <= 70; ++rows) {
    check_gemm(emulated_amx_kernels, {.precision = GetParam(), .rows = rows, .inputs = 20, .outputs = 40});
  }
}

TEST_P(EmulatedAmx, EveryDepth) {
  for (std::int64_t inputs = 1; inputs <= 140; ++inputs) {
    check_gemm(emulated_amx_kernels, {.precision = GetParam(), .rows = 17, .inputs = inputs, .outputs = 33, .bias = true});
  }
  check_gemm(emulated_amx_kernels, {.precision = GetParam(), .rows = 33, .inputs = 384, .outputs = 64});
}

TEST_P(EmulatedAmx, DeepWithManyRows) {
  for (const std::int64_t rows : {5, 90, 150}) {
    check_gemm(emulated_amx_kernels, {.precision = GetParam(), .rows = rows, .inputs = 900, .outputs = 40, .bias = true, .residual = true});
  }
}

/// The precisions that tiles multiply; at fp32 vectors sum the whole depth at once.
class EmulatedTiles : public EmulatedAmx {};

INSTANTIATE_TEST_SUITE_P(Precisions, EmulatedTiles, testing::Values(Precision::bf16, Precision::int8),
                         [](const testing::TestParamInfo<Precision>& precision) { return std::string(name_of(precision.param)); });

/// Sums in parts of a panel's depth, for more tiles of rows than one group has.
TEST_P(EmulatedTiles, DepthInParts) {
  check_gemm(emulated_amx_kernels, {.precision = GetParam(), .rows = 300, .inputs = 1100, .outputs = 40, .bias = true});
}

TEST_P(EmulatedAmx, EveryWidthWithATail) {
  for (std::int64_t outputs = 1; outputs <= 70; ++outputs) {
    check_gemm(emulated_amx_kernels, {.precision = GetParam(),
                                      .rows = 35,
                                      .inputs = 24,
                                      .outputs = outputs,
                                      .bias = true,
                                      .residual = true,
                                      .activation = UnaryFunction::gelu_erf,
                                      .gap = 3});
  }
}

}  // namespace
}  // namespace accelerate::cpu
