// Compiled models on disk, so that the next process need not compile: one file each, named by all that its content follows
// from.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "backends/openvino/feeds.h"
#include "base/mapped_file.h"
#include "base/thread_pool.h"

namespace accelerate::openvino {

/// What identifies a compiled model: everything that its bytes follow from.
struct BlobIdentity {
  const Graph& graph;    ///< its text, and the contents of its constants
  std::string settings;  ///< device, precision, threads, layout and version of the runtime
};

/// The identity as a file name: 64 hexadecimal digits.
std::string key_of(const BlobIdentity& identity, ThreadPool& threads);

/// A compiled model as bytes, and what its parameters are fed with.
struct Blob {
  std::vector<Feed> feeds;
  std::span<const std::byte> bytes;
  std::shared_ptr<const MappedFile> file;  ///< owns the bytes
};

/// A folder of compiled models, which processes share.
class BlobCache {
 public:
  BlobCache(std::filesystem::path folder, ThreadPool& threads) : folder_(std::move(folder)), threads_(threads) {}

  struct Steps {
    std::function<void(Blob)> use;                                ///< takes a kept model; throws when it cannot
    std::function<void()> compile;                                ///< makes the model anew
    std::function<std::string(std::vector<Feed>&)> export_bytes;  ///< of what compile made
  };

  /// Uses the entry `key` where a sound one is kept. Else compiles and keeps the result, while other processes that want
  /// the same wait for it. What cannot be read is compiled anew; what cannot be kept is compiled all the same, and the
  /// answer says why it was not kept. Empty when all went well.
  std::string use_or_compile(const std::string& key, const Steps& steps) const;

 private:
  bool use_kept(const std::filesystem::path& path, const std::string& key, const Steps& steps) const;
  void keep(const std::filesystem::path& path, const std::string& key, const Steps& steps) const;

  std::filesystem::path folder_;
  ThreadPool& threads_;
};

}  // namespace accelerate::openvino
