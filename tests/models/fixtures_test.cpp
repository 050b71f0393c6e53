// Every tiny model of fixtures/ (tools/make_fixtures.py), on every backend that runs here and at every precision, against what
// transformers computes with it in float32.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "formats/safetensors.h"
#include "runtime/rectangle.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

struct Case {
  std::string fixture;
  std::string backend;
  Precision precision;

  friend void PrintTo(const Case& test, std::ostream* out) { *out << test.fixture << " on " << test.backend; }
};

/// How far an output may be from transformers' float32 one. The fixtures' weights are far livelier than a trained model's, so
/// rounding weighs more in them; a wrong activation, mask or position is beyond any of these.
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
      return 0.6;  // a few tens of inputs a row, and 16 steps for them
  }
  return 0;
}

/// The same for a fixture: T5 does not scale its attention's scores, so that rounding them weighs several times more.
double limit_of(std::string_view fixture, Precision precision) {
  const bool unscaled = fixture.starts_with("t5_") || fixture.starts_with("mt5_") || fixture.starts_with("umt5_");
  return unscaled && precision != Precision::fp32 ? std::min(6 * limit_of(precision), 0.8) : limit_of(precision);
}

/// Beside the sources, or where ACCELERATE_TEST_DATA says when the test runs on a machine without them.
fs::path fixtures() {
  const char* data = std::getenv("ACCELERATE_TEST_DATA");
  return fs::path(data != nullptr ? data : ACCELERATE_TEST_DATA) / "models" / "fixtures";
}

/// Whether rounding leaves the fixture's answers what they are: of two, differences grow so much that at four bits any answer may come
/// out.
bool holds_at(std::string_view fixture, Precision precision) {
  return precision != Precision::int4 || (fixture != "albert_question_answering" && fixture != "t5_sequence_classification");
}

std::vector<Case> all_cases() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(fixtures())) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  std::vector<Case> cases;
  for (const std::string& name : names)
    for (const std::unique_ptr<Backend>& backend : all_backends())
      for (Precision precision : backend->precisions())
        if (!backend->devices().usable.empty() && holds_at(name, precision))
          cases.push_back({name, std::string(backend->name()), precision});
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

class Fixtures : public testing::TestWithParam<Case> {};

TEST_P(Fixtures, AgreeWithTransformers) {
  const fs::path folder = fixtures() / GetParam().fixture;
  const Session session(open_model_folder(folder),
                        {.backend = GetParam().backend, .precision = std::string(name_of(GetParam().precision))});
  ASSERT_EQ(session.placement().backend, GetParam().backend);
  const TensorMap outputs = run_rectangle(session, SafetensorsFile::open(folder / "inputs.safetensors").tensors()).outputs;

  const TensorMap expected = SafetensorsFile::open(folder / "expected.safetensors").tensors();
  ASSERT_FALSE(expected.empty());
  for (const auto& [name, wanted] : expected) {
    ASSERT_TRUE(outputs.contains(name)) << name;
    const Tensor& got = outputs.at(name);
    ASSERT_EQ(shape_text(got.shape()), shape_text(wanted.shape())) << name;
    EXPECT_LE(relative_error(got.values<float>(), wanted.values<float>()), limit_of(GetParam().fixture, GetParam().precision)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Fixtures, testing::ValuesIn(all_cases()), name_of_case);

}  // namespace
}  // namespace accelerate
