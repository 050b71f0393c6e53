// The kernels at AMX: matrix tiles for bfloat16 and bytes, AVX-512 for the rest. The order of includes matters: the
// vector, the products written in it, the kernels written in those.
#include "backends/cpu/kernels/dot_avx512_bf16.h"

#include "backends/cpu/kernels/products_grouped.inl.h"

#include "backends/cpu/kernels/coded_amx.inl.h"
#include "backends/cpu/kernels/table.inl.h"
#include "backends/cpu/kernels/tiles_amx.h"

namespace accelerate::cpu {

constinit const KernelTable amx_kernels =
    table_of<TileMultipliers<AmxTiles>, RowsInTiles>(Isa::amx, tile_gemm_shape, tile_gemm<AmxTiles>, coded_tile_kernels<AmxTiles>);

}  // namespace accelerate::cpu
