// RoBERTa's parts, as its siblings use them.
#pragma once

#include "models/bert.h"

namespace accelerate::models {

/// Places of the tokens that are not padding, counted from pad + 1; padding stands at pad itself
/// (transformers' create_position_ids_from_input_ids): [tokens].
Value positions_past_padding(const TextInputs& text, std::int64_t pad);

/// Declares the outputs of the context's head on hidden [tokens, hidden]; the encoder's own weights are at `encoder`.
void roberta_outputs(const ModelContext& context, Value hidden, const TextInputs& text, const Weights& encoder, const BertConfig& config);

}  // namespace accelerate::models
