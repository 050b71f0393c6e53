#pragma once

#include "runtime/session.h"

namespace accelerate {

/// Runs a padded batch as transformers writes it: int64 `input_ids` [batch, tokens], and where given `attention_mask`,
/// `token_type_ids` (else 0) and `position_ids` of that shape. Outputs with a row a token come back padded, [batch, tokens, …]
/// with zeros where the mask is 0; notes as Session::run gives them. Throws invalid_argument for other inputs, for positions that the model
/// counts itself, and as Session::run does.
RunResult run_rectangle(const Session& session, TensorMap inputs);

}  // namespace accelerate
