#pragma once

#include <map>
#include <string>
#include <string_view>

namespace accelerate {

/// The file that holds each tensor of a sharded checkpoint, by the tensor's name.
using ShardIndex = std::map<std::string, std::string, std::less<>>;

/// Reads the "weight_map" of a model.safetensors.index.json. Throws invalid_file, naming `source` and what is wrong: a shard
/// outside the folder among them.
ShardIndex parse_shard_index(std::string_view text, std::string source);

}  // namespace accelerate
