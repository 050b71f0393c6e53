#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "formats/tensor_file.h"

namespace accelerate {

/// Reads what `file`, the bytes of a whole file that torch.save wrote for a state dict, says of its tensors: the zip archive
/// of PyTorch 1.6 and later, or the row of pickles of earlier ones. Nothing in the file is executed, and all elements of
/// every tensor lie inside it. Throws invalid_file or unsupported, naming `source` and what is wrong.
TensorEntries parse_torch_checkpoint(std::span<const std::byte> file, const std::string& source);

/// Maps `path`, such as pytorch_model.bin, and checks it as parse_torch_checkpoint() does. Throws not_found and io too.
TensorFile open_torch_checkpoint(const std::filesystem::path& path);

}  // namespace accelerate
