#include "formats/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "formats/gguf/model.h"
#include "formats/safetensors.h"
#include "formats/shard_index.h"
#include "formats/torch_checkpoint.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

/// A format of checkpoints: the names under which its files are found, and how one is opened.
struct Format {
  const char* single;
  const char* index;
  TensorFile (*open)(const std::filesystem::path& path);
};

constexpr Format formats[] = {
    {"model.safetensors", "model.safetensors.index.json",
     [](const std::filesystem::path& path) -> TensorFile { return SafetensorsFile::open(path); }},
    {"pytorch_model.bin", "pytorch_model.bin.index.json", open_torch_checkpoint},
};
constexpr std::size_t max_index_bytes = 256 << 20;

bool is_there(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

}  // namespace

bool Checkpoint::is_in(const std::filesystem::path& folder) {
  return std::ranges::any_of(formats,
                             [&](const Format& format) { return is_there(folder / format.single) || is_there(folder / format.index); });
}

Checkpoint::Checkpoint(const std::filesystem::path& path) {
  if (gguf::is_gguf_file(path)) {
    for (TensorFile& file : gguf::open_tensors(path)) add_file(std::move(file));
    return;
  }
  if (!is_there(path)) throw Error(ErrorKind::not_found, fmt::format("{}: no such folder", path.string()));
  if (is_there(path / "config.json")) packing_ = packing_scheme(Config::read(path / "config.json"));
  for (const Format& format : formats) {
    if (is_there(path / format.single)) {
      add_file(format.open(path / format.single));
      return;
    }
    if (is_there(path / format.index)) {
      add_shards(path / format.index, format.open);
      return;
    }
  }
  throw Error(ErrorKind::not_found, fmt::format("{}: has neither {} nor {}, nor an index of the shards of either", path.string(),
                                                formats[0].single, formats[1].single));
}

const Tensor* Checkpoint::find(std::string_view name, std::span<const std::int64_t>) {
  if (const auto found = found_.find(name); found != found_.end()) return &found->second;
  const auto file = file_of_.find(name);
  if (file == file_of_.end()) return nullptr;
  return &found_.emplace(name, files_[file->second].tensor(name)).first->second;
}

const QuantisedWeight* Checkpoint::find_quantised(std::string_view name, std::span<const std::int64_t> expected) {
  if (const auto known = unpacked_.find(name); known != unpacked_.end()) return &known->second;
  if (const TensorEntry* stored = entry(name); stored != nullptr && stored->codes) {
    const std::span<const std::byte> bytes = stored_bytes(name);
    QuantisedWeight weight = stored->codes(bytes);
    for (const TensorFile& file : files_) file.release(bytes);
    return &unpacked_.emplace(std::string(name), std::move(weight)).first->second;
  }
  constexpr std::string_view weight = ".weight";
  if (!packing_ || !name.ends_with(weight) || file_of_.contains(name)) return nullptr;
  const std::string layer(name.substr(0, name.size() - weight.size()));
  const auto part = [&](std::string_view of_layer) { return find(fmt::format("{}.{}", layer, of_layer)); };
  const PackedWeight packed{.codes = part("qweight"), .zeros = part("qzeros"), .scales = part("scales"), .group_of = part("g_idx")};
  if (packed.codes == nullptr) return nullptr;
  if (packed.zeros == nullptr || packed.scales == nullptr)
    throw Error(ErrorKind::invalid_file, fmt::format("weight '{}.qweight' is without qzeros or scales", layer));
  QuantisedWeight unpacked = unpacked_weight(*packing_, layer, packed);
  const std::int64_t outputs = unpacked.codes.dim(0);
  const std::int64_t inputs = unpacked.options.columns;
  if (expected.size() == 2 && expected[0] == inputs && expected[1] == outputs && inputs != outputs)
    throw Error(ErrorKind::unsupported,
                fmt::format("weight '{}': the model stores it transposed, which packed checkpoints are not read for", name));
  for (const Tensor* read : {packed.codes, packed.zeros, packed.scales}) release(*read);
  return &unpacked_.emplace(std::string(name), std::move(unpacked)).first->second;
}

bool Checkpoint::contains(std::string_view name) const {
  if (packing_ && name.ends_with(".weight") && file_of_.contains(fmt::format("{}.qweight", name.substr(0, name.size() - 7)))) return true;
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

const TensorEntry* Checkpoint::entry(std::string_view name) const {
  const auto file = file_of_.find(name);
  return file == file_of_.end() ? nullptr : &files_[file->second].entries().find(name)->second;
}

std::span<const std::byte> Checkpoint::stored_bytes(std::string_view name) const {
  const auto file = file_of_.find(name);
  if (file == file_of_.end()) return {};
  return files_[file->second].stored_bytes(name);
}

std::size_t Checkpoint::byte_size() const {
  std::size_t total = 0;
  for (const TensorFile& file : files_) total += file.byte_size();
  return total;
}

void Checkpoint::release(const Tensor& tensor) const {
  for (const TensorFile& file : files_) file.release(tensor.bytes());
}

void Checkpoint::add_shards(const std::filesystem::path& index_file, Open open) {
  const std::string source = index_file.string();
  const std::filesystem::path folder = index_file.parent_path();
  const ShardIndex index = parse_shard_index(read_text_file(index_file, max_index_bytes), source);
  std::map<std::string_view, std::size_t> position;  // in files_, by the shard's name
  for (const auto& [tensor, shard] : index) {
    if (!position.try_emplace(shard, files_.size()).second) continue;
    if (!is_there(folder / shard))
      throw Error(ErrorKind::not_found,
                  fmt::format("{}: tensor {} is in {}, which is missing", source, in_quotes(tensor), in_quotes(shard)));
    add_file(open(folder / shard));
  }
  for (const auto& [tensor, shard] : index)
    if (!files_[position.at(shard)].entries().contains(tensor))
      throw Error(ErrorKind::invalid_file,
                  fmt::format("{}: tensor {} should be in {}, which has no such tensor", source, in_quotes(tensor), in_quotes(shard)));
}

void Checkpoint::add_file(TensorFile file) {
  for (const auto& [name, entry] : file.entries()) {
    const auto [place, is_new] = file_of_.emplace(name, files_.size());
    if (!is_new)
      throw Error(ErrorKind::invalid_file,
                  fmt::format("{}: tensor {} is in {} too", file.source(), in_quotes(name), files_[place->second].source()));
  }
  files_.push_back(std::move(file));
}

}  // namespace accelerate
