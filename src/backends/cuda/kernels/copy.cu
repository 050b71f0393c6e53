#include <algorithm>

#include "backends/cuda/kernels/indexing.cuh"

namespace accelerate::cuda {
namespace {

template <class Unit, class Index>
__global__ void __launch_bounds__(256) copy_units(const __grid_constant__ Walk<2> walk, const Unit* source, Unit* target, Index count) {
  const Index step = static_cast<Index>(gridDim.x) * 256;
  for (Index item = static_cast<Index>(blockIdx.x) * 256 + threadIdx.x; item < count; item += step) {
    std::int64_t places[2];
    walk.places(item, places);
    target[places[1]] = source[places[0]];
  }
}

/// How many neighbours can be moved as one unit of at most sixteen bytes.
std::int64_t neighbours_in_unit(const Walk<2>& walk, const CopyArguments& arguments) {
  const auto size = static_cast<std::int64_t>(size_of(arguments.element));
  const int last = walk.rank - 1;
  if (walk.rank == 0 || walk.strides[0][last] != 1 || walk.strides[1][last] != 1) return 1;
  for (std::int64_t neighbours = 16 / size; neighbours > 1; neighbours /= 2) {
    const auto bytes = static_cast<std::uintptr_t>(neighbours * size);
    bool fits = walk.sizes[last] % neighbours == 0 && reinterpret_cast<std::uintptr_t>(arguments.source) % bytes == 0 &&
                reinterpret_cast<std::uintptr_t>(arguments.target) % bytes == 0;
    for (int axis = 0; axis < last; ++axis)
      fits = fits && walk.strides[0][axis] % neighbours == 0 && walk.strides[1][axis] % neighbours == 0;
    if (fits) return neighbours;
  }
  return 1;
}

template <class Unit>
cudaError_t launch(const Walk<2>& walk, const CopyArguments& arguments) {
  const std::int64_t count = walk.count();
  const auto blocks = static_cast<unsigned>(std::min<std::int64_t>((count + 255) / 256, 1 << 22));
  const auto* source = static_cast<const Unit*>(arguments.source);
  auto* target = static_cast<Unit*>(arguments.target);
  // Half the numbers that 32 bits hold: the last step may go past the count.
  if (count <= 0x7fffffff)
    copy_units<Unit, std::uint32_t><<<blocks, 256, 0, arguments.stream>>>(walk, source, target, static_cast<std::uint32_t>(count));
  else
    copy_units<Unit, std::int64_t><<<blocks, 256, 0, arguments.stream>>>(walk, source, target, count);
  return cudaGetLastError();
}

}  // namespace

Status copy(const CopyArguments& arguments) {
  const int rank = arguments.extents.rank;
  const Extents strides[] = {{rank, arguments.source_strides}, {rank, arguments.target_strides}};
  Walk<2> walk = walk_over(arguments.extents, strides);
  const std::int64_t count = walk.count();
  if (count <= 0) return cudaSuccess;
  const std::size_t size = size_of(arguments.element);
  if (walk.is_dense(0) && walk.is_dense(1))
    return cudaMemcpyAsync(arguments.target, arguments.source, static_cast<std::size_t>(count) * size, cudaMemcpyDeviceToDevice,
                           arguments.stream);

  const std::int64_t neighbours = neighbours_in_unit(walk, arguments);
  for (int axis = 0; axis < walk.rank - 1; ++axis)
    for (int array = 0; array < 2; ++array) walk.strides[array][axis] /= neighbours;
  if (walk.rank > 0) walk.sizes[walk.rank - 1] /= neighbours;
  switch (size * static_cast<std::size_t>(neighbours)) {
    case 16:
      return launch<uint4>(walk, arguments);
    case 8:
      return launch<std::uint64_t>(walk, arguments);
    case 4:
      return launch<std::uint32_t>(walk, arguments);
    case 2:
      return launch<std::uint16_t>(walk, arguments);
    default:
      return launch<std::uint8_t>(walk, arguments);
  }
}

}  // namespace accelerate::cuda
