// Products by cuBLASLt, which counts columns first: row-major y [rows, outputs] is its column-major [outputs, rows], the
// transposed weight times x as they lie.
#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <tuple>

#include "backends/cuda/cublaslt.h"
#include "backends/cuda/cublaslt_functions.h"
#include "backends/cuda/lru_cache.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {
namespace {

/// Forms of products whose algorithms are remembered.
constexpr std::size_t most_algorithms = 4096;

cudaDataType_t type_of(Number number) {
  switch (number) {
    case Number::float32:
      return CUDA_R_32F;
    case Number::float16:
      return CUDA_R_16F;
    case Number::bfloat16:
      return CUDA_R_16BF;
    case Number::int8:
      return CUDA_R_8I;
    case Number::int32:
      return CUDA_R_32I;
  }
  throw Error(ErrorKind::internal, "a number of a product has no type in cuBLASLt");
}

cudaError_t status_of(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return cudaSuccess;
    case CUBLAS_STATUS_ALLOC_FAILED:
      return cudaErrorMemoryAllocation;
    case CUBLAS_STATUS_EXECUTION_FAILED:
    case CUBLAS_STATUS_INTERNAL_ERROR:
      return cudaErrorLaunchFailure;
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return cudaErrorInitializationError;
    case CUBLAS_STATUS_ARCH_MISMATCH:
      return cudaErrorNoKernelImageForDevice;
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return cudaErrorNotSupported;
    default:
      return cudaErrorInvalidValue;
  }
}

/// The largest power of two up to 256 that the address is a multiple of: what algorithms may rely on.
std::uint32_t alignment_of(const void* pointer) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  return static_cast<std::uint32_t>(std::min<std::uintptr_t>(address == 0 ? 256 : address & (~address + 1), 256));
}

/// Everything about a product that its algorithm depends on.
using Form = std::tuple<Number, Number, bool, bool, bool, std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                        std::array<std::uint32_t, 4>, std::size_t>;

Form form_of(const Product& product) {
  return {product.operands,
          product.result,
          product.bias != nullptr,
          product.gelu_tanh,
          product.residual != nullptr,
          product.rows,
          product.inputs,
          product.outputs,
          product.groups,
          {alignment_of(product.weight), alignment_of(product.x), alignment_of(product.residual), alignment_of(product.y)},
          product.workspace_bytes};
}

/// What the library is told about a product; plain data, so that it is made anew for each call without an allocation.
struct Description {
  cublasLtMatmulDescOpaque_t operation{};
  cublasLtMatrixLayoutOpaque_t weight{};
  cublasLtMatrixLayoutOpaque_t x{};
  cublasLtMatrixLayoutOpaque_t y{};
};

/// The first status that is none of success, for a row of calls.
class Statuses {
 public:
  void operator()(cublasStatus_t status) {
    if (first_ == CUBLAS_STATUS_SUCCESS) first_ = status;
  }
  cublasStatus_t first() const { return first_; }

 private:
  cublasStatus_t first_ = CUBLAS_STATUS_SUCCESS;
};

class CublasLtProducts final : public MatrixProducts {
 public:
  explicit CublasLtProducts(std::shared_ptr<const CublasLt> library) : library_(std::move(library)), algorithms_(most_algorithms) {
    if (library_->create(&handle_) != CUBLAS_STATUS_SUCCESS) throw Error(ErrorKind::unavailable, "cuBLASLt does not start on this device");
  }

  ~CublasLtProducts() override {
    if (handle_ != nullptr) library_->destroy(handle_);
  }

  bool can(const Product& product) override { return algorithm_for(product).has_value(); }

  cudaError_t multiply(const Product& product) override {
    const std::optional<cublasLtMatmulAlgo_t> algorithm = algorithm_for(product);
    if (!algorithm) return cudaErrorNotSupported;
    Description description;
    if (const cublasStatus_t status = describe(product, description); status != CUBLAS_STATUS_SUCCESS) return status_of(status);
    constexpr float one = 1;
    constexpr float zero = 0;
    constexpr std::int32_t whole_one = 1;
    constexpr std::int32_t whole_zero = 0;
    const bool whole = product.result == Number::int32;
    const bool adds = product.residual != nullptr;
    const void* const alpha = whole ? static_cast<const void*>(&whole_one) : &one;
    const void* const nothing = whole ? static_cast<const void*>(&whole_zero) : &zero;
    return status_of(library_->matmul(handle_, &description.operation, alpha, product.weight, &description.weight, product.x,
                                      &description.x, adds ? alpha : nothing, adds ? product.residual : product.y, &description.y,
                                      product.y, &description.y, &*algorithm, product.workspace, product.workspace_bytes, product.stream));
  }

