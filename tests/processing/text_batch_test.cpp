#include "processing/text_batch.h"

#include <gtest/gtest.h>

#include <numeric>

#include "support/expect_error.h"

namespace accelerate {
namespace {

using Ids = std::vector<std::int64_t>;

template <typename T>
Tensor tensor(std::vector<std::int64_t> shape, std::vector<T> values) {
  return Tensor::from<T>(values, std::move(shape));
}

template <typename T>
std::vector<T> values_of(const Tensor& tensor) {
  const auto values = tensor.values<T>();
  return {values.begin(), values.end()};
}

Ids shape_of(const Tensor& tensor) { return {tensor.shape().begin(), tensor.shape().end()}; }

Encodings three_inputs() {
  Encodings encodings;
  encodings.ids = {5, 6, 7, 8, 9, 10};
  encodings.type_ids = {0, 0, 1, 0, 0, 1};
  encodings.begins = {0, 3, 4, 6};
  encodings.truncated = {0, 0, 0};
  return encodings;
}

TEST(Pad, FillsARectangleFromEitherSide) {
  const TensorMap right = pad(three_inputs(), {.pad_id = 1, .token_type_ids = true});
  EXPECT_EQ(shape_of(right.at("input_ids")), (Ids{3, 3}));
  EXPECT_EQ(values_of<std::int64_t>(right.at("input_ids")), (Ids{5, 6, 7, 8, 1, 1, 9, 10, 1}));
  EXPECT_EQ(values_of<std::int64_t>(right.at("attention_mask")), (Ids{1, 1, 1, 1, 0, 0, 1, 1, 0}));
  EXPECT_EQ(values_of<std::int64_t>(right.at("token_type_ids")), (Ids{0, 0, 1, 0, 0, 0, 0, 1, 0}));

  const TensorMap left = pad(three_inputs(), {.pad_id = 1, .side = Side::left});
  EXPECT_EQ(values_of<std::int64_t>(left.at("input_ids")), (Ids{5, 6, 7, 1, 1, 8, 1, 9, 10}));
  EXPECT_EQ(values_of<std::int64_t>(left.at("attention_mask")), (Ids{1, 1, 1, 0, 0, 1, 0, 1, 1}));
  EXPECT_FALSE(left.contains("token_type_ids"));
}

TEST(Pad, TakesEmptyBatches) { EXPECT_EQ(shape_of(pad(Encodings{}, {}).at("input_ids")), (Ids{0, 0})); }

TEST(PaddedLayout, FollowsTheMaskWhateverItsHolesAndDtype) {
  const Tensor ids = tensor<std::int32_t>({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor masks[] = {tensor<std::int64_t>({2, 4}, {0, 1, 0, 1, 1, 1, 0, 0}), tensor<std::int32_t>({2, 4}, {0, 1, 0, 1, 1, 1, 0, 0}),
                          tensor<std::uint8_t>({2, 4}, {0, 1, 0, 1, 1, 1, 0, 0})};
  for (const Tensor& mask : masks) {
    const TensorMap inputs = {{"input_ids", ids}, {"attention_mask", mask}};
    const PaddedLayout layout = padded_layout(inputs);
    EXPECT_EQ(layout.rows, 2);
    EXPECT_EQ(layout.columns, 4);
    EXPECT_EQ(layout.begins, (Ids{0, 2, 4}));
    EXPECT_EQ(layout.positions, (Ids{1, 3, 0, 1}));

    const TensorMap ragged = ragged_inputs(inputs, layout);
    EXPECT_EQ(ragged.size(), 3U);
    EXPECT_EQ(values_of<std::int64_t>(ragged.at("input_ids")), (Ids{2, 4, 5, 6}));
    EXPECT_EQ(values_of<std::int64_t>(ragged.at("positions")), (Ids{1, 3, 0, 1}));
    EXPECT_EQ(values_of<std::int64_t>(ragged.at("sequences")), (Ids{0, 2, 4}));
  }
}

TEST(PaddedLayout, TakesEveryTokenWithoutAMask) {
  const TensorMap inputs = {{"input_ids", tensor<std::int64_t>({2, 2}, {1, 2, 3, 4})},
                            {"token_type_ids", tensor<std::int64_t>({2, 2}, {0, 1, 0, 1})}};
  const TensorMap ragged = ragged_inputs(inputs, padded_layout(inputs));
  EXPECT_EQ(values_of<std::int64_t>(ragged.at("input_ids")), (Ids{1, 2, 3, 4}));
  EXPECT_EQ(values_of<std::int64_t>(ragged.at("token_type_ids")), (Ids{0, 1, 0, 1}));
  EXPECT_EQ(values_of<std::int64_t>(ragged.at("positions")), (Ids{0, 1, 0, 1}));
  EXPECT_EQ(values_of<std::int64_t>(ragged.at("sequences")), (Ids{0, 2, 4}));
}

TEST(RaggedInputs, TakeWhateverHasARowAToken) {
  const TensorMap inputs = {{"input_ids", tensor<std::int64_t>({2, 2}, {1, 2, 3, 4})},
                            {"attention_mask", tensor<std::int64_t>({2, 2}, {0, 1, 1, 1})},
                            {"bbox", tensor<std::int32_t>({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})}};
  const Tensor boxes = ragged_inputs(inputs, padded_layout(inputs)).at("bbox");
  EXPECT_EQ(shape_of(boxes), (Ids{3, 2}));
  EXPECT_EQ(values_of<std::int64_t>(boxes), (Ids{3, 4, 5, 6, 7, 8}));
}

TEST(PaddedLayout, NamesWhatIsWrong) {
  const Tensor ids = tensor<std::int64_t>({2, 2}, {1, 2, 3, 4});
  const struct {
    TensorMap inputs;
    const char* fragment;
  } cases[] = {
      {{}, "no tensor input_ids"},
      {{{"input_ids", tensor<std::int64_t>({4}, {1, 2, 3, 4})}}, "input_ids is [4], expected [batch, tokens]"},
      {{{"input_ids", tensor<float>({1, 1}, {1.0F})}}, "input_ids is of float32, expected integers"},
      {{{"input_ids", tensor<std::int64_t>({2, 0}, {})}}, "row 0 of the batch has no token"},
      {{{"input_ids", ids}, {"attention_mask", tensor<std::int64_t>({2, 2}, {1, 1, 0, 0})}}, "row 1 of the batch has no token"},
      {{{"input_ids", ids}, {"attention_mask", tensor<std::int64_t>({2, 2}, {1, 1, 1, 2})}}, "attention_mask has 2 in row 1 at column 1"},
      {{{"input_ids", ids}, {"attention_mask", tensor<std::int64_t>({2, 2}, {-1, 1, 1, 1})}}, "attention_mask has -1 in row 0 at column 0"},
      {{{"input_ids", ids}, {"attention_mask", tensor<std::int64_t>({4}, {1, 1, 1, 1})}}, "attention_mask is [4], expected the shape of"},
      {{{"input_ids", ids}, {"attention_mask", tensor<float>({2, 2}, {1, 1, 1, 1})}}, "attention_mask is of float32, expected integers"},
      {{{"input_ids", ids}, {"token_type_ids", tensor<std::int64_t>({2, 1}, {0, 0})}}, "token_type_ids is [2, 1], expected the shape of"},
      {{{"input_ids", ids}, {"bbox", tensor<std::int64_t>({2, 3, 4}, Ids(24, 0))}},
       "bbox is [2, 3, 4], expected the shape of input_ids, [2, 2]"},
      {{{"input_ids", ids}, {"bbox", tensor<float>({2, 2, 1}, {1, 2, 3, 4})}}, "bbox is of float32, expected integers"},
  };
  for (const auto& wrong : cases) {
    expect_error(ErrorKind::invalid_argument, wrong.fragment, [&] { ragged_inputs(wrong.inputs, padded_layout(wrong.inputs)); });
  }
}

TEST(ScatterTokens, PutsZerosWhereThereIsNoToken) {
  const PaddedLayout layout{.rows = 2, .columns = 3, .begins = {0, 2, 3}, .positions = {0, 2, 1}};
  const Tensor states = tensor<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  const Tensor padded = scatter_tokens(states, layout);
  EXPECT_EQ(shape_of(padded), (Ids{2, 3, 2}));
  EXPECT_EQ(values_of<float>(padded), (std::vector<float>{1, 2, 0, 0, 3, 4, 0, 0, 5, 6, 0, 0}));
  EXPECT_EQ(values_of<float>(gather_tokens(padded, layout)), values_of<float>(states));
  EXPECT_EQ(shape_of(scatter_tokens(tensor<std::int8_t>({3}, {1, 2, 3}), layout)), (Ids{2, 3}));
  EXPECT_EQ(shape_of(scatter_tokens(tensor<float>({3, 0}, {}), layout)), (Ids{2, 3, 0}));

  expect_error(ErrorKind::invalid_argument, "[2, 2], expected [3, …]",
               [&] { scatter_tokens(tensor<float>({2, 2}, {1, 2, 3, 4}), layout); });
  expect_error(ErrorKind::invalid_argument, "[3, 2], expected [2, 3, …]", [&] { gather_tokens(states, layout); });
}

TEST(RaggedInputs, OfTextsAreThoseOfTheirRectangle) {
  const TensorMap direct = ragged_inputs(three_inputs());
  const TensorMap padded = pad(three_inputs(), {.token_type_ids = true});
  const TensorMap round = ragged_inputs(padded, padded_layout(padded));
  ASSERT_EQ(direct.size(), round.size());
  for (const auto& [name, values] : direct) EXPECT_EQ(values_of<std::int64_t>(values), values_of<std::int64_t>(round.at(name))) << name;
}

}  // namespace
}  // namespace accelerate
