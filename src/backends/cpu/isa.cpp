#include "backends/cpu/isa.h"

#include <cpuid.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "ipfs_accelerate/error.h"

namespace accelerate::cpu {
namespace {

constexpr std::array levels{Isa::avx2, Isa::avx512, Isa::avx512_bf16, Isa::amx};

struct Registers {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
};

/// What CPUID says of a leaf; zeros when the processor does not have it.
Registers cpuid(unsigned leaf, unsigned subleaf) {
  Registers result;
  __get_cpuid_count(leaf, subleaf, &result.eax, &result.ebx, &result.ecx, &result.edx);
  return result;
}

bool has(unsigned word, int bit) { return ((word >> bit) & 1U) != 0; }

/// The register sets that the operating system saves (XCR0), 0 when it does not say.
unsigned saved_registers() {
  constexpr int os_uses_xsave = 27;
  if (!has(cpuid(1, 0).ecx, os_uses_xsave)) return 0;
  unsigned low = 0;
  unsigned high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

/// Linux keeps AMX's tiles from a process until it has asked for them (arch/x86/xstate.html in the kernel's documentation).
bool tiles_permitted() {
  constexpr long request_permission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long tile_data = 18;               // XFEATURE_XTILEDATA
  static const bool permitted = syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  return permitted;
}

/// One thing that a level needs, and whether it is there.
struct Requirement {
  Isa level;
  bool met;
  const char* missing;
};

std::vector<Requirement> requirements() {
  const Registers basic = cpuid(1, 0);
  const Registers extended = cpuid(7, 0);
  const Registers further = cpuid(7, 1);
  const unsigned saved = saved_registers();
  constexpr unsigned avx_state = 0x06;
  constexpr unsigned avx512_state = 0xe6;
  constexpr unsigned amx_state = 0x60000;
  const bool amx = has(extended.edx, 24) && has(extended.edx, 25) && has(extended.edx, 22);
  const bool amx_saved = (saved & amx_state) == amx_state;
  return {
      {Isa::avx2, has(extended.ebx, 5), "no AVX2"},
      {Isa::avx2, has(basic.ecx, 12), "no FMA"},
      {Isa::avx2, has(basic.ecx, 29), "no F16C"},
      {Isa::avx2, (saved & avx_state) == avx_state, "the operating system does not save AVX registers"},
      {Isa::avx512, has(extended.ebx, 16), "no AVX512F"},
      {Isa::avx512, has(extended.ebx, 30), "no AVX512BW"},
      {Isa::avx512, has(extended.ebx, 17), "no AVX512DQ"},
      {Isa::avx512, has(extended.ebx, 31), "no AVX512VL"},
      {Isa::avx512, (saved & avx512_state) == avx512_state, "the operating system does not save AVX-512 registers"},
      {Isa::avx512_bf16, has(extended.ecx, 11), "no AVX512_VNNI"},
      {Isa::avx512_bf16, has(further.eax, 5), "no AVX512_BF16"},
      {Isa::amx, has(extended.edx, 24), "no AMX_TILE"},
      {Isa::amx, has(extended.edx, 25), "no AMX_INT8"},
      {Isa::amx, has(extended.edx, 22), "no AMX_BF16"},
      {Isa::amx, amx_saved, "the operating system does not save AMX tiles"},
      {Isa::amx, amx && amx_saved && tiles_permitted(), "the operating system does not permit AMX tiles"},
  };
}

}  // namespace

std::string_view name_of(Isa isa) {
  constexpr std::array<std::string_view, levels.size()> names{"avx2", "avx512", "avx512_bf16", "amx"};
  return names.at(static_cast<std::size_t>(isa));
}

std::vector<IsaSupport> isa_support() {
  const std::vector<Requirement> needed = requirements();
  std::vector<IsaSupport> support;
  for (const Isa isa : levels) {
    // Each level needs what the levels below it need.
    const auto unmet = std::ranges::find_if(needed, [isa](const Requirement& need) { return need.level <= isa && !need.met; });
    support.push_back({.isa = isa, .usable = unmet == needed.end(), .reason = unmet == needed.end() ? "" : unmet->missing});
  }
  return support;
}

Isa choose_isa(std::span<const IsaSupport> support, std::optional<std::string_view> forced) {
  if (!forced) {
    const auto best = std::ranges::find_if(support.rbegin(), support.rend(), &IsaSupport::usable);
    if (best == support.rend())
      throw Error(ErrorKind::unavailable, fmt::format("the cpu backend needs AVX2, FMA and F16C: {}", support.front().reason));
    return best->isa;
  }
  const auto named = std::ranges::find_if(support, [&](const IsaSupport& level) { return name_of(level.isa) == *forced; });
  if (named == support.end()) {
    throw Error(ErrorKind::invalid_argument, fmt::format("ACCELERATE_CPU_ISA is '{}', expected avx2, avx512, avx512_bf16 or amx", *forced));
  }
  if (!named->usable) {
    throw Error(ErrorKind::unavailable, fmt::format("ACCELERATE_CPU_ISA is '{}', which this machine lacks: {}", *forced, named->reason));
  }
  return named->isa;
}

Isa selected_isa() {
  static const Isa selected = [] {
    const char* forced = std::getenv("ACCELERATE_CPU_ISA");
    return choose_isa(isa_support(), forced == nullptr || *forced == '\0' ? std::nullopt : std::optional<std::string_view>(forced));
  }();
  return selected;
}

}  // namespace accelerate::cpu
