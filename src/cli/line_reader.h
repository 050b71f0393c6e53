#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/file_descriptor.h"
#include "base/hash.h"

namespace accelerate::cli {

/// A place between two lines of a file, and what stands before it.
struct LinePlace {
  std::uint64_t lines = 0;              ///< before it
  std::uint64_t bytes = 0;              ///< before it
  std::uint64_t hash = Hash().value();  ///< of those bytes
};

/// Reads the lines of a file one after the other, in memory that does not grow with the file.
class LineReader {
 public:
  /// Opens the file at its beginning. Throws as open_regular_file does.
  explicit LineReader(const std::filesystem::path& path);

  /// Takes the next line, without its end, which the last one may lack; false where the file ends. Throws io, and
  /// invalid_argument for a line of more than 64 MiB.
  bool next(std::string& line);

  /// Where the next line begins.
  const LinePlace& place() const { return place_; }

  /// Reads on to `place`, which must be ahead; false where the file is another up to there, or no line ends there.
  bool skip_to(const LinePlace& place);

  /// Lines from here to the end of the file, read once and not hashed; the reader stays where it is.
  std::uint64_t count_lines() const;

  const std::filesystem::path& path() const { return path_; }

 private:
  bool fill();

  std::filesystem::path path_;
  OpenedFile file_;
  LinePlace place_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what in the buffer was not taken yet
};

}  // namespace accelerate::cli
