// NVIDIA's cuBLASLt, loaded while the program runs: a machine without it has no device, and nothing else breaks.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "backends/cuda/matrix_products.h"

namespace accelerate::cuda {

struct CublasLt;

/// The folders that are searched for the library before the loader's own: those of ACCELERATE_CUDA_LIBRARIES, separated by
/// colons, this module's, and where the build found it.
std::vector<std::filesystem::path> library_folders();

/// The library's functions. Throws unavailable, with where it was looked for.
std::shared_ptr<const CublasLt> load_cublaslt(const std::vector<std::filesystem::path>& folders);

/// Products on the calling thread's current device. Throws unavailable when the library does not start.
std::unique_ptr<MatrixProducts> make_cublaslt_products(std::shared_ptr<const CublasLt> library);

}  // namespace accelerate::cuda