  void abandon() override { handle_ = nullptr; }

 private:
  cublasStatus_t describe(const Product& product, Description& description) const {
    const bool whole = product.result == Number::int32;
    Statuses statuses;
    // Plain float32 sums: neither TF32 nor sums in half precision.
    statuses(library_->begin_description(&description.operation, sizeof(description.operation),
                                         whole ? CUBLAS_COMPUTE_32I : CUBLAS_COMPUTE_32F, whole ? CUDA_R_32I : CUDA_R_32F));
    const auto set = [&](cublasLtMatmulDescAttributes_t attribute, const auto& value) {
      statuses(library_->describe(&description.operation, attribute, &value, sizeof(value)));
    };
    set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
    set(CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N);
    if (product.bias != nullptr || product.gelu_tanh) set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue_of(product));
    if (product.bias != nullptr) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, product.bias);

    // `columns` are `column_stride` apart, and the first ones of two groups `group_stride`.
    const auto lay_out = [&](cublasLtMatrixLayoutOpaque_t& layout, Number number, std::int64_t rows, std::int64_t columns,
                             std::int64_t column_stride, std::int64_t group_stride) {
      statuses(library_->begin_layout(&layout, sizeof(layout), type_of(number), static_cast<std::uint64_t>(rows),
                                      static_cast<std::uint64_t>(columns), column_stride));
      if (product.groups == 1) return;
      const auto groups = static_cast<std::int32_t>(product.groups);
      statuses(library_->describe_layout(&layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &groups, sizeof(groups)));
      statuses(library_->describe_layout(&layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &group_stride, sizeof(group_stride)));
    };
    const std::int64_t groups = product.groups;
    lay_out(description.weight, product.operands, product.inputs, product.outputs, product.inputs, product.inputs * product.outputs);
    lay_out(description.x, product.operands, product.inputs, product.rows, groups * product.inputs, product.inputs);
    lay_out(description.y, product.result, product.outputs, product.rows, groups * product.outputs, product.outputs);
    return statuses.first();
  }

  static cublasLtEpilogue_t epilogue_of(const Product& product) {
    if (product.gelu_tanh) return product.bias != nullptr ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
    return CUBLASLT_EPILOGUE_BIAS;
  }

  /// The algorithm that the library advises for products of this form; nothing when it has none.
  std::optional<cublasLtMatmulAlgo_t> algorithm_for(const Product& product) {
    const Form form = form_of(product);
    const std::lock_guard lock(mutex_);
    if (const auto* known = algorithms_.find(form)) return *known;
    return algorithms_.insert(form, advised(product));
  }

  std::optional<cublasLtMatmulAlgo_t> advised(const Product& product) const {
    Description description;
    cublasLtMatmulPreferenceOpaque_t preference{};
    Statuses statuses;
    statuses(describe(product, description));
    statuses(library_->begin_preference(&preference, sizeof(preference)));
    const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
      statuses(library_->prefer(&preference, attribute, &value, sizeof(value)));
    };
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, product.workspace_bytes);
    // Parts of a sum that is cut into pieces meet in float32, not in the result's half precision.
    prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment_of(product.weight));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment_of(product.x));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment_of(product.residual != nullptr ? product.residual : product.y));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment_of(product.y));
    cublasLtMatmulHeuristicResult_t advice{};
    int count = 0;
    if (statuses.first() == CUBLAS_STATUS_SUCCESS)
      statuses(library_->algorithms_for(handle_, &description.operation, &description.weight, &description.x, &description.y,
                                        &description.y, &preference, 1, &advice, &count));
    if (statuses.first() != CUBLAS_STATUS_SUCCESS || count == 0 || advice.state != CUBLAS_STATUS_SUCCESS) return std::nullopt;
    return advice.algo;
  }

  std::shared_ptr<const CublasLt> library_;
  cublasLtHandle_t handle_ = nullptr;
  std::mutex mutex_;
  LruCache<Form, std::optional<cublasLtMatmulAlgo_t>> algorithms_;
};

}  // namespace

std::unique_ptr<MatrixProducts> make_cublaslt_products(std::shared_ptr<const CublasLt> library) {
  return std::make_unique<CublasLtProducts>(std::move(library));
}

}  // namespace accelerate::cuda
