#include "backends/cpu/kernels/kernel_table.h"

#include "backends/cpu/kernels/levels.h"

namespace accelerate::cpu {

const KernelTable& kernels() {
  static const KernelTable& table = kernels_of(selected_isa());
  return table;
}

const KernelTable& kernels_of(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return avx512_kernels;
    case Isa::avx512_bf16:
      return avx512_bf16_kernels;
    case Isa::amx:
      return amx_kernels;
    case Isa::avx2:
      break;
  }
  return avx2_kernels;
}

}  // namespace accelerate::cpu
