#include "backends/cpu/isa.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace accelerate::cpu {
namespace {

const std::vector<IsaSupport> desktop = {
    {Isa::avx2, true, ""}, {Isa::avx512, true, ""}, {Isa::avx512_bf16, false, "no AVX512_BF16"}, {Isa::amx, false, "no AMX_TILE"}};

TEST(Isa, TheBestLevelIsChosen) { EXPECT_EQ(choose_isa(desktop, std::nullopt), Isa::avx512); }

TEST(Isa, ALevelCanBeForced) { EXPECT_EQ(choose_isa(desktop, "avx2"), Isa::avx2); }

TEST(Isa, AForcedLevelMustBeUsable) {
  expect_error(ErrorKind::unavailable, "'amx', which this machine lacks: no AMX_TILE", [] { choose_isa(desktop, "amx"); });
}

TEST(Isa, AForcedLevelMustExist) {
  expect_error(ErrorKind::invalid_argument, "'sse2', expected avx2, avx512, avx512_bf16 or amx", [] { choose_isa(desktop, "sse2"); });
}

TEST(Isa, AMachineWithoutAnyIsRefused) {
  const std::vector<IsaSupport> old = {{Isa::avx2, false, "no FMA"}};
  expect_error(ErrorKind::unavailable, "no FMA", [&] { choose_isa(old, std::nullopt); });
}

TEST(Isa, SupportNamesEveryLevelAndWhatIsMissing) {
  const std::vector<IsaSupport> support = isa_support();
  ASSERT_EQ(support.size(), 4U);
  for (std::size_t i = 0; i < support.size(); ++i) {
    EXPECT_EQ(support[i].isa, static_cast<Isa>(i));
    EXPECT_EQ(support[i].usable, support[i].reason.empty()) << support[i].reason;
    // Each level needs what the one below it needs.
    EXPECT_LE(support[i].usable, support[i == 0 ? 0 : i - 1].usable);
  }
}

}  // namespace
}  // namespace accelerate::cpu
