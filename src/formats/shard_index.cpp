#include "formats/shard_index.h"

#include "base/file.h"
#include "formats/config.h"

namespace accelerate {

ShardIndex parse_shard_index(std::string_view text, std::string source) {
  const Config config = Config::parse(text, std::move(source));
  ShardIndex index = config.text_map("weight_map");
  for (const auto& [tensor, shard] : index)
    if (shard.empty() || !stays_inside(shard)) config.object("weight_map").refuse(tensor, "a file inside the model's folder");
  return index;
}

}  // namespace accelerate
