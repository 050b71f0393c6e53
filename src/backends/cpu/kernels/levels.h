// The tables of the levels, one translation unit each; kernels_of() chooses among them.
#pragma once

#include "backends/cpu/kernels/kernel_table.h"

namespace accelerate::cpu {

extern const KernelTable avx2_kernels;
extern const KernelTable avx512_kernels;
extern const KernelTable avx512_bf16_kernels;
extern const KernelTable amx_kernels;

}  // namespace accelerate::cpu
