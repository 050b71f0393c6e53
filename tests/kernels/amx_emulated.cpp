// The order of includes matters: the vector, the products written in it, the kernels written in those.
#include "amx_emulated.h"

#include "backends/cpu/kernels/vector_avx2.h"

#include "dot_emulated.h"

#include "backends/cpu/kernels/products_grouped.inl.h"

#include "backends/cpu/kernels/coded_amx.inl.h"
#include "backends/cpu/kernels/table.inl.h"
#include "tiles_emulated.h"

namespace accelerate::cpu {

constinit const KernelTable emulated_amx_kernels = table_of<TileMultipliers<EmulatedTiles>, RowsInTiles>(
    Isa::amx, tile_gemm_shape, tile_gemm<EmulatedTiles>, coded_tile_kernels<EmulatedTiles>);

}  // namespace accelerate::cpu
