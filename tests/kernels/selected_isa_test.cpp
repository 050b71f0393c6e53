// Runs under ACCELERATE_CPU_ISA, once for each level and once without: proves which kernels a process gets.
#include <cstdlib>

#include "backends/cpu/kernels/kernel_table.h"
#include "ipfs_accelerate/error.h"
#include "kernel_test.h"
#include "support/expect_error.h"

namespace accelerate::cpu {
namespace {

TEST(SelectedIsa, IsTheOneThatTheEnvironmentNames) {
  const char* forced = std::getenv("ACCELERATE_CPU_ISA");
  const std::vector<Isa> usable = usable_levels();
  if (forced == nullptr) {
    ASSERT_FALSE(usable.empty());
    EXPECT_EQ(kernels().isa, usable.back());
    return;
  }
  for (const IsaSupport& level : isa_support()) {
    if (name_of(level.isa) != forced) continue;
    if (level.usable) {
      EXPECT_EQ(name_of(kernels().isa), forced);
    } else {
      expect_error(ErrorKind::unavailable, level.reason, [] { kernels(); });
    }
    return;
  }
  expect_error(ErrorKind::invalid_argument, forced, [] { kernels(); });
}

TEST(SelectedIsa, EveryTableSaysItsOwnLevel) {
  for (const Isa isa : usable_levels()) EXPECT_EQ(kernels_of(isa).isa, isa);
}

}  // namespace
}  // namespace accelerate::cpu
