// Measures what the card can do: bytes a second that it copies, operations a second of its library's products at their best
// and at the shapes of a BERT layer. Prints JSON.
#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>
#include <vector>

#include "backends/cuda/buffers.h"
#include "backends/cuda/kernels/kernels.h"
#include "backends/cuda/machine.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {
namespace {

constexpr int rounds = 20;

/// Milliseconds of one call of `work` on the stream: the median of some, after some that do not count.
template <typename Work>
double milliseconds_of(OpenDevice& device, Stream stream, Work work) {
  cudaEvent_t begin = nullptr;
  cudaEvent_t end = nullptr;
  device.check(cudaEventCreate(&begin), "making an event");
  device.check(cudaEventCreate(&end), "making an event");
  std::vector<float> times;
  for (int round = 0; round < rounds + 5; ++round) {
    device.check(cudaEventRecord(begin, stream), "timing");
    work();
    device.check(cudaEventRecord(end, stream), "timing");
    device.check(cudaEventSynchronize(end), "timing");
    float milliseconds = 0;
    device.check(cudaEventElapsedTime(&milliseconds, begin, end), "timing");
    if (round >= 5) times.push_back(milliseconds);
  }
  device.check(cudaEventDestroy(begin), "timing");
  device.check(cudaEventDestroy(end), "timing");
  std::ranges::nth_element(times, times.begin() + times.size() / 2);
  return times[times.size() / 2];
}

struct Kind {
  std::string_view name;
  Number operands;
  Number result;
  std::size_t operand_bytes;
  std::size_t result_bytes;
};

constexpr std::array kinds{Kind{"fp32", Number::float32, Number::float32, 4, 4}, Kind{"fp16", Number::float16, Number::float16, 2, 2},
                           Kind{"bf16", Number::bfloat16, Number::bfloat16, 2, 2}, Kind{"int8", Number::int8, Number::int32, 1, 4}};

struct Size {
  std::int64_t rows, inputs, outputs;
};

/// Random numbers of any kind are random bits, but for the exponents' upper ones, which keep them finite: products of zeros
/// run faster than products of numbers.
DeviceBuffer random_operands(const std::shared_ptr<OpenDevice>& device, const Kind& kind, std::size_t count, Stream stream) {
  std::mt19937 random(1);
  std::vector<std::uint32_t> words((count * kind.operand_bytes + 3) / 4);
  const std::uint32_t mask = kind.operand_bytes == 4 ? 0xbfffffffU : kind.operand_bytes == 2 ? 0xbfffbfffU : 0xffffffffU;
  for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(random()) & mask;
  DeviceBuffer buffer(device, words.size() * 4);
  device->check(device->api().copy_to_device(buffer.data(), reinterpret_cast<const std::byte*>(words.data()), words.size() * 4, stream),
                "copying");
  device->check(device->api().synchronize(stream), "copying");
  return buffer;
}

double teraflops(const std::shared_ptr<OpenDevice>& device, const Kind& kind, const Size& size, Stream stream,
                 const DeviceBuffer& workspace) {
  const auto count = [](std::int64_t a, std::int64_t b) { return static_cast<std::size_t>(a) * static_cast<std::size_t>(b); };
  const DeviceBuffer x = random_operands(device, kind, count(size.rows, size.inputs), stream);
  const DeviceBuffer weight = random_operands(device, kind, count(size.outputs, size.inputs), stream);
  const DeviceBuffer y(device, count(size.rows, size.outputs) * kind.result_bytes);
  const Product product{.x = x.data(),
                        .weight = weight.data(),
                        .y = y.data(),
                        .operands = kind.operands,
                        .result = kind.result,
                        .rows = size.rows,
                        .inputs = size.inputs,
                        .outputs = size.outputs,
                        .workspace = workspace.data(),
                        .workspace_bytes = workspace.size(),
                        .stream = stream};
  if (!device->products().can(product)) return 0;
  const double milliseconds = milliseconds_of(*device, stream, [&] { device->check(device->products().multiply(product), "multiplying"); });
  return 2.0 * static_cast<double>(size.rows) * static_cast<double>(size.inputs) * static_cast<double>(size.outputs) / milliseconds / 1e9;
}

double copied_gigabytes_a_second(const std::shared_ptr<OpenDevice>& device, Stream stream) {
  constexpr std::size_t bytes = std::size_t{1} << 30;
  const DeviceBuffer from(device, bytes);
  const DeviceBuffer to(device, bytes);
  const double milliseconds = milliseconds_of(
      *device, stream, [&] { device->check(cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice, stream), "copying"); });
  return 2.0 * static_cast<double>(bytes) / milliseconds / 1e6;
}

void print_limits() {
  OpenDevices devices(this_machine());
  const auto device = devices.get("");
  const DeviceUse use(*device);
  const OwnedStream stream(device);
  const DeviceBuffer workspace(device, std::size_t{32} << 20);
  fmt::print("{{\"copy_gigabytes_per_second\": {:.0f}, \"products_tflops\": {{", copied_gigabytes_a_second(device, stream.get()));
  for (const Kind& kind : kinds) {
    double peak = 0;
    for (const Size& size : {Size{4096, 4096, 4096}, Size{8192, 8192, 8192}, Size{16384, 4096, 4096}})
      peak = std::max(peak, teraflops(device, kind, size, stream.get(), workspace));
    fmt::print("{}\"{}\": {{\"peak\": {:.1f}", kind.name == kinds.front().name ? "" : ", ", kind.name, peak);
    for (const Size& size : {Size{32768, 768, 2304}, Size{32768, 768, 3072}, Size{32768, 3072, 768}, Size{32768, 384, 1536}})
      fmt::print(", \"{}x{}x{}\": {:.1f}", size.rows, size.inputs, size.outputs, teraflops(device, kind, size, stream.get(), workspace));
    fmt::print("}}");
  }
  fmt::print("}}}}\n");
}

}  // namespace
}  // namespace accelerate::cuda

int main() {
  try {
    accelerate::cuda::print_limits();
    return 0;
  } catch (const accelerate::Error& error) {
    fmt::print(stderr, "cuda_limits: {}\n", error.what());
    return accelerate::exit_code(error.kind());
  }
}
