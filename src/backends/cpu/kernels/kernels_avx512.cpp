// The kernels at AVX-512: floats in registers, narrower operands widened. The order of includes matters: the vector, the
// products written in it, the kernels written in those.
#include "backends/cpu/kernels/vector_avx512.h"

#include "backends/cpu/kernels/products_widened.inl.h"

#include "backends/cpu/kernels/table.inl.h"

namespace accelerate::cpu {

constinit const KernelTable avx512_kernels = table_of<VectorMultipliers>(Isa::avx512, vector_gemm_shape, vector_gemm, coded_vector_kernels);

}  // namespace accelerate::cpu
