#pragma once

#include <filesystem>

#include "ipfs_accelerate/tensor.h"
#include "processing/tokenizer.h"

namespace accelerate {

/// The padded batch of a file's lines: int64 input_ids and attention_mask, and token_type_ids where the tokenizer's
/// model_input_names has them, [lines, tokens of the longest], with special tokens and nothing dropped. Only "\n" ends a
/// line, the last one may lack it, and an empty line is an empty text. Throws invalid_argument for a file without a line.
TensorMap process_text_file(const Tokenizer& tokenizer, const std::filesystem::path& path);

}  // namespace accelerate
