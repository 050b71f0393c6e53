// What GGUF files of an architecture call its sizes and tensors, and what transformers calls them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "formats/gguf/header.h"

namespace accelerate::gguf {

/// How a tensor lies in a file, beside how transformers has it.
enum class Layout : std::uint8_t {
  same,
  query_pairs,  ///< the two halves of each query head's rows alternate
  key_pairs,    ///< those of each key head
  thirds,       ///< rows of all queries, all keys, then all values; transformers has the three of each head together
  transposed,   ///< what are rows in the file are columns
  plus_one,     ///< a norm's scale, to which 1 was added
};

/// A tensor's name without ".weight" or ".bias", in which {} is the number of the block. An empty name of transformers: what the
/// tensor holds is in the config.
struct TensorName {
  std::string_view name;
  std::string_view transformers;
  Layout layout = Layout::same;
};

/// A file's metadata below the name of its architecture: "block_count" stands for "llama.block_count". Getters throw as those of
/// Metadata do.
class Fields {
 public:
  Fields(const Header& header, std::span<const std::byte> file, std::string_view architecture)
      : header_(&header), file_(file), architecture_(architecture) {}

  std::int64_t integer(std::string_view field, IntegerRange range = {}) const { return metadata().integer(key(field), range); }
  std::int64_t integer_or(std::string_view field, std::int64_t fallback, IntegerRange range = {}) const {
    return metadata().find_integer(key(field), range).value_or(fallback);
  }
  std::optional<double> find_number(std::string_view field, NumberRange range = {}) const {
    return metadata().find_number(key(field), range);
  }
  double number(std::string_view field, NumberRange range = {}) const { return metadata().number(key(field), range); }
  double number_or(std::string_view field, double fallback, NumberRange range = {}) const {
    return find_number(field, range).value_or(fallback);
  }
  bool boolean_or(std::string_view field, bool fallback) const { return metadata().find_boolean(key(field)).value_or(fallback); }
  std::string_view text_or(std::string_view field, std::string_view fallback) const {
    return metadata().find_text(key(field)).value_or(fallback);
  }
  [[noreturn]] void refuse(std::string_view field, std::string_view expected, ErrorKind kind = ErrorKind::invalid_file) const {
    metadata().refuse(key(field), expected, kind);
  }

  bool has_tensor(std::string_view name) const { return header_->tensors.contains(name); }

  /// The tensor's numbers. Throws invalid_file unless it is there, of plain floats.
  std::vector<float> tensor(std::string_view name) const;

  const Metadata& metadata() const { return header_->metadata; }
  const Header& header() const { return *header_; }

 private:
  std::string key(std::string_view field) const { return std::string(architecture_) + "." + std::string(field); }

  const Header* header_;
  std::span<const std::byte> file_;
  std::string_view architecture_;
};

/// An architecture that llama.cpp and this library share.
struct Architecture {
  std::string_view name;        ///< "general.architecture" in files
  std::string_view model_type;  ///< of config.json
  std::string_view causal_lm;   ///< transformers' class: "LlamaForCausalLM"
  std::span<const TensorName> tensors;
  Json (*config)(const Fields& fields);  ///< the fields of config.json, but for the model's type and its class
};

extern const Architecture llama;
extern const Architecture qwen2;
extern const Architecture qwen3;
extern const Architecture gpt2;
extern const Architecture gpt_neox;
extern const Architecture bloom;
extern const Architecture phi3;
extern const Architecture gemma2;
extern const Architecture gemma3;

/// The architecture that the file's metadata name. Throws unsupported, with the names there are, for another.
const Architecture& architecture_of(const Metadata& metadata);

/// The sizes that all architectures have, under the names of LLaMA's config.json, and whether the output shares its words with
/// the input. Throws unsupported for a mixture of experts.
Json common_config(const Fields& fields);

/// Numbers of a head.
std::int64_t head_size_of(const Fields& fields);

/// Adds rotary positions to a config: their base, and how they are scaled where they are.
void add_rotary(const Fields& fields, Json& config);

}  // namespace accelerate::gguf
