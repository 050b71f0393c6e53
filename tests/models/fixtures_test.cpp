// Every tiny model of fixtures/ (tools/make_fixtures.py), on every backend that runs here and at every precision, against what
// transformers computes with it in float32.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>

#include "formats/safetensors.h"
#include "runtime/rectangle.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

struct Case {
  std::string fixture;
  std::string backend;
  Precision precision;

  friend void PrintTo(const Case& test, std::ostream* out) { *out << test.fixture << " on " << test.backend; }
};

/// How far an output may be from transformers' float32 one, whatever the model. The fixtures' weights are far livelier than a
/// trained model's, so rounding weighs more in them; a wrong activation, mask or position is beyond any of these.
double limit_of(Precision precision) {
  switch (precision) {
    case Precision::fp32:
      return 1e-5;
    case Precision::fp16:
      return 0.01;
    case Precision::bf16:
      return 0.05;  // a backend may keep what lies between the products in bfloat16 too
    case Precision::int8:
      return 0.1;
    case Precision::int4:
      return 0.4;  // a few tens of inputs a row, and 16 steps for them
  }
  return 0;
}

/// Beside the sources, or where ACCELERATE_TEST_DATA says when the test runs on a machine without them.
fs::path fixtures() {
  const char* data = std::getenv("ACCELERATE_TEST_DATA");
  return fs::path(data != nullptr ? data : ACCELERATE_TEST_DATA) / "models" / "fixtures";
}

std::vector<Case> all_cases() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(fixtures())) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  std::vector<Case> cases;
  for (const std::string& name : names)
    for (const std::unique_ptr<Backend>& backend : all_backends())
      for (Precision precision : backend->precisions())
        if (!backend->devices().usable.empty()) cases.push_back({name, std::string(backend->name()), precision});
  return cases;
}

std::string name_of_case(const testing::TestParamInfo<Case>& info) {
  return fmt::format("{}_{}_{}", info.param.fixture, info.param.backend, name_of(info.param.precision));
}

/// ‖got - wanted‖ / ‖wanted‖.
double relative_error(std::span<const float> got, std::span<const float> wanted) {
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    difference += std::pow(static_cast<double>(got[i]) - wanted[i], 2);
    size += std::pow(static_cast<double>(wanted[i]), 2);
  }
  return std::sqrt(difference / size);
}

TensorMap answers_of(const fs::path& folder, const fs::path& inputs, const SessionOptions& options) {
  const Session session(open_model_folder(folder), options);
  if (session.placement().backend != options.backend) throw std::runtime_error("another backend answered");
  return run_rectangle(session, SafetensorsFile::open(inputs / "inputs.safetensors").tensors()).outputs;
}

/// Adds to each element noise of up to twice the step that the precision would round it to; int8 has a scale a row, int4 one for 32
/// neighbours.
void shake(Tensor& weight, Precision precision, std::mt19937_64& random) {
  const std::span<float> values = weight.mutable_values<float>();
  const std::size_t row = static_cast<std::size_t>(weight.shape().back());
  const std::size_t group = precision == Precision::int4 ? std::min<std::size_t>(row, 32) : row;
  std::uniform_real_distribution<float> noise(-1, 1);
  for (std::size_t begin = 0; begin < values.size(); begin += row)
    for (std::size_t first = begin; first < begin + row; first += group) {
      const std::span<float> part = values.subspan(first, std::min(group, begin + row - first));
      float largest = 0;
      for (float value : part) largest = std::max(largest, std::abs(value));
      for (float& value : part) {
        const float step = precision == Precision::int4   ? largest / 8
                           : precision == Precision::int8 ? largest / 127
                                                          : std::abs(value) / (precision == Precision::fp16 ? 1024.0F : 128.0F);
        value += step * noise(random);
      }
    }
}

/// How far each output moves, computed exactly, when the model's matrices are shaken as rounding to the precision would: what a model
/// makes of rounding is its own, and no backend's fault.
std::map<std::string, double> movement_of(const std::string& fixture, Precision precision, const TensorMap& expected) {
  std::map<std::string, double> largest;
  if (precision == Precision::fp32) return largest;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const TemporaryFolder shaken;
    std::mt19937_64 random(seed);
    for (const fs::directory_entry& entry : fs::directory_iterator(fixtures() / fixture)) {
      const fs::path name = entry.path().filename();
      if (name == "inputs.safetensors" || name == "expected.safetensors") continue;
      if (name.extension() != ".safetensors") {
        fs::copy(entry.path(), shaken.path() / name);
        continue;
      }
      TensorMap tensors;
      for (const auto& [tensor_name, tensor] : SafetensorsFile::open(entry.path()).tensors()) {
        Tensor& copy = tensors[tensor_name] = tensor;
        if (tensor.dtype() != DType::float32 || tensor.shape().size() < 2) continue;
        copy = Tensor::from<float>(tensor.values<float>(), {tensor.shape().begin(), tensor.shape().end()});
        shake(copy, precision, random);
      }
      write_safetensors(shaken.path() / name, tensors);
    }
    const TensorMap moved = answers_of(shaken.path(), fixtures() / fixture, {.backend = "reference", .precision = "fp32"});
    for (const auto& [name, wanted] : expected)
      largest[name] = std::max(largest[name], relative_error(moved.at(name).values<float>(), wanted.values<float>()));
  }
  return largest;
}

class Fixtures : public testing::TestWithParam<Case> {};

TEST_P(Fixtures, AgreeWithTransformers) {
  const auto& [fixture, backend, precision] = GetParam();
  const fs::path folder = fixtures() / fixture;
  const TensorMap outputs = answers_of(folder, folder, {.backend = backend, .precision = std::string(name_of(precision))});
  const TensorMap expected = SafetensorsFile::open(folder / "expected.safetensors").tensors();
  ASSERT_FALSE(expected.empty());
  std::map<std::string, double> movement;
  for (const auto& [name, wanted] : expected) {
    ASSERT_TRUE(outputs.contains(name)) << name;
    const Tensor& got = outputs.at(name);
    ASSERT_EQ(shape_text(got.shape()), shape_text(wanted.shape())) << name;
    const double error = relative_error(got.values<float>(), wanted.values<float>());
    if (error <= limit_of(precision)) continue;
    if (movement.empty()) movement = movement_of(fixture, precision, expected);
    EXPECT_LE(error, 2 * movement[name]) << name << " may move by " << movement[name];
  }
}

INSTANTIATE_TEST_SUITE_P(All, Fixtures, testing::ValuesIn(all_cases()), name_of_case);

}  // namespace
}  // namespace accelerate
