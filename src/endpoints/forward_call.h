#pragma once

#include "ipfs_accelerate/model.h"
#include "tasks/text_model.h"

namespace accelerate {

/// One pass of the session's graph over token ids, named and padded as transformers has them: int64 `input_ids` [batch, tokens] and,
/// where wanted, `attention_mask` and `token_type_ids` of that shape. The rows may be computed in batches with others'; outputs with
/// a row a token come back padded, with zeros where the mask is 0. Throws invalid_argument for other inputs, for a mask that is not
/// ones before zeros, and for a row that is too long.
PreparedCall<ForwardResult> forward_call(const Session& session, const TensorMap& inputs);

}  // namespace accelerate
