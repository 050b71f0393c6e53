#pragma once

#include <cublasLt.h>

namespace accelerate::cuda {

/// The functions of cuBLASLt that products use.
struct CublasLt {
  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtDestroy) destroy = nullptr;
  decltype(&cublasLtMatmul) matmul = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) algorithms_for = nullptr;
  decltype(&cublasLtMatmulDescInit_internal) begin_description = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) describe = nullptr;
  decltype(&cublasLtMatrixLayoutInit_internal) begin_layout = nullptr;
  decltype(&cublasLtMatrixLayoutSetAttribute) describe_layout = nullptr;
  decltype(&cublasLtMatmulPreferenceInit_internal) begin_preference = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) prefer = nullptr;
};

}  // namespace accelerate::cuda
