#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace accelerate::cpu {

/// Instruction-set levels that kernels are written for, in rising order of preference.
enum class Isa : std::uint8_t {
  avx2,         ///< AVX2, FMA and F16C
  avx512,       ///< AVX-512 F, BW, DQ and VL
  avx512_bf16,  ///< and VNNI and BF16: products of int8 and bfloat16 in one instruction
  amx,          ///< and AMX tiles of int8 and bfloat16
};

/// "avx2", "avx512", "avx512_bf16" or "amx".
std::string_view name_of(Isa isa);

/// Whether this machine runs `isa`, by CPUID's word and the operating system's; when not, why: "no AVX512_BF16", …
struct IsaSupport {
  Isa isa;
  bool usable;
  std::string reason;
};

/// Every level with its support on this machine, in rising order of preference.
std::vector<IsaSupport> isa_support();

/// The best usable level of `support`, or the one that `forced` names. Throws unavailable when there is none, or not the
/// one that is named; invalid_argument when the name is not a level.
Isa choose_isa(std::span<const IsaSupport> support, std::optional<std::string_view> forced);

/// The level that kernels run at: choose_isa() for this machine and ACCELERATE_CPU_ISA, once. Throws as it does.
Isa selected_isa();

}  // namespace accelerate::cpu
