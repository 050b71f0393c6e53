// Kernels on one thread: each gemm with its share of the register peak of this machine, which is measured first. Times
// and rates are of the thread's processor time.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "backends/cpu/kernels/kernel_table.h"
#include "ipfs_accelerate/error.h"
#include "register_peak.h"

namespace accelerate::cpu {
namespace {

/// Zeroed memory on a cache line's boundary.
class Memory {
 public:
  explicit Memory(std::int64_t bytes)
      : bytes_(static_cast<std::byte*>(::operator new(static_cast<std::size_t>(bytes), std::align_val_t{64}))) {
    std::fill_n(bytes_.get(), bytes, std::byte{0});
  }
  std::byte* data() const { return bytes_.get(); }

 private:
  struct Free {
    void operator()(std::byte* bytes) const { ::operator delete(bytes, std::align_val_t{64}); }
  };
  std::unique_ptr<std::byte, Free> bytes_;
};

std::vector<float> random_values(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  for (float& value : values) value = normal(generator);
  return values;
}

struct GemmCase {
  std::int64_t rows;
  std::int64_t inputs;
  std::int64_t outputs;
  bool gelu = false;
  bool residual = false;
};

/// One linear as the executor runs it: blocks of rows prepared and multiplied with all panels.
void run_gemm(benchmark::State& state, Precision precision, double peak, const GemmCase& test) {
  const KernelTable& table = kernels();
  const std::vector<float> x = random_values(test.rows * test.inputs);
  const std::vector<float> w = random_values(test.outputs * test.inputs);
  const std::vector<float> bias = random_values(test.outputs);
  const std::vector<float> residual = random_values(test.rows * test.outputs);
  std::vector<float> output(residual.size());

  const std::int64_t columns = table.gemm_shape(precision).panel_columns;
  const std::int64_t panels = (test.outputs + columns - 1) / columns;
  const Memory packed(table.packed_bytes(precision, test.outputs, test.inputs));
  std::vector<float> scales(static_cast<std::size_t>(panels * columns));
  std::vector<std::int32_t> sums(scales.size());
  const PackedWeights weights{.precision = precision,
                              .outputs = test.outputs,
                              .inputs = test.inputs,
                              .panels = packed.data(),
                              .scales = scales.data(),
                              .sums = sums.data()};
  for (std::int64_t panel = 0; panel < panels; ++panel) {
    table.pack_panel(weights, panel, w.data() + panel * columns * test.inputs, std::min(columns, test.outputs - panel * columns));
  }

  constexpr std::int64_t block = 128;
  const Memory memory(table.prepared_bytes(precision, block, test.inputs));
  constexpr UnaryFunction gelu = UnaryFunction::gelu_erf;
  for (auto _ : state) {
    for (std::int64_t row = 0; row < test.rows; row += block) {
      const std::int64_t rows = std::min(block, test.rows - row);
      const void* prepared = table.prepare({.precision = precision,
                                            .x = x.data() + row * test.inputs,
                                            .stride = test.inputs,
                                            .rows = rows,
                                            .inputs = test.inputs,
                                            .first_row = 0,
                                            .last_row = rows,
                                            .memory = memory.data()});
      table.gemm({.weights = weights,
                  .prepared = prepared,
                  .rows = rows,
                  .first_panel = 0,
                  .last_panel = panels,
                  .output = output.data() + row * test.outputs,
                  .output_stride = test.outputs,
                  .tail = {.bias = bias.data(),
                           .activation = test.gelu ? &gelu : nullptr,
                           .residual = test.residual ? residual.data() + row * test.outputs : nullptr,
                           .residual_stride = test.outputs}},
                 test.inputs);
    }
    benchmark::DoNotOptimize(output.data());
  }
  const double operations = 2.0 * static_cast<double>(test.rows * test.inputs * test.outputs);
  state.counters["GFLOP/s"] = benchmark::Counter(operations / 1e9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["peak_share"] = benchmark::Counter(operations / peak, benchmark::Counter::kIsIterationInvariantRate);
}

void run_attention(benchmark::State& state, Precision precision, double peak, std::int64_t length, std::int64_t head_dim) {
  constexpr std::int64_t heads = 12;
  const std::int64_t stride = heads * head_dim;
  const std::vector<float> q = random_values(length * stride);
  const std::vector<float> k = random_values(length * stride);
  const std::vector<float> v = random_values(length * stride);
  std::vector<float> output(q.size());
  const Memory scratch(kernels().attention_scratch_bytes(precision, length, length, head_dim));
  for (auto _ : state) {
    kernels().attention({.query = q.data(),
                         .key = k.data(),
                         .value = v.data(),
                         .output = output.data(),
                         .query_stride = stride,
                         .key_stride = stride,
                         .value_stride = stride,
                         .output_stride = stride,
                         .queries = length,
                         .keys = length,
                         .head_dim = head_dim,
                         .value_dim = head_dim,
                         .first_query = 0,
                         .scale = 0.125F,
                         .precision = precision,
                         .scratch = scratch.data()});
    benchmark::DoNotOptimize(output.data());
  }
  const double operations = 4.0 * static_cast<double>(length * length * head_dim);
  state.counters["GFLOP/s"] = benchmark::Counter(operations / 1e9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["peak_share"] = benchmark::Counter(operations / peak, benchmark::Counter::kIsIterationInvariantRate);
}

void run_unary(benchmark::State& state, UnaryFunction function) {
  const std::vector<float> x = random_values(4096);
  std::vector<float> y(x.size());
  for (auto _ : state) {
    kernels().unary(function, x.data(), y.data(), static_cast<std::int64_t>(x.size()));
    benchmark::DoNotOptimize(y.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(x.size()));
}

void run_layer_norm(benchmark::State& state, std::int64_t columns) {
  constexpr std::int64_t rows = 64;
  const std::vector<float> x = random_values(rows * columns);
  const std::vector<float> weights = random_values(columns);
  std::vector<float> y(x.size());
  for (auto _ : state) {
    kernels().layer_norm({.input = x.data(),
                          .residual = x.data(),
                          .scale = weights.data(),
                          .bias = weights.data(),
                          .output = y.data(),
                          .input_stride = columns,
                          .residual_stride = columns,
                          .output_stride = columns,
                          .rows = rows,
                          .columns = columns,
                          .epsilon = 1e-12F});
    benchmark::DoNotOptimize(y.data());
  }
  state.SetItemsProcessed(state.iterations() * rows * columns);
}

void register_all() {
  const GemmCase gemms[] = {
      {.rows = 16, .inputs = 384, .outputs = 1152},
      {.rows = 16, .inputs = 384, .outputs = 1536, .gelu = true},
      {.rows = 16, .inputs = 1536, .outputs = 384, .residual = true},
      {.rows = 512, .inputs = 384, .outputs = 384},
      {.rows = 512, .inputs = 384, .outputs = 1152},
      {.rows = 512, .inputs = 384, .outputs = 1536},
      {.rows = 512, .inputs = 384, .outputs = 1536, .gelu = true},
      {.rows = 512, .inputs = 1536, .outputs = 384, .residual = true},
      {.rows = 512, .inputs = 768, .outputs = 768},
      {.rows = 512, .inputs = 768, .outputs = 3072, .gelu = true},
      {.rows = 512, .inputs = 3072, .outputs = 768, .residual = true},
  };
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8}) {
    const double peak = register_peak(kernels().isa, precision);
    const std::string name(name_of(precision));
    std::printf("%s %s: register peak %.1f GFLOP/s\n", std::string(name_of(kernels().isa)).c_str(), name.c_str(), peak / 1e9);
    for (const GemmCase& test : gemms) {
      const std::string shape = std::to_string(test.rows) + "x" + std::to_string(test.inputs) + "x" + std::to_string(test.outputs);
      benchmark::RegisterBenchmark(("gemm/" + name + "/" + shape + (test.gelu ? "/gelu" : "") + (test.residual ? "/residual" : "")).c_str(),
                                   [=](benchmark::State& state) { run_gemm(state, precision, peak, test); });
    }
    if (precision == Precision::int8) continue;
    for (const auto& [length, head_dim] : {std::pair<std::int64_t, std::int64_t>{16, 32}, {128, 32}, {128, 64}, {512, 64}}) {
      benchmark::RegisterBenchmark(("attention/" + name + "/" + std::to_string(length) + "x" + std::to_string(head_dim)).c_str(),
                                   [=](benchmark::State& state) { run_attention(state, precision, peak, length, head_dim); });
    }
  }
  for (const auto& [name, function] : {std::pair{"gelu_erf", UnaryFunction::gelu_erf},
                                       {"gelu_tanh", UnaryFunction::gelu_tanh},
                                       {"silu", UnaryFunction::silu},
                                       {"tanh", UnaryFunction::tanh},
                                       {"exponential", UnaryFunction::exponential}}) {
    benchmark::RegisterBenchmark((std::string("unary/") + name).c_str(),
                                 [function](benchmark::State& state) { run_unary(state, function); });
  }
  for (const std::int64_t columns : {384, 768}) {
    benchmark::RegisterBenchmark(("layer_norm/" + std::to_string(columns)).c_str(),
                                 [columns](benchmark::State& state) { run_layer_norm(state, columns); });
  }
}

}  // namespace
}  // namespace accelerate::cpu

int main(int count, char** arguments) {
  benchmark::Initialize(&count, arguments);
  if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 2;
  try {
    accelerate::cpu::register_all();
  } catch (const accelerate::Error& error) {
    std::fprintf(stderr, "kernels_benchmark: %s\n", error.what());
    return accelerate::exit_code(error.kind());
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
