// Compiled models of the runtime itself, kept and found again.
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "cli/program.h"
#include "ops/case_builder.h"
#include "ops/compare.h"
#include "ops/execution.h"
#include "support/created_model.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

/// A linear and an attention over two sequences of these lengths.
CaseBuilder small_model(const std::vector<std::int64_t>& lengths) {
  CaseBuilder builder(5);
  std::int64_t tokens = 0;
  for (const std::int64_t length : lengths) tokens += length;
  const Value sequences = builder.sequences("sequences", lengths);
  const Value x = builder.floats("x", {builder.size("tokens", tokens), 16});
  const Value heads = split_heads(linear(x, builder.weight("w", {32, 16}), builder.weight("b", {32})), 2);
  builder.graph().output("y", merge_heads(attention(heads, heads, heads, sequences, sequences, {.scale = 0.25F})));
  return builder;
}

std::vector<fs::path> blobs(const fs::path& cache) {
  std::vector<fs::path> found;
  for (const auto& file : fs::recursive_directory_iterator(cache))
    if (file.path().extension() == ".blob") found.push_back(file.path());
  return found;
}

TensorMap run_with_cache(CaseBuilder& builder, const fs::path& cache, std::vector<std::string>* notes = nullptr) {
  CompileOptions options = options_for(Precision::fp32);
  options.cache = cache;
  const auto executable = backend_named("openvino")->compile(builder.graph(), options);
  if (notes != nullptr) *notes = executable->report().notes;
  EXPECT_FALSE(executable->report().runtime_ops.empty());
  return executable->run(builder.inputs());
}

TEST(CompiledModels, GiveTheSameFromTheCache) {
  for (const std::vector<std::int64_t>& lengths : {std::vector<std::int64_t>{5, 5}, {5, 9}}) {
    const TemporaryFolder cache;
    CaseBuilder builder = small_model(lengths);
    const TensorMap expected = run_on_reference(builder.graph(), builder.inputs());
    const TensorMap first = run_with_cache(builder, cache.path());
    const std::vector<fs::path> kept = blobs(cache.path());
    ASSERT_FALSE(kept.empty());
    const auto written = fs::last_write_time(kept.front());
    EXPECT_EQ(difference_between(expected, first, 2e-6), "");
    EXPECT_EQ(difference_between(first, run_with_cache(builder, cache.path()), 0), "");
    EXPECT_EQ(fs::last_write_time(kept.front()), written) << "compiled again";
  }
}

TEST(CompiledModels, ABrokenOneIsMadeAnew) {
  const TemporaryFolder cache;
  CaseBuilder builder = small_model({5, 5});
  const TensorMap first = run_with_cache(builder, cache.path());
  const fs::path blob = blobs(cache.path()).at(0);
  const auto size = fs::file_size(blob);
  fs::resize_file(blob, size / 2);
  EXPECT_EQ(difference_between(first, run_with_cache(builder, cache.path()), 0), "");
  EXPECT_EQ(fs::file_size(blob), size);
}

TEST(CompiledModels, WithoutAPlaceForThemItRunsAndSaysSo) {
  const TemporaryFolder folder;
  CaseBuilder builder = small_model({5, 5});
  std::vector<std::string> notes;
  run_with_cache(builder, folder.write("file", "") / "cache", &notes);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("is not kept"), std::string::npos) << notes[0];
}

TEST(CompiledModels, TenProcessesCompileOnceAndAgree) {
  const TemporaryFolder folder;
  const fs::path fixture = fs::path(ACCELERATE_TEST_DATA) / "models" / "fixtures" / "bert_model";
  const std::string cache = "ACCELERATE_CACHE=" + (folder.path() / "cache").string();
  std::vector<std::thread> processes;
  std::vector<ProgramResult> results(10);
  const auto output = [&](std::size_t i) { return (folder.path() / ("out" + std::to_string(i))).string(); };
  for (std::size_t i = 0; i < results.size(); ++i)
    processes.emplace_back([&, i] {
      results[i] = run_program({"forward", fixture.string(), "--inputs", (fixture / "inputs.safetensors").string(), "--outputs", output(i),
                                "--backend", "openvino", "--threads", "1"},
                               {.environment = {cache}});
    });
  for (std::thread& process : processes) process.join();
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].exit_code, 0) << results[i].errors;
    EXPECT_EQ(fs::file_size(output(i)), fs::file_size(output(0)));
  }
  for (const fs::path& blob : blobs(folder.path())) EXPECT_TRUE(fs::exists(fs::path(blob).replace_extension(".lock")));
  EXPECT_LE(blobs(folder.path()).size(), 2U);  // equal lengths, and ragged ones
}

// What the runtime lays out for the first call must do for every later one, whatever their lengths.
TEST(CompiledModels, TakeLengthsInAnyOrder) {
  using Lengths = std::vector<std::int64_t>;
  CaseBuilder first = small_model({1});
  const auto executable = backend_named("openvino")->compile(first.graph(), options_for(Precision::fp32));
  for (const Lengths& lengths : {Lengths{1}, Lengths{17}, Lengths{70}, Lengths{1, 1}, Lengths{3, 9}, Lengths{40, 40, 40}, Lengths{1, 33},
                                 Lengths{2, 2}, Lengths{128}, Lengths{5, 1, 64, 2}}) {
    CaseBuilder builder = small_model(lengths);
    EXPECT_EQ(difference_between(run_on_reference(first.graph(), builder.inputs()), executable->run(builder.inputs()), 2e-6), "")
        << lengths.size() << " sequences, the first of " << lengths.front();
  }
}

// After some calls a shape has a model of its own, whose numbers are the same but for the order of sums.
TEST(CompiledModels, AgreeHoweverOftenAShapeComes) {
  using Lengths = std::vector<std::int64_t>;
  CaseBuilder first = small_model({8});
  const auto executable = backend_named("openvino")->compile(first.graph(), options_for(Precision::fp32));
  for (const Lengths& lengths : {Lengths{8}, Lengths{16}, Lengths{8, 8}, Lengths{2}, Lengths(10, 40), Lengths{5, 9}, Lengths{16}}) {
    CaseBuilder builder = small_model(lengths);
    const TensorMap expected = run_on_reference(first.graph(), builder.inputs());
    for (int call = 0; call < 6; ++call)
      EXPECT_EQ(difference_between(expected, executable->run(builder.inputs()), 2e-6), "")
          << "call " << call << " of length " << lengths[0];
  }
}

TEST(CompiledModels, RunFromSeveralThreadsAtOnce) {
  CaseBuilder builder = small_model({7, 7, 3});
  const auto executable = backend_named("openvino")->compile(builder.graph(), options_for(Precision::fp32));
  const TensorMap expected = executable->run(builder.inputs());
  std::vector<std::string> differences(4);
  std::vector<std::thread> callers;
  for (std::string& difference : differences)
    callers.emplace_back([&] {
      for (int i = 0; i < 20 && difference.empty(); ++i) difference = difference_between(expected, executable->run(builder.inputs()), 0);
    });
  for (std::thread& caller : callers) caller.join();
  for (const std::string& difference : differences) EXPECT_EQ(difference, "");
}

}  // namespace
}  // namespace accelerate
