#include "formats/packed_weights.h"

#include <gtest/gtest.h>

#include <random>

#include "base/half.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

std::optional<PackingScheme> scheme_of(const std::string& fields) {
  return packing_scheme(Config::parse(R"({"quantization_config": {)" + fields + "}}", "config.json"));
}

TEST(PackingScheme, IsWhatTheConfigSays) {
  EXPECT_FALSE(packing_scheme(Config::parse("{}", "config.json")).has_value());
  const auto gptq = scheme_of(R"("quant_method": "gptq", "bits": 8, "group_size": -1, "sym": true, "desc_act": true)");
  EXPECT_EQ(gptq->bits, 8);
  EXPECT_EQ(gptq->group_size, 0);
  EXPECT_TRUE(gptq->zeros_less_one);
  EXPECT_FALSE(scheme_of(R"("quant_method": "gptq", "bits": 4, "group_size": 64, "checkpoint_format": "gptq_v2")")->zeros_less_one);
  EXPECT_EQ(scheme_of(R"("quant_method": "awq", "bits": 4, "group_size": 64, "version": "GEMM")")->method, PackingScheme::Method::awq);
}

TEST(PackingScheme, RefusesWhatIsNotKnown) {
  struct Row {
    std::string fields;
    std::string message;
  };
  for (const Row& row : {Row{R"("quant_method": "fp8")", R"('quantization_config.quant_method' is "fp8", expected gptq or awq)"},
                         Row{R"("quant_method": "gptq", "bits": 3)", "'quantization_config.bits' is 3, expected 4 or 8"},
                         Row{R"("quant_method": "awq", "bits": 8)", "'quantization_config.bits' is 8, expected 4"},
                         Row{R"("quant_method": "gptq", "checkpoint_format": "marlin")", "expected gptq or gptq_v2"},
                         Row{R"("quant_method": "awq", "version": "gemv")", R"('quantization_config.version' is "gemv", expected gemm)"},
                         Row{R"("quant_method": "awq", "zero_point": false)", "'quantization_config.zero_point'"}})
    expect_error(ErrorKind::unsupported, row.message, [&] { scheme_of(row.fields); });
  expect_error(ErrorKind::invalid_file, "group_size", [] { scheme_of(R"("quant_method": "gptq", "group_size": 0)"); });
}

/// Tensors of a layer [16, 8] of four bits in two groups: code (input + output) mod 16, scale 0.5, zeros as the words say.
struct Layer {
  explicit Layer(PackingScheme::Method method, std::int32_t zeros_word) {
    const bool gptq = method == PackingScheme::Method::gptq;
    std::vector<std::int32_t> words;
    constexpr std::array<unsigned, 8> awq_order{0, 2, 4, 6, 1, 3, 5, 7};
    for (unsigned row = 0; row < (gptq ? 2U : 16U); ++row)
      for (unsigned column = 0; column < (gptq ? 8U : 1U); ++column) {
        std::uint32_t word = 0;
        for (unsigned place = 0; place < 8; ++place)
          word |= (gptq ? 8 * row + place + column : row + awq_order[place]) % 16U << (4 * place);
        words.push_back(static_cast<std::int32_t>(word));
      }
    codes = Tensor::from<std::int32_t>(words, gptq ? std::vector<std::int64_t>{2, 8} : std::vector<std::int64_t>{16, 1});
    zeros = Tensor::from<std::int32_t>(std::vector(2, zeros_word), {2, 1});
    scales = Tensor::from<float>(std::vector(16, 0.5F), {2, 8});
  }
  PackedWeight packed() const { return {.codes = &codes, .zeros = &zeros, .scales = &scales, .group_of = nullptr}; }

  Tensor codes;
  Tensor zeros;
  Tensor scales;
};

