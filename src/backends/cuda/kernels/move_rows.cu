// scatter, sequence_shift, append: whole rows go elsewhere.
#include <algorithm>

#include "backends/cuda/kernels/elements.cuh"
#include "backends/cuda/kernels/sequences.cuh"

namespace accelerate::cuda {
namespace {

constexpr int threads = 128;

unsigned blocks_for(std::int64_t rows) { return static_cast<unsigned>(std::min<std::int64_t>(rows, 1 << 20)); }

/// A block a row of the updates.
template <class Unit>
__global__ void __launch_bounds__(threads) scatter_units(const __grid_constant__ ScatterArguments arguments, std::int64_t units) {
  for (std::int64_t position = blockIdx.x; position < arguments.count; position += gridDim.x) {
    const std::int64_t index = arguments.indices[position];
    if (index < 0 || index >= arguments.rows) {
      if (threadIdx.x == 0) tell(arguments.fault, {FaultKind::index_outside_table, arguments.node, 0, position, index});
      continue;
    }
    const Unit* from = static_cast<const Unit*>(arguments.updates.data) + position * units;
    Unit* to = static_cast<Unit*>(arguments.y.data) + index * units;
    for (std::int64_t unit = threadIdx.x; unit < units; unit += threads) to[unit] = from[unit];
  }
}

/// A block a row of the result.
template <class Unit>
__global__ void __launch_bounds__(threads) shift_units(const __grid_constant__ SequenceShiftArguments arguments, std::int64_t units) {
  for (std::int64_t token = blockIdx.x; token < arguments.tokens; token += gridDim.x) {
    const std::int64_t row = shifted_row(arguments.begins, arguments.sequences, token, arguments.offset);
    const Unit* from = static_cast<const Unit*>(arguments.x.data) + row * units;
    Unit* to = static_cast<Unit*>(arguments.y.data) + token * units;
    for (std::int64_t unit = threadIdx.x; unit < units; unit += threads) to[unit] = row < 0 ? Unit{} : from[unit];
  }
}

/// A block a new row.
__global__ void __launch_bounds__(threads) append_rows(const __grid_constant__ AppendArguments arguments) {
  for (std::int64_t token = blockIdx.x; token < arguments.tokens; token += gridDim.x) {
    const PagePlace place = appended_place(arguments, token);
    std::byte* rows = arguments.pages.pages[place.page] + arguments.offset;
    for (std::int64_t column = threadIdx.x; column < arguments.columns; column += threads) {
      const float number = Floats::load(arguments.x.data, arguments.x.element, token * arguments.x.stride + column);
      Floats::store(rows, arguments.element, place.row * arguments.columns + column, number);
    }
  }
}

/// Calls launch(unit, units) with the widest unit that rows of so many bytes consist of, and how many of it a row has.
template <class Launch>
cudaError_t launch_in_units(std::int64_t row_bytes, std::uintptr_t addresses, Launch launch) {
  const auto fits = [&](std::int64_t bytes) { return row_bytes % bytes == 0 && addresses % static_cast<std::uintptr_t>(bytes) == 0; };
  if (fits(16)) {
    launch(uint4{}, row_bytes / 16);
  } else if (fits(4)) {
    launch(std::uint32_t{}, row_bytes / 4);
  } else {
    launch(std::uint8_t{}, row_bytes);
  }
  return cudaGetLastError();
}

}  // namespace

Status scatter(const ScatterArguments& arguments) {
  const auto row_bytes = arguments.columns * static_cast<std::int64_t>(size_of(arguments.y.element));
  if (arguments.rows <= 0 || row_bytes <= 0) return cudaSuccess;
  const cudaError_t copied = cudaMemcpyAsync(arguments.y.data, arguments.x.data, static_cast<std::size_t>(arguments.rows * row_bytes),
                                             cudaMemcpyDeviceToDevice, arguments.stream);
  if (copied != cudaSuccess || arguments.count <= 0) return copied;
  const auto addresses = reinterpret_cast<std::uintptr_t>(arguments.y.data) | reinterpret_cast<std::uintptr_t>(arguments.updates.data);
  return launch_in_units(row_bytes, addresses, [&](auto unit, std::int64_t units) {
    scatter_units<decltype(unit)><<<blocks_for(arguments.count), threads, 0, arguments.stream>>>(arguments, units);
  });
}

Status sequence_shift(const SequenceShiftArguments& arguments) {
  const auto row_bytes = arguments.columns * static_cast<std::int64_t>(size_of(arguments.y.element));
  if (arguments.tokens <= 0 || row_bytes <= 0) return cudaSuccess;
  const auto addresses = reinterpret_cast<std::uintptr_t>(arguments.y.data) | reinterpret_cast<std::uintptr_t>(arguments.x.data);
  return launch_in_units(row_bytes, addresses, [&](auto unit, std::int64_t units) {
    shift_units<decltype(unit)><<<blocks_for(arguments.tokens), threads, 0, arguments.stream>>>(arguments, units);
  });
}

Status append(const AppendArguments& arguments) {
  if (arguments.tokens <= 0 || arguments.columns <= 0) return cudaSuccess;
  AppendArguments complete = arguments;
  if (complete.x.stride == 0) complete.x.stride = arguments.columns;
  append_rows<<<blocks_for(arguments.tokens), threads, 0, arguments.stream>>>(complete);
  return cudaGetLastError();
}

}  // namespace accelerate::cuda
