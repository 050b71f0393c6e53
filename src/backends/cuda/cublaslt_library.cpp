#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <sstream>

#include "backends/cuda/cublaslt.h"
#include "backends/cuda/cublaslt_functions.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {
namespace {

namespace fs = std::filesystem;

constexpr const char* file_name = "libcublasLt.so.13";

/// The folder of the shared library that this code is in.
fs::path own_folder() {
  Dl_info place{};
  if (dladdr(reinterpret_cast<const void*>(&library_folders), &place) == 0 || place.dli_fname == nullptr) return {};
  return fs::path(place.dli_fname).parent_path();
}

/// The library from the first of the folders that has it, else from where the loader looks. Never unloaded: the driver
/// keeps pointers into it.
void* open_library(const std::vector<fs::path>& folders) {
  std::string places;
  for (const fs::path& folder : folders) {
    const fs::path file = folder / file_name;
    std::error_code ignored;
    if (fs::exists(file, ignored))
      if (void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    places += fmt::format("{}, ", folder.string());
  }
  if (void* library = dlopen(file_name, RTLD_NOW | RTLD_LOCAL)) return library;
  const char* message = dlerror();
  throw Error(ErrorKind::unavailable,
              fmt::format("cuBLASLt of CUDA 13 does not load: {} (looked in {}and where the loader looks; ACCELERATE_CUDA_LIBRARIES names "
                          "further folders)",
                          message == nullptr ? "no reason given" : message, places));
}

template <typename Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) throw Error(ErrorKind::unavailable, fmt::format("{} has no function {}", file_name, name));
}

}  // namespace

std::vector<fs::path> library_folders() {
  std::vector<fs::path> folders;
  if (const char* named = std::getenv("ACCELERATE_CUDA_LIBRARIES")) {
    std::istringstream list(named);
    for (std::string folder; std::getline(list, folder, ':');)
      if (!folder.empty()) folders.emplace_back(folder);
  }
  if (const fs::path own = own_folder(); !own.empty()) folders.push_back(own);
  folders.emplace_back(ACCELERATE_CUDA_BUILD_LIBRARIES);
  return folders;
}

std::shared_ptr<const CublasLt> load_cublaslt(const std::vector<fs::path>& folders) {
  void* const library = open_library(folders);
  auto functions = std::make_shared<CublasLt>();
  find(library, "cublasLtCreate", functions->create);
  find(library, "cublasLtDestroy", functions->destroy);
  find(library, "cublasLtMatmul", functions->matmul);
  find(library, "cublasLtMatmulAlgoGetHeuristic", functions->algorithms_for);
  find(library, "cublasLtMatmulDescInit_internal", functions->begin_description);
  find(library, "cublasLtMatmulDescSetAttribute", functions->describe);
  find(library, "cublasLtMatrixLayoutInit_internal", functions->begin_layout);
  find(library, "cublasLtMatrixLayoutSetAttribute", functions->describe_layout);
  find(library, "cublasLtMatmulPreferenceInit_internal", functions->begin_preference);
  find(library, "cublasLtMatmulPreferenceSetAttribute", functions->prefer);
  return functions;
}

}  // namespace accelerate::cuda
