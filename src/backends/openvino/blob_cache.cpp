#include "backends/openvino/blob_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "backends/openvino/digest.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "graph/print.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::openvino {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view magic = "ipfs-accelerate openvino blob 1";
constexpr std::size_t alignment = 4096;  // so that the runtime may read constants where they are mapped

struct FeedRecord {
  std::uint32_t kind;
  std::int32_t value;
};

/// How a file begins.
struct Header {
  std::array<char, 32> magic;
  std::array<char, 64> key;
  std::array<char, 64> digest;  ///< of all that follows
};

/// What follows; then the feed records, and from the next page on the runtime's bytes.
struct Counts {
  std::uint64_t feeds;
  std::uint64_t bytes;
};

constexpr std::size_t begin_of_feeds = sizeof(Header) + sizeof(Counts);

template <std::size_t size>
std::array<char, size> letters(std::string_view text) {
  std::array<char, size> result{};
  std::ranges::copy(text.substr(0, size), result.begin());
  return result;
}

std::size_t begin_of_bytes(std::uint64_t feeds) {
  return (begin_of_feeds + feeds * sizeof(FeedRecord) + alignment - 1) / alignment * alignment;
}

/// The entry's content; nothing when the file is another's, of another key, cut short or damaged.
std::optional<Blob> parsed(const std::shared_ptr<const MappedFile>& file, const std::string& key, ThreadPool& threads) {
  const std::span<const std::byte> all = file->bytes();
  Header header{};
  Counts counts{};
  if (all.size() < alignment) return std::nullopt;
  std::memcpy(&header, all.data(), sizeof(header));
  std::memcpy(&counts, all.data() + sizeof(header), sizeof(counts));
  if (header.magic != letters<32>(magic) || header.key != letters<64>(key)) return std::nullopt;
  if (header.digest != letters<64>(digest_of(all.subspan(sizeof(header)), threads))) return std::nullopt;
  if (counts.feeds > all.size() / sizeof(FeedRecord)) return std::nullopt;
  const std::size_t begin = begin_of_bytes(counts.feeds);
  if (begin > all.size() || counts.bytes != all.size() - begin) return std::nullopt;
  Blob blob{.feeds = {}, .bytes = all.subspan(begin), .file = file};
  for (std::uint64_t i = 0; i < counts.feeds; ++i) {
    FeedRecord record{};
    std::memcpy(&record, all.data() + begin_of_feeds + i * sizeof(record), sizeof(record));
    blob.feeds.push_back({static_cast<FeedKind>(record.kind), record.value});
  }
  return blob;
}

}  // namespace

std::string key_of(const BlobIdentity& identity, ThreadPool& threads) {
  std::string text = identity.settings + "\n" + to_text(identity.graph);
  for (const Node& node : identity.graph.nodes())
    if (node.op == Op::constant) {
      const Tensor& tensor = node.as<ConstantOptions>().tensor;
      text += fmt::format("\n{} {} {}", name_of(tensor.dtype()), shape_text(tensor.shape()), digest_of(tensor.bytes(), threads));
    }
  return digest_of(std::as_bytes(std::span(text)), threads);
}

std::string BlobCache::use_or_compile(const std::string& key, const Steps& steps) const {
  const fs::path path = folder_ / (key + ".blob");
  if (use_kept(path, key, steps)) return {};
  std::optional<FileLock> lock;
  std::string obstacle;
  try {
    fs::create_directories(folder_);
    lock.emplace(folder_ / (key + ".lock"));
  } catch (const std::exception& error) {
    obstacle = error.what();
  }
  if (lock && use_kept(path, key, steps)) return {};
  steps.compile();
  try {
    if (lock) keep(path, key, steps);
  } catch (const std::exception& error) {
    obstacle = error.what();
  }
  return obstacle.empty() ? std::string() : fmt::format("the compiled model is not kept for the next run: {}", obstacle);
}

bool BlobCache::use_kept(const fs::path& path, const std::string& key, const Steps& steps) const {
  try {
    std::optional<Blob> blob = parsed(MappedFile::open(path), key, threads_);
    if (!blob) return false;
    steps.use(std::move(*blob));
    return true;
  } catch (const std::exception&) {
    return false;  // missing, unreadable or refused by the runtime: it is compiled anew
  }
}

void BlobCache::keep(const fs::path& path, const std::string& key, const Steps& steps) const {
  std::vector<Feed> feeds;
  const std::string bytes = steps.export_bytes(feeds);
  std::string content(begin_of_bytes(feeds.size()) - sizeof(Header), '\0');
  const Counts counts{.feeds = feeds.size(), .bytes = bytes.size()};
  std::memcpy(content.data(), &counts, sizeof(counts));
  for (std::size_t i = 0; i < feeds.size(); ++i) {
    const FeedRecord record{static_cast<std::uint32_t>(feeds[i].kind), feeds[i].value};
    std::memcpy(content.data() + sizeof(counts) + i * sizeof(record), &record, sizeof(record));
  }
  content += bytes;
  const Header header{
      .magic = letters<32>(magic), .key = letters<64>(key), .digest = letters<64>(digest_of(std::as_bytes(std::span(content)), threads_))};
  write_file_atomically(path, std::array{std::as_bytes(std::span(&header, 1)), std::as_bytes(std::span(content))});
}

}  // namespace accelerate::openvino
