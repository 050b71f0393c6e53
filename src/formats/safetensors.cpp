#include "formats/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/json.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

constexpr std::size_t data_alignment = 64;  // a cache line: what kernels like best

std::array<std::byte, 8> little_endian(std::uint64_t value) {
  std::array<std::byte, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(value >> (8 * i));
  return bytes;
}

std::string header_text(std::span<const TensorMap::value_type* const> tensors, const SafetensorsMetadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t offset = 0;
  for (const auto* named : tensors) {
    const auto& [name, tensor] = *named;
    if (name == "__metadata__") throw Error(ErrorKind::invalid_argument, "a tensor cannot be named '__metadata__' in a safetensors file");
    const std::size_t end = offset + tensor.byte_size();
    // push_back, because an ordered object's [] searches all that is there.
    header.get_ref<nlohmann::ordered_json::object_t&>().push_back(
        {name,
         {{"dtype", safetensors_type_of(tensor.dtype())},
          {"shape", std::vector<std::int64_t>(tensor.shape().begin(), tensor.shape().end())},
          {"data_offsets", {offset, end}}}});
    offset = end;
  }
  try {
    std::string text = header.dump();
    const std::size_t end = (8 + text.size() + data_alignment - 1) / data_alignment * data_alignment;
    text.resize(end - 8, ' ');
    return text;
  } catch (const Json::type_error&) {
    throw Error(ErrorKind::invalid_argument, "a tensor's name or the metadata is not UTF-8, which safetensors files need");
  }
}

}  // namespace

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  SafetensorsHeader header = parse_safetensors_header(file->bytes(), path.string());
  return {std::move(file), path.string(), std::move(header)};
}

void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors, const SafetensorsMetadata& metadata) {
  // The widest elements first: the format allows no padding between tensors, and so each begins at a multiple of its own size.
  std::vector<const TensorMap::value_type*> in_order;
  for (const auto& named : tensors) in_order.push_back(&named);
  std::ranges::stable_sort(in_order, std::greater{}, [](const auto* named) { return size_of(named->second.dtype()); });

  const std::string header = header_text(in_order, metadata);
  const std::array<std::byte, 8> length = little_endian(header.size());
  std::vector<std::span<const std::byte>> parts{length, std::as_bytes(std::span(header))};
  for (const auto* named : in_order) parts.push_back(named->second.bytes());
  write_file_atomically(path, parts);
}

}  // namespace accelerate
