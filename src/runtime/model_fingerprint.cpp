#include "runtime/model_fingerprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "formats/checkpoint.h"
#include "formats/gguf/model.h"
#include "formats/sentence_transformers.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

// Training changes every weight all over; reading all of it would take longer than loading the model.
constexpr std::size_t sample_bytes = 4096;
constexpr std::size_t largest_settings = 256 << 20;

void add_weights(Hash& hash, const fs::path& folder) {
  Checkpoint checkpoint(folder);
  for (const std::string& name : checkpoint.names()) {
    const TensorEntry& entry = *checkpoint.entry(name);
    hash.add(name);
    hash.add(entry.type);
    hash.add(shape_text(entry.shape));
    const std::span<const std::byte> bytes = checkpoint.stored_bytes(name);
    const std::size_t begin = bytes.size() / 2;
    hash.add(bytes.first(std::min(sample_bytes, bytes.size())));
    hash.add(bytes.subspan(begin, std::min(sample_bytes, bytes.size() - begin)));
  }
}

/// The settings and vocabularies that lie in a folder itself, or at the beginning of a GGUF file.
void add_settings(Hash& hash, const fs::path& folder) {
  if (gguf::is_gguf_file(folder)) {
    hash.add(gguf::File::open(folder).header_bytes());
    return;
  }
  constexpr std::array<std::string_view, 3> kinds{".json", ".txt", ".model"};
  std::vector<fs::path> files;
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, failure))
    if (entry.is_regular_file(failure) && std::ranges::find(kinds, entry.path().extension().string()) != kinds.end())
      files.push_back(entry.path());
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    hash.add(file.filename().string());
    hash.add(read_text_file(file, largest_settings));
  }
}

}  // namespace

std::string model_fingerprint(const ModelFolder& folder) {
  Hash hash;
  add_settings(hash, folder.path);
  add_settings(hash, folder.transformer);
  add_weights(hash, folder.transformer);
  if (const auto sentence = read_sentence_transformer(folder.path)) {
    hash.add(fmt::format("{} {}", sentence->pooling.dimension, sentence->pooling.include_prompt));
    for (const PoolingMode mode : sentence->pooling.modes) hash.add(name_of(mode));
    for (const EmbeddingLayer& layer : sentence->layers) {
      hash.add(layer.path);
      add_settings(hash, folder.path / layer.path);
      if (layer.kind != SentenceModule::Kind::normalize) add_weights(hash, folder.path / layer.path);
    }
  }
  return fmt::format("{:016x}", hash.value());
}

}  // namespace accelerate
