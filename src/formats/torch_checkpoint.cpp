#include "formats/torch_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "base/arithmetic.h"
#include "base/byte_reader.h"
#include "base/json.h"
#include "formats/torch_pickle.h"
#include "formats/zip_archive.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

using Bytes = std::span<const std::byte>;

/// The bytes behind each key, as far as the file has any.
using Storages = std::map<std::string, Bytes, std::less<>>;

// The pickled number 0x1950a86a20f9469cfc6c, with which files begin that PyTorch before 1.6 wrote.
constexpr std::string_view legacy_magic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);

[[noreturn]] void refuse(const std::string& source, std::string_view reason, ErrorKind kind = ErrorKind::invalid_file) {
  throw Error(kind, fmt::format("{}: {}", source, reason));
}

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// Turns the tensors of a state dict into entries, each checked against the storage that it views.
class EntryMaker {
 public:
  EntryMaker(Bytes file, const Storages& storages, const std::string& source) : file_(file), storages_(storages), source_(source) {}

  TensorEntries make(const std::vector<TorchTensor>& tensors) const {
    TensorEntries entries;
    for (const TorchTensor& tensor : tensors)
      if (!entries.emplace(tensor.name, entry_of(tensor)).second) refuse_tensor(tensor, "appears twice");
    return entries;
  }

 private:
  TensorEntry entry_of(const TorchTensor& tensor) const {
    const Bytes bytes = storage_of(tensor);
    const std::int64_t size = tensor.type->bytes;
    const auto room = static_cast<std::int64_t>(bytes.size()) / size;
    const std::int64_t elements = count_elements(tensor);
    if (elements > 0) check_place(tensor, room);
    // An expanded tensor repeats the few elements that it has: a file of no size could ask for any amount of memory.
    if (elements > room) refuse_tensor(tensor, fmt::format("has {} elements in a storage of {}", elements, room));
    const std::int64_t offset = elements > 0 ? tensor.offset * size : 0;
    TensorEntry entry{.type = tensor.type->name,
                      .dtype = tensor.type->known,
                      .shape = tensor.shape,
                      .offset = static_cast<std::size_t>(bytes.data() - file_.data() + offset),
                      .byte_size = static_cast<std::size_t>(elements * size)};
    if (elements > 0 && !is_row_major(tensor)) entry.strides = tensor.strides;
    return entry;
  }

  /// The bytes that the tensor's storage has by its own account, which the file must have.
  Bytes storage_of(const TorchTensor& tensor) const {
    const TorchStorage& storage = tensor.storage;
    const auto found = storages_.find(storage.key);
    if (found == storages_.end()) refuse_tensor(tensor, fmt::format("is in storage {}, which the file lacks", in_quotes(storage.key)));
    std::int64_t bytes = 0;
    if (!multiply_fits(storage.elements, storage.type->bytes, bytes) || bytes > static_cast<std::int64_t>(found->second.size()))
      refuse_tensor(tensor, fmt::format("is in storage {} of {} elements, but the file has {} bytes of it", in_quotes(storage.key),
                                        storage.elements, found->second.size()));
    return found->second.first(static_cast<std::size_t>(bytes));
  }

  std::int64_t count_elements(const TorchTensor& tensor) const {
    std::int64_t elements = 1;
    for (const std::int64_t size : tensor.shape)
      if (!multiply_fits(elements, size, elements))
        refuse_tensor(tensor, fmt::format("has more elements than any file: {}", shape_text(tensor.shape)));
    return elements;
  }

  /// Checks that the last element of a tensor that has any is inside its storage, as the first then is too.
  void check_place(const TorchTensor& tensor, std::int64_t room) const {
    std::int64_t last = tensor.offset;
    bool fits = true;
    for (std::size_t axis = 0; axis < tensor.shape.size() && fits; ++axis) {
      std::int64_t distance = 0;
      fits = multiply_fits(tensor.shape[axis] - 1, tensor.strides[axis], distance) && !__builtin_add_overflow(last, distance, &last);
    }
    if (!fits || last >= room)
      refuse_tensor(tensor, fmt::format("of shape {}, strides {} and offset {} leaves its storage of {} elements", shape_text(tensor.shape),
                                        shape_text(tensor.strides), tensor.offset, room));
  }

  static bool is_row_major(const TorchTensor& tensor) {
    std::int64_t stride = 1;
    for (std::size_t axis = tensor.shape.size(); axis-- > 0;) {
      if (tensor.shape[axis] != 1 && tensor.strides[axis] != stride) return false;
      stride *= tensor.shape[axis];
    }
    return true;
  }

  [[noreturn]] void refuse_tensor(const TorchTensor& tensor, std::string_view reason) const {
    refuse(source_, fmt::format("tensor {} {}", in_quotes(tensor.name), reason));
  }

  Bytes file_;
  const Storages& storages_;
  const std::string& source_;
};

