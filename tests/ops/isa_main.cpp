// The main function of tests that ctest runs once for each instruction set: where ACCELERATE_CPU_ISA names one that this
// machine lacks, they are skipped.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "backends/cpu/isa.h"

namespace {

/// Why this machine cannot run what ACCELERATE_CPU_ISA names, or nothing when it can.
std::string reason_to_skip() {
  const char* wanted = std::getenv("ACCELERATE_CPU_ISA");
  if (wanted == nullptr) return {};
  for (const accelerate::cpu::IsaSupport& support : accelerate::cpu::isa_support())
    if (name_of(support.isa) == wanted && !support.usable) return support.reason;
  return {};
}

}  // namespace

int main(int argument_count, char** arguments) {
  constexpr int skipped = 77;  // SKIP_RETURN_CODE in CMakeLists.txt
  if (const std::string reason = reason_to_skip(); !reason.empty()) {
    std::printf("skipped: %s\n", reason.c_str());
    return skipped;
  }
  testing::InitGoogleTest(&argument_count, arguments);
  return RUN_ALL_TESTS();
}
