// Fills a level's kernel table. The level has defined gemm() for its products, attention's multipliers, and how prepared rows lie.
#pragma once

#include "backends/cpu/kernels/attention.inl.h"
#include "backends/cpu/kernels/coded.inl.h"
#include "backends/cpu/kernels/levels.h"
#include "backends/cpu/kernels/norms.inl.h"

namespace accelerate::cpu {
namespace {

template <class Multipliers, class Arrangement = RowsApart>
constexpr KernelTable table_of(Isa isa, GemmShape (*shape)(Precision), void (*gemm)(const GemmArguments&, std::int64_t),
                               const CodedKernels& coded) {
  return {
      .isa = isa,
      .gemm_shape = shape,
      .packed_bytes = packed_bytes,
      .pack_panel = pack_panel,
      .prepared_bytes = prepared_bytes<Arrangement>,
      .prepare = prepare<Arrangement>,
      .gemm = gemm,
      .coded = coded,
      .attention_scratch_bytes = attention_scratch_bytes<Multipliers>,
      .attention = attention<Multipliers>,
      .page_bytes = page_bytes,
      .store_page = store_page,
      .layer_norm = layer_norm,
      .rms_norm = rms_norm,
      .unary = unary,
      .binary = binary,
      .softmax = softmax,
  };
}

}  // namespace
}  // namespace accelerate::cpu
