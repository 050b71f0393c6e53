#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace accelerate::http {

/// How a body is compressed.
enum class ContentEncoding : unsigned char { identity, gzip, deflate };

/// The encoding that Content-Encoding names. Throws HttpError 415 for others, and for several at once.
ContentEncoding content_encoding(std::string_view field);

/// Takes a body as it comes and gives what it says, never more than `most_bytes` of it.
class Inflater {
 public:
  Inflater(ContentEncoding encoding, std::size_t most_bytes);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Appends what `piece` adds to `body`. Throws HttpError 413 once `body` would be too long, 400 for damaged data.
  void put(std::string_view piece, std::string& body);

  /// Throws HttpError 400 where the compressed data has no end.
  void finish() const;

 private:
  struct Stream;

  ContentEncoding encoding_;
  std::size_t most_bytes_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace accelerate::http
