// The kernels at AVX-512 with VNNI and BF16. The order of includes matters: the vector, the products written in it, the
// kernels written in those.
#include "backends/cpu/kernels/dot_avx512_bf16.h"

#include "backends/cpu/kernels/products_grouped.inl.h"

#include "backends/cpu/kernels/table.inl.h"

namespace accelerate::cpu {

constinit const KernelTable avx512_bf16_kernels =
    table_of<VectorMultipliers>(Isa::avx512_bf16, vector_gemm_shape, vector_gemm, coded_vector_kernels);

}  // namespace accelerate::cpu
