// Reading and writing arrays of any element, one element or eight neighbours at a time.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

#include "backends/cuda/kernels/kernels.h"

namespace accelerate::cuda {

/// One float, whatever it is stored as.
struct Floats {
  static __device__ float load(const void* data, Element element, std::int64_t place) {
    if (element == Element::float32) return static_cast<const float*>(data)[place];
    if (element == Element::float16) return __half2float(static_cast<const __half*>(data)[place]);
    return __bfloat162float(static_cast<const __nv_bfloat16*>(data)[place]);
  }
  static __device__ void store(void* data, Element element, std::int64_t place, float value) {
    if (element == Element::float32)
      static_cast<float*>(data)[place] = value;
    else if (element == Element::float16)
      static_cast<__half*>(data)[place] = __float2half_rn(value);
    else
      static_cast<__nv_bfloat16*>(data)[place] = __float2bfloat16_rn(value);
  }
};

/// Eight neighbours are read and written at once.
inline constexpr int vector_size = 8;
using Vector = float[vector_size];

__device__ inline void load_float32(const float* data, Vector& values) {
  const float4 first = *reinterpret_cast<const float4*>(data);
  const float4 second = *reinterpret_cast<const float4*>(data + 4);
  values[0] = first.x;
  values[1] = first.y;
  values[2] = first.z;
  values[3] = first.w;
  values[4] = second.x;
  values[5] = second.y;
  values[6] = second.z;
  values[7] = second.w;
}

__device__ inline void load_float16(const __half* data, Vector& values) {
  const uint4 bits = *reinterpret_cast<const uint4*>(data);
  const auto* pairs = reinterpret_cast<const __half2*>(&bits);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float2 pair = __half22float2(pairs[i]);
    values[2 * i] = pair.x;
    values[2 * i + 1] = pair.y;
  }
}

__device__ inline void load_bfloat16(const __nv_bfloat16* data, Vector& values) {
  const uint4 bits = *reinterpret_cast<const uint4*>(data);
  const auto* pairs = reinterpret_cast<const __nv_bfloat162*>(&bits);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float2 pair = __bfloat1622float2(pairs[i]);
    values[2 * i] = pair.x;
    values[2 * i + 1] = pair.y;
  }
}

__device__ inline void store_vector(void* data, Element element, std::int64_t place, const Vector& values) {
  if (element == Element::float32) {
    auto* target = reinterpret_cast<float4*>(static_cast<float*>(data) + place);
    target[0] = make_float4(values[0], values[1], values[2], values[3]);
    target[1] = make_float4(values[4], values[5], values[6], values[7]);
    return;
  }
  uint4 bits;
  if (element == Element::float16) {
    auto* pairs = reinterpret_cast<__half2*>(&bits);
#pragma unroll
    for (int i = 0; i < 4; ++i) pairs[i] = __floats2half2_rn(values[2 * i], values[2 * i + 1]);
  } else {
    auto* pairs = reinterpret_cast<__nv_bfloat162*>(&bits);
#pragma unroll
    for (int i = 0; i < 4; ++i) pairs[i] = __floats2bfloat162_rn(values[2 * i], values[2 * i + 1]);
  }
  *reinterpret_cast<uint4*>(static_cast<std::uint16_t*>(data) + place) = bits;
}

/// Eight neighbours from `place` on, of which `count` exist and the others are 0. Vectored: `place` is a multiple of eight in
/// an array on a 16-byte boundary, and all exist or none does.
template <bool Vectored>
__device__ void load_vector(const void* data, Element element, std::int64_t place, int count, Vector& values) {
  if (Vectored && count > 0) {
    if (element == Element::float32)
      load_float32(static_cast<const float*>(data) + place, values);
    else if (element == Element::float16)
      load_float16(static_cast<const __half*>(data) + place, values);
    else
      load_bfloat16(static_cast<const __nv_bfloat16*>(data) + place, values);
    return;
  }
#pragma unroll
  for (int i = 0; i < vector_size; ++i) values[i] = !Vectored && i < count ? Floats::load(data, element, place + i) : 0.0F;
}

template <bool Vectored>
__device__ void store_vector(void* data, Element element, std::int64_t place, int count, const Vector& values) {
  if constexpr (Vectored) {
    if (count > 0) store_vector(data, element, place, values);
  } else {
#pragma unroll
    for (int i = 0; i < vector_size; ++i)
      if (i < count) Floats::store(data, element, place + i, values[i]);
  }
}

/// The fault's first teller fills it.
__device__ inline void tell(Fault* fault, const Fault& what) {
  if (fault == nullptr) return;
  auto* kind = reinterpret_cast<int*>(&fault->kind);
  if (atomicCAS(kind, 0, static_cast<int>(what.kind)) != 0) return;
  fault->node = what.node;
  fault->table = what.table;
  fault->position = what.position;
  fault->value = what.value;
}

}  // namespace accelerate::cuda
