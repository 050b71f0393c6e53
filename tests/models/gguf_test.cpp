// GGUF files of each architecture (tools/make_gguf_fixtures.py), on every backend that runs here, against what transformers computes
// with the numbers that they hold.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "formats/safetensors.h"
#include "runtime/rectangle.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

struct Case {
  std::string model;
  std::string backend;
  std::string precision;
  double limit;  ///< of ‖got - wanted‖ / ‖wanted‖

  friend void PrintTo(const Case& test, std::ostream* out) { *out << test.model << " on " << test.backend; }
};

fs::path fixtures() { return fs::path(ACCELERATE_TEST_DATA) / "formats/fixtures/gguf/models"; }

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  std::vector<std::string> models;
  for (const fs::directory_entry& entry : fs::directory_iterator(fixtures()))
    if (entry.path().extension() == ".gguf") models.push_back(entry.path().stem().string());
  std::ranges::sort(models);
  for (const std::string& model : models) {
    for (const std::unique_ptr<Backend>& backend : all_backends())
      if (!backend->devices().usable.empty()) cases.push_back({model, std::string(backend->name()), "fp32", 1e-5});
    // The codes are multiplied as they are, by activations in 255 steps.
    if (model.find("_q") != std::string::npos)
      for (const char* precision : {"int8", "int4"}) cases.push_back({model, "cpu", precision, 0.03});
  }
  return cases;
}

class GgufModels : public testing::TestWithParam<Case> {};

TEST_P(GgufModels, AgreeWithTransformers) {
  const auto& [model, backend, precision, limit] = GetParam();
  const Session session(open_model_folder(fixtures() / (model + ".gguf")), {.backend = backend, .precision = precision});
  ASSERT_EQ(session.placement().backend, backend);
  TensorMap inputs = SafetensorsFile::open(fixtures() / (model + ".safetensors")).tensors();
  const Tensor wanted = inputs.extract("logits").mapped();
  const Tensor got = run_rectangle(session, inputs).outputs.at("logits");
  ASSERT_EQ(shape_text(got.shape()), shape_text(wanted.shape()));
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(wanted.size()); ++i) {
    difference += std::pow(static_cast<double>(got.values<float>()[i]) - wanted.values<float>()[i], 2);
    size += std::pow(static_cast<double>(wanted.values<float>()[i]), 2);
  }
  EXPECT_LE(std::sqrt(difference / size), limit);
}

INSTANTIATE_TEST_SUITE_P(All, GgufModels, testing::ValuesIn(all_cases()), [](const auto& test) {
  return fmt::format("{}_{}_{}", test.param.model, test.param.backend, test.param.precision);
});

}  // namespace
}  // namespace accelerate
