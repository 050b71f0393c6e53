#pragma once

#include "backends/cpu/kernels/kernel_table.h"

namespace accelerate::cpu {

/// The AMX level's algorithm over tiles that plain C++ emulates; the vectors around them are AVX2.
extern const KernelTable emulated_amx_kernels;

}  // namespace accelerate::cpu
