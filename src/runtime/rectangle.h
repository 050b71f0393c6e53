#pragma once

#include "runtime/session.h"

namespace accelerate {

/// Runs a padded batch as transformers writes it: int64 `input_ids` [batch, tokens], and where given `attention_mask` and
/// `position_ids` of that shape, and whatever else the model reads with a row a token, such as `token_type_ids` of that shape or
/// `bbox` [batch, tokens, 4] (zeros where it is not given); of a model with a decoder that reads another text also
/// `decoder_input_ids` [batch, decoder tokens] and, where given, `decoder_attention_mask` of that shape. Outputs with a row a token come
/// back padded, [batch, tokens, …] with zeros where the mask is 0; notes as Session::run gives them. Throws invalid_argument for inputs
/// that the model does not read, for positions that it counts itself, and as Session::run does.
RunResult run_rectangle(const Session& session, TensorMap inputs);

}  // namespace accelerate
