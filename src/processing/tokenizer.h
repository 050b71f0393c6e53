#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ipfs_accelerate/tasks.h"
#include "processing/tokenizer_config.h"

struct tokenizers_ffi_tokenizer;

namespace accelerate {

class ThreadPool;

/// Which text of a pair loses tokens when both together are too long.
enum class TruncationStrategy : std::uint8_t { longest_first, only_first, only_second };

/// What offsets count.
enum class OffsetUnit : std::uint8_t { bytes, characters };

struct EncodeOptions {
  bool add_special_tokens = true;
  std::optional<std::int64_t> max_length = std::nullopt;  ///< tokens of an input, special ones counted; without it nothing is dropped
  TruncationStrategy truncation = TruncationStrategy::longest_first;
  Side truncation_side = Side::right;
  OffsetUnit offset_unit = OffsetUnit::bytes;
  ThreadPool* pool = nullptr;  ///< shares the work of large batches; the calling thread must not hold a place in it
};

/// The tokens of a batch of inputs, one input after another and never padded.
struct Encodings {
  std::vector<std::int64_t> ids;        ///< [tokens]
  std::vector<std::int64_t> type_ids;   ///< [tokens]
  std::vector<std::uint8_t> special;    ///< [tokens]: 1 for those that were added around the text
  std::vector<std::int8_t> texts;       ///< [tokens]: 0 for the first text, 1 for the second of a pair, -1 for added tokens
  std::vector<TextSpan> offsets;        ///< [tokens]: what a token covers of its text
  std::vector<std::int64_t> begins{0};  ///< [inputs + 1]: where each input's tokens begin
  std::vector<std::uint8_t> truncated;  ///< [inputs]: 1 where tokens were dropped

  std::int64_t inputs() const { return static_cast<std::int64_t>(truncated.size()); }
  std::int64_t tokens() const { return static_cast<std::int64_t>(ids.size()); }

  /// Tokens of the longest input; 0 without any.
  std::int64_t longest() const;
};

/// Text to token ids and back, as the `tokenizers` package of Python does it. Threads may share one.
class Tokenizer {
 public:
  /// Reads a GGUF file (build_gguf_tokenizer), or tokenizer.json of a model folder, or else the vocabulary files that older
  /// checkpoints have (build_tokenizer), and what the files beside them say of special tokens. Throws not_found when there is neither,
  /// invalid_file when a file is not what it should be, unsupported for a tokenizer class that is not known.
  static Tokenizer load(const std::filesystem::path& folder);

  /// Whether the folder has the files that load() begins with.
  static bool is_in(const std::filesystem::path& folder);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// The tokens of `inputs`. Throws invalid_argument, naming the number of the input, for text that is not UTF-8 and for
  /// a length that special tokens alone exceed or that dropping tokens of the chosen text cannot reach.
  Encodings encode(std::span<const TextInput> inputs, const EncodeOptions& options = {}) const;

  /// The text of `ids`. Throws invalid_argument for an id that is not in the vocabulary.
  std::string decode(std::span<const std::int64_t> ids, bool skip_special_tokens = true) const;

  /// The token as it stands in the vocabulary: "##ing", "Ġthe". Throws invalid_argument for an id that is not in it.
  std::string token_of(std::int64_t id) const;

  /// The id of a token of the vocabulary.
  std::optional<std::int64_t> id_of(std::string_view token) const;

  /// The id of a special token, where the tokenizer has it.
  std::optional<std::int64_t> id_of(SpecialToken token) const;

  /// Tokens in the vocabulary, added ones counted.
  std::int64_t vocabulary_size() const;

  /// Whether tokens within a word begin with a mark of their own, such as "##" (the model's continuing_subword_prefix).
  bool marks_continuations() const { return marks_continuations_; }

  /// What the model folder says beside tokenizer.json.
  const TokenizerConfig& config() const { return config_; }

 private:
  friend class ConstraintVocabulary;

  struct Free {
    void operator()(tokenizers_ffi_tokenizer* tokenizer) const;
  };
  using Handle = std::unique_ptr<tokenizers_ffi_tokenizer, Free>;

  /// What the boundary makes a tokenizer of, as tokenizers_ffi_open() takes it.
  struct Parts {
    std::string_view json;
    std::string_view added_tokens;
    std::string_view subwords = {};
  };

  static Handle open(const Parts& parts, const std::filesystem::path& file);

  Tokenizer(Handle handle, TokenizerConfig config, bool marks_continuations)
      : handle_(std::move(handle)), config_(std::move(config)), marks_continuations_(marks_continuations) {}

  Handle handle_;
  TokenizerConfig config_;
  bool marks_continuations_;
};

}  // namespace accelerate
