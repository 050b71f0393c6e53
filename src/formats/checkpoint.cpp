#include "formats/checkpoint.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "formats/shard_index.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

constexpr const char* single_file = "model.safetensors";
constexpr const char* index_file = "model.safetensors.index.json";
constexpr std::size_t max_index_bytes = 256 << 20;

bool is_there(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

}  // namespace

Checkpoint::Checkpoint(const std::filesystem::path& folder) {
  if (!is_there(folder)) throw Error(ErrorKind::not_found, fmt::format("{}: no such folder", folder.string()));
  if (is_there(folder / single_file)) {
    add_file(folder / single_file);
  } else if (is_there(folder / index_file)) {
    add_shards(folder);
  } else {
    const char* hint = is_there(folder / "pytorch_model.bin") ? " (its pytorch_model.bin is not a format that is read)" : "";
    throw Error(ErrorKind::not_found, fmt::format("{}: has neither {} nor {}{}", folder.string(), single_file, index_file, hint));
  }
}

const Tensor* Checkpoint::find(std::string_view name, std::span<const std::int64_t>) {
  if (const auto found = found_.find(name); found != found_.end()) return &found->second;
  const auto file = file_of_.find(name);
  if (file == file_of_.end()) return nullptr;
  return &found_.emplace(name, files_[file->second].tensor(name)).first->second;
}

bool Checkpoint::contains(std::string_view name) const {
  if (file_of_.contains(name)) return true;
  const std::string prefix = fmt::format("{}.", name);
  const auto below = file_of_.lower_bound(prefix);
  return below != file_of_.end() && below->first.starts_with(prefix);
}

std::vector<std::string> Checkpoint::names() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : file_of_) names.push_back(name);
  return names;
}

const SafetensorsEntry* Checkpoint::entry(std::string_view name) const {
  const auto file = file_of_.find(name);
  return file == file_of_.end() ? nullptr : &files_[file->second].entries().find(name)->second;
}

std::size_t Checkpoint::byte_size() const {
  std::size_t total = 0;
  for (const SafetensorsFile& file : files_) total += file.byte_size();
  return total;
}

void Checkpoint::release(const Tensor& tensor) const {
  for (const SafetensorsFile& file : files_) file.release(tensor);
}

void Checkpoint::add_shards(const std::filesystem::path& folder) {
  const std::string source = (folder / index_file).string();
  const ShardIndex index = parse_shard_index(read_text_file(source, max_index_bytes), source);
  std::map<std::string_view, std::size_t> position;  // in files_, by the shard's name
  for (const auto& [tensor, shard] : index) {
    if (!position.try_emplace(shard, files_.size()).second) continue;
    if (!is_there(folder / shard))
      throw Error(ErrorKind::not_found,
                  fmt::format("{}: tensor {} is in {}, which is missing", source, in_quotes(tensor), in_quotes(shard)));
    add_file(folder / shard);
  }
  for (const auto& [tensor, shard] : index)
    if (!files_[position.at(shard)].entries().contains(tensor))
      throw Error(ErrorKind::invalid_file,
                  fmt::format("{}: tensor {} should be in {}, which has no such tensor", source, in_quotes(tensor), in_quotes(shard)));
}

void Checkpoint::add_file(const std::filesystem::path& path) {
  SafetensorsFile file = SafetensorsFile::open(path);
  for (const auto& [name, entry] : file.entries()) {
    const auto [place, is_new] = file_of_.emplace(name, files_.size());
    if (!is_new)
      throw Error(ErrorKind::invalid_file,
                  fmt::format("{}: tensor {} is in {} too", path.string(), in_quotes(name), files_[place->second].source()));
  }
  files_.push_back(std::move(file));
}

}  // namespace accelerate
