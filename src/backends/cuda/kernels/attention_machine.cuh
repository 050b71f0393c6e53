// The device as HalfAttention's Machine: each operation of one lane, most of them one PTX instruction.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

#include "backends/cuda/kernels/kernels.h"

namespace accelerate::cuda {

template <Element element>
struct DeviceMachine {
  static_assert(element == Element::float16 || element == Element::bfloat16);
  using Float = float;
  using Word = std::uint32_t;
  using Integer = int;
  using Long = std::int64_t;
  using Mask = bool;

  static __device__ int lane() { return static_cast<int>(threadIdx.x % 32); }
  static __device__ int warp() { return static_cast<int>(threadIdx.x / 32); }
  static __device__ Long widen(int x) { return x; }
  static __device__ bool both(bool a, bool b) { return a && b; }
  static __device__ bool either(bool a, bool b) { return a || b; }
  static __device__ float as_float(int x) { return static_cast<float>(x); }
  template <class T>
  static __device__ T select(bool condition, T a, T b) {
    return condition ? a : b;
  }
  static __device__ float minus_infinity() { return __int_as_float(static_cast<int>(0xff800000U)); }
  static __device__ float larger(float a, float b) { return fmaxf(a, b); }
  static __device__ float multiply_add(float a, float b, float c) { return fmaf(a, b, c); }
  static __device__ float power_of_two(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
  static __device__ float hyperbolic_tangent(float x) { return tanhf(x); }
  static __device__ float exchange(float x, int distance) { return __shfl_xor_sync(0xffffffffU, x, distance); }

  /// Both rounded to 16 bits, the first in the lower half.
  static __device__ Word pack(float low, float high) {
    Word word;
    if constexpr (element == Element::bfloat16)
      asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
    else
      asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
    return word;
  }

  /// d += a · b, of 16 × 16 and 16 × 8.
  static __device__ void multiply(float (&d)[4], const Word (&a)[4], Word b0, Word b1) {
    if constexpr (element == Element::bfloat16)
      asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
          : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
          : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    else
      asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
          : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
          : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }

  static __device__ std::uint32_t shared_address(const void* pointer) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
  }

  /// Four 8 × 8 matrices; the lane's address is that of a row.
  static __device__ void load_matrices(Word (&words)[4], const std::uint16_t* shared, int offset) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(shared_address(shared + offset))
                 : "memory");
  }
  static __device__ void load_matrices_transposed(Word (&words)[4], const std::uint16_t* shared, int offset) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(shared_address(shared + offset))
                 : "memory");
  }

  /// Two neighbouring elements at an even offset, or zeros.
  static __device__ Word load_word(const std::uint16_t* data, std::int64_t offset, bool exists) {
    return exists ? *reinterpret_cast<const Word*>(data + offset) : 0U;
  }
  template <class T>
  static __device__ T gather(const T* data, std::int64_t offset, bool exists) {
    return exists ? __ldg(data + offset) : T{};
  }
  static __device__ std::int64_t gather(const std::int64_t* data, std::int64_t offset, bool exists) { return exists ? data[offset] : 0; }

  static __device__ bool is_set(const std::uint8_t* data, std::int64_t offset, bool exists) { return exists && data[offset] != 0; }

  static __device__ void store_pair(void* data, Element stored, std::int64_t place, float low, float high, bool exists) {
    if (!exists) return;
    if (stored == Element::float32)
      *reinterpret_cast<float2*>(static_cast<float*>(data) + place) = make_float2(low, high);
    else if (stored == Element::float16)
      *reinterpret_cast<__half2*>(static_cast<__half*>(data) + place) = __floats2half2_rn(low, high);
    else
      *reinterpret_cast<__nv_bfloat162*>(static_cast<__nv_bfloat16*>(data) + place) = __floats2bfloat162_rn(low, high);
  }

  /// Starts copying 16 bytes, or zeros, to shared memory.
  static __device__ void copy(std::uint16_t* shared, const std::uint16_t* source, bool exists) {
    const int bytes = exists ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(__cvta_generic_to_global(source)),
                 "r"(bytes)
                 : "memory");
  }
  static __device__ void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
  static __device__ void wait_for_copies() { asm volatile("cp.async.wait_group 0;" ::: "memory"); }
  static __device__ void barrier() { __syncthreads(); }

  /// Calls function(item) for each of the items, shared out among the block's 128 threads.
  template <int items, class Function>
  static __device__ void share_out(Function function) {
#pragma unroll
    for (int first = 0; first < items; first += 128)
      if (items % 128 == 0 || first + static_cast<int>(threadIdx.x) < items) function(first + static_cast<int>(threadIdx.x));
  }
  template <class Predicate>
  static __device__ int count(Predicate predicate) {
    return __syncthreads_count(predicate(static_cast<int>(threadIdx.x)) ? 1 : 0);
  }
};

}  // namespace accelerate::cuda