TEST(PackedWeights, AreCodesByOutput) {
  for (const auto method : {PackingScheme::Method::gptq, PackingScheme::Method::awq}) {
    const Layer layer(method, 0x77777777);
    const bool gptq = method == PackingScheme::Method::gptq;
    const QuantisedWeight weight = unpacked_weight({.method = method, .group_size = 8, .zeros_less_one = gptq}, "q", layer.packed());
    EXPECT_EQ(weight.options.zero, gptq ? 8 : 7);
    EXPECT_FALSE(weight.offsets.has_value());
    for (std::int64_t output = 0; output < 8; ++output)
      for (std::int64_t input = 0; input < 16; ++input) {
        const unsigned byte = weight.codes.values<std::uint8_t>()[static_cast<std::size_t>(output * 8 + input / 2)];
        EXPECT_EQ(input % 2 == 0 ? byte % 16 : byte / 16, (input + output) % 16) << output << " " << input;
      }
  }
}

TEST(PackedWeights, ZerosOfTheirOwnAreOffsets) {
  const Layer layer(PackingScheme::Method::awq, 0x10000000);  // output 7 has zero 1
  const QuantisedWeight weight = unpacked_weight({.method = PackingScheme::Method::awq, .group_size = 8}, "q", layer.packed());
  ASSERT_TRUE(weight.offsets.has_value());
  EXPECT_EQ(weight.offsets->values<float>()[0], 0.0F);
  EXPECT_EQ(weight.offsets->values<float>()[15], -0.5F);
}

/// Whatever the tensors are, a weight comes out or the checkpoint is refused.
TEST(PackedWeights, AnyShapesAreReadOrRefused) {
  std::mt19937 random(3);
  const auto one_of = [&](std::initializer_list<std::int64_t> values) { return values.begin()[random() % values.size()]; };
  int read = 0;
  for (int i = 0; i < 20000; ++i) {
    const bool gptq = random() % 2 == 0;
    const PackingScheme scheme{.method = gptq ? PackingScheme::Method::gptq : PackingScheme::Method::awq,
                               .bits = gptq ? one_of({4, 8}) : 4,
                               .group_size = one_of({0, 8, 16, 48}),
                               .zeros_less_one = gptq};
    const std::int64_t each = 32 / scheme.bits;
    const std::int64_t inputs = one_of({0, 8, 16, 32});
    const std::int64_t outputs = one_of({0, 8, 16});
    const std::int64_t groups = scheme.group_size == 0 ? 1 : (inputs + scheme.group_size - 1) / scheme.group_size;
    const auto tensor = [&](DType dtype, std::vector<std::int64_t> shape) {
      if (random() % 12 == 0) shape[random() % shape.size()] = one_of({0, 1, 3, 8});
      if (random() % 40 == 0) shape.push_back(1);
      Tensor result = Tensor::zeros(random() % 40 == 0 ? DType::int64 : dtype, shape);
      for (std::byte& byte : result.mutable_bytes()) byte = static_cast<std::byte>(random());
      return result;
    };
    const Tensor codes = gptq ? tensor(DType::int32, {inputs / each, outputs}) : tensor(DType::int32, {inputs, outputs / each});
    const Tensor zeros = tensor(DType::int32, {groups, outputs / each});
    const Tensor scales = tensor(DType::float16, {groups, outputs});
    Tensor group_of = Tensor::zeros(DType::int32, {random() % 12 == 0 ? 3 : inputs});
    for (std::int32_t& group : group_of.mutable_values<std::int32_t>())
      group = static_cast<std::int32_t>(one_of({0, groups - 1, random() % 200 == 0 ? -1 : 0}));
    const PackedWeight packed{.codes = &codes, .zeros = &zeros, .scales = &scales, .group_of = random() % 2 == 0 ? &group_of : nullptr};
    try {
      unpacked_weight(scheme, "layer", packed);
      ++read;
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::invalid_file) << error.what();
    }
  }
  EXPECT_GT(read, 1000);
}

}  // namespace
}  // namespace accelerate
