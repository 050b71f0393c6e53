// Tensors of a file as transformers lays them out.
#pragma once

#include "formats/gguf/architecture.h"
#include "formats/tensor_file.h"

namespace accelerate::gguf {

/// How many heads there are of queries, and of keys.
struct Heads {
  std::int64_t queries;
  std::int64_t keys;
};

/// The tensor as a checkpoint describes it: with the shape that transformers has, and the way there where it is more than a view.
/// Throws invalid_file for a shape that the layout cannot have.
TensorEntry entry_of(const TensorInfo& info, Layout layout, const Heads& heads);

}  // namespace accelerate::gguf