/// The folder that holds everything in a torch archive, with its slash: "archive/".
std::string archive_folder(const ZipFiles& files, const std::string& source) {
  constexpr std::string_view pickle = "/data.pkl";
  const auto is_pickle = [&](const auto& file) {
    return file.first.ends_with(pickle) && file.first.find('/') + pickle.size() == file.first.size();
  };
  const auto found = std::ranges::find_if(files, is_pickle);
  if (found == files.end()) refuse(source, "is a zip archive without data.pkl, expected one that torch.save wrote");
  return found->first.substr(0, found->first.size() - pickle.size() + 1);
}

TensorEntries parse_archive(Bytes file, const std::string& source) {
  const ZipFiles files = read_stored_zip(file, source);
  const std::string folder = archive_folder(files, source);
  if (files.contains(folder + "constants.pkl"))
    refuse(source, "is a TorchScript program, expected the state dict of a model", ErrorKind::unsupported);
  if (const auto order = files.find(folder + "byteorder"); order != files.end() && text_of(order->second) != "little")
    refuse(source, fmt::format("byteorder is {}, expected 'little'", in_quotes(text_of(order->second))), ErrorKind::unsupported);

  const std::string prefix = folder + "data/";
  Storages storages;
  for (auto place = files.lower_bound(prefix); place != files.end() && place->first.starts_with(prefix); ++place)
    storages.emplace(place->first.substr(prefix.size()), place->second);
  const Pickle pickle = read_pickle(files.at(folder + "data.pkl"), source, torch_pickle_rules);
  return EntryMaker(file, storages, source).make(read_state_dict(pickle, source));
}

/// Reads the pickles of a file from before PyTorch 1.6 one after another, and the storages behind them.
class LegacyFile {
 public:
  LegacyFile(Bytes file, const std::string& source) : file_(file), source_(source), rest_(file.subspan(legacy_magic.size())) {}

  TensorEntries parse() {
    const Pickle version = next_pickle();
    if (version[version.root].integer != 1001) refuse(source_, "is of another protocol than 1001, the only one there was");
    check_system(next_pickle());
    const std::vector<TorchTensor> tensors = read_state_dict(next_pickle(), source_);
    return EntryMaker(file_, read_storages(next_pickle(), tensors), source_).make(tensors);
  }

 private:
  Pickle next_pickle() {
    Pickle pickle = read_pickle(rest_, fmt::format("{}: byte {}", source_, file_.size() - rest_.size()), torch_pickle_rules);
    rest_ = rest_.subspan(pickle.byte_size);
    return pickle;
  }

  void check_system(const Pickle& pickle) const {
    const PickleValue& system = pickle[pickle.root];
    for (std::size_t i = 0; system.kind == PickleValue::Kind::dictionary && i + 1 < system.items.size(); i += 2)
      if (pickle[system.items[i]].text == "little_endian" && pickle[system.items[i + 1]].integer == 0)
        refuse(source_, "was written on a big-endian machine, expected little-endian", ErrorKind::unsupported);
  }

  /// The storages in the order in which `keys` lists them: a count of elements before the elements of each.
  Storages read_storages(const Pickle& keys, const std::vector<TorchTensor>& tensors) const {
    std::map<std::string_view, const TorchType*> types;
    for (const TorchTensor& tensor : tensors) types.emplace(tensor.storage.key, tensor.storage.type);
    Storages storages;
    ByteReader reader(rest_, fmt::format("{}: storages", source_));
    for (const PickleRef ref : keys[keys.root].items) {
      const std::string& key = keys[ref].text;
      const auto type = types.find(key);
      if (type == types.end()) refuse(source_, fmt::format("storage {} is of no tensor", in_quotes(key)));
      const auto elements = reader.number<std::uint64_t>("elements");
      const auto bytes = static_cast<std::uint64_t>(type->second->bytes);
      if (elements > reader.left() / bytes)
        refuse(source_, fmt::format("storage {} has {} elements of {} bytes, but {} bytes are left", in_quotes(key), elements, bytes,
                                    reader.left()));
      if (!storages.emplace(key, reader.take(elements * bytes, "storage")).second)
        refuse(source_, fmt::format("has two storages {}", in_quotes(key)));
    }
    return storages;
  }

  Bytes file_;
  const std::string& source_;
  Bytes rest_;
};

}  // namespace

TensorEntries parse_torch_checkpoint(Bytes file, const std::string& source) {
  const std::string_view text = text_of(file);
  if (text.starts_with("PK\x03\x04")) return parse_archive(file, source);
  if (text.starts_with(legacy_magic)) return LegacyFile(file, source).parse();
  if (text.starts_with("version https://git-lfs"))
    refuse(source, "is a pointer of Git LFS to the checkpoint, expected the checkpoint: run git lfs pull");
  refuse(source, fmt::format("begins with {}, expected a file that torch.save wrote", in_quotes(text.substr(0, 8))));
}

TensorFile open_torch_checkpoint(const std::filesystem::path& path) {
  std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  TensorEntries entries = parse_torch_checkpoint(file->bytes(), path.string());
  return {std::move(file), path.string(), std::move(entries)};
}

}  // namespace accelerate
