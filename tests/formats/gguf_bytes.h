// GGUF files in memory, for tests to break.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace accelerate {

/// Writes numbers and texts as GGUF files have them.
class GgufBytes {
 public:
  template <typename T>
  GgufBytes& number(T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    text_.append(bytes, sizeof(T));
    return *this;
  }

  GgufBytes& text(std::string_view characters) {
    number<std::uint64_t>(characters.size());
    text_ += characters;
    return *this;
  }

  GgufBytes& raw(std::string_view bytes) {
    text_ += bytes;
    return *this;
  }

  const std::string& bytes() const { return text_; }

 private:
  std::string text_;
};

/// A file's parts: pairs and tensors are appended one by one, and the file is put together at the end.
struct GgufFile {
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::vector<std::string> pairs;
  std::vector<std::string> tensors;
  std::size_t data_bytes = 0;

  GgufFile& integer(std::string_view key, std::uint32_t value) {
    pairs.push_back(GgufBytes().text(key).number<std::uint32_t>(4).number(value).bytes());
    return *this;
  }
  GgufFile& number(std::string_view key, float value) {
    pairs.push_back(GgufBytes().text(key).number<std::uint32_t>(6).number(value).bytes());
    return *this;
  }
  GgufFile& text(std::string_view key, std::string_view value) {
    pairs.push_back(GgufBytes().text(key).number<std::uint32_t>(8).text(value).bytes());
    return *this;
  }
  GgufFile& texts(std::string_view key, const std::vector<std::string>& values) {
    GgufBytes bytes;
    bytes.text(key).number<std::uint32_t>(9).number<std::uint32_t>(8).number<std::uint64_t>(values.size());
    for (const std::string& value : values) bytes.text(value);
    pairs.push_back(bytes.bytes());
    return *this;
  }
  template <typename T>
  GgufFile& numbers(std::string_view key, const std::vector<T>& values) {
    GgufBytes bytes;
    const std::uint32_t element = std::is_same_v<T, float> ? 6 : 5;
    bytes.text(key).number<std::uint32_t>(9).number(element).number(static_cast<std::uint64_t>(values.size()));
    for (const T value : values) bytes.number(value);
    pairs.push_back(bytes.bytes());
    return *this;
  }
  /// A tensor whose axes are in the file's order, the one of a row first.
  GgufFile& tensor(std::string_view name, const std::vector<std::uint64_t>& axes, std::uint32_t type, std::uint64_t offset) {
    GgufBytes bytes;
    bytes.text(name).number<std::uint32_t>(static_cast<std::uint32_t>(axes.size()));
    for (const std::uint64_t axis : axes) bytes.number(axis);
    tensors.push_back(bytes.number(type).number(offset).bytes());
    return *this;
  }

  std::string bytes() const {
    GgufBytes all;
    all.raw(magic).number(version).number<std::uint64_t>(tensors.size()).number<std::uint64_t>(pairs.size());
    for (const std::string& pair : pairs) all.raw(pair);
    for (const std::string& tensor : tensors) all.raw(tensor);
    std::string text = all.bytes();
    if (data_bytes > 0) text.append((32 - text.size() % 32) % 32 + data_bytes, '\0');
    return text;
  }
};

}  // namespace accelerate
