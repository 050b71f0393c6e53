#pragma once

#include "backends/cpu/isa.h"
#include "base/precision.h"

namespace accelerate::cpu {

/// Multiplications and additions a second that one thread of this machine does at `isa` when nothing leaves the
/// registers: the instruction that a gemm of that precision spends its time in, on independent accumulators.
double register_peak(Isa isa, Precision precision);

}  // namespace accelerate::cpu
