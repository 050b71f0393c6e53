// Parts of models that read one text and write another (Sutskever et al., 2014). Each is written as the plain network over both
// texts, whole.
#pragma once

#include "models/decoder_blocks.h"

namespace accelerate {

/// The text that is read and the one that is written: a ragged batch each, sequence by sequence one of the other.
struct TwoTexts {
  TextInputs read;
  TextInputs written;
};

/// Declares the inputs of a model with the context's head: those of a text, and `decoder_input_ids` [decoder tokens],
/// `decoder_positions` and `decoder_sequences`. A head that gives a label or a span has but one text: its decoder reads again
/// what the encoder did, behind `start` and without the last token.
TwoTexts two_texts(const ModelContext& context, std::int64_t start);

/// What stands on the last states of an encoder and its decoder.
struct EncoderDecoderOutputs {
  Value encoder;      ///< [tokens, hidden]
  Value decoder;      ///< [decoder tokens, hidden]
  Value for_logits;   ///< the decoder's states as the projection takes them [decoder tokens, hidden]
  Value words;        ///< the word embeddings [vocabulary, hidden]
  bool tied;          ///< whether these are the projection too; otherwise `lm_head` is, in checkpoints that have it
  Value logits_bias;  ///< [vocabulary], or absent
  TwoTexts texts;
};

/// Declares what the context's head asks for, and `encoder_last_hidden_state` [tokens, hidden] beside it: last_hidden_state
/// [decoder tokens, hidden]; the logits of the next token at each token [decoder tokens, vocabulary]; those of the labels of each
/// text [sequences, labels], from its last token; or of where an answer starts and ends [decoder tokens].
void encoder_decoder_outputs(const ModelContext& context, const EncoderDecoderOutputs& outputs);

}  // namespace accelerate
