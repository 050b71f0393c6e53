#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/config.h"
#include "graph/weights.h"

namespace accelerate {

/// How the linear layers of a checkpoint are packed: GPTQ (Frantar et al., 2022) as AutoGPTQ lays it out, or AWQ (Lin et al.,
/// 2023) in the order of its gemm kernels.
struct PackingScheme {
  enum class Method : std::uint8_t { gptq, awq };
  Method method = Method::gptq;
  std::int64_t bits = 4;
  std::int64_t group_size = 0;  ///< inputs that share a scale; 0: all of a row
  bool zeros_less_one = false;  ///< stored zeros are one less than they are
};

/// The scheme that "quantization_config" of a config.json names; nothing without one. Throws unsupported, naming the field, for a
/// method, number of bits or layout that is not known here.
std::optional<PackingScheme> packing_scheme(const Config& config);

/// The tensors of one packed layer [in, out].
struct PackedWeight {
  const Tensor* codes;     ///< qweight: int32, [in · bits / 32, out] in GPTQ, [in, out · bits / 32] in AWQ
  const Tensor* zeros;     ///< qzeros: int32 [groups, out · bits / 32]
  const Tensor* scales;    ///< float16 or another float [groups, out]
  const Tensor* group_of;  ///< g_idx: int32 [in]; nullptr: inputs are in the order of their groups
};

/// The weight [out, in] that the tensors of layer `name` make up. Throws invalid_file, naming the tensor, when their types or shapes
/// do not fit each other or the scheme, or an input names a group that is not there.
QuantisedWeight unpacked_weight(const PackingScheme& scheme, std::string_view name, const PackedWeight& packed);

}  // namespace accelerate
