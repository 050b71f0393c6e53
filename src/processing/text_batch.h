// Ragged batches and the padded rectangles that transformers speaks: input_ids and attention_mask [batch, tokens].
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ipfs_accelerate/tensor.h"
#include "processing/tokenizer.h"

namespace accelerate {

struct PaddingOptions {
  std::int64_t pad_id = 0;
  Side side = Side::right;
  bool token_type_ids = false;  ///< whether the rectangle of type ids is wanted
};

/// The rectangle of a batch: int64 tensors input_ids, attention_mask and, if wanted, token_type_ids
/// [inputs, tokens of the longest].
TensorMap pad(const Encodings& encodings, const PaddingOptions& options);

/// Where the tokens of a ragged batch stand in the rectangle they came from.
struct PaddedLayout {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<std::int64_t> begins{0};    ///< [rows + 1]: where each row's tokens begin in the ragged batch
  std::vector<std::int64_t> positions{};  ///< [tokens]: the column of each

  std::int64_t tokens() const { return static_cast<std::int64_t>(positions.size()); }
};

/// The layout of `input_ids` [batch, tokens] under `attention_mask` (same shape; all ones when missing), which holds only
/// 0 and 1 and may have holes. Throws invalid_argument naming the tensor, and the row that has no token.
PaddedLayout padded_layout(const TensorMap& inputs);

/// The tokens of `padded` [rows, columns, …] in ragged order: [tokens, …], of the same dtype.
Tensor gather_tokens(const Tensor& padded, const PaddedLayout& layout);

/// The reverse: `ragged` [tokens, …] as [rows, columns, …], with zeros where the layout has no token.
Tensor scatter_tokens(const Tensor& ragged, const PaddedLayout& layout);

/// The tensor as int64. Throws invalid_argument, with that name, for one of other numbers than whole ones.
Tensor whole_numbers(const Tensor& tensor, std::string_view name);

/// A graph's inputs (graph/ops.h) from a rectangle: positions (columns), sequences [rows + 1], and each tensor [rows, columns, …]
/// of `inputs` but the mask as int64 [tokens, …]. Throws invalid_argument naming a tensor of another shape or dtype.
TensorMap ragged_inputs(const TensorMap& inputs, const PaddedLayout& layout);

/// The same inputs straight from a batch of texts, with type ids.
TensorMap ragged_inputs(const Encodings& encodings);

}  // namespace accelerate
