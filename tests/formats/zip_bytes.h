// Small zip archives, right or wrong, for tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace accelerate {

/// A file of an archive. What is left out is as it should be.
struct ZippedFile {
  std::string name;
  std::string bytes;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::string local_name = name;
  std::uint16_t local_method = method;
  std::uint32_t size = static_cast<std::uint32_t>(bytes.size());  ///< as the directory says
  std::int64_t shift = 0;                                         ///< of its header's offset in the directory
};

inline std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i, value >>= 8) text += static_cast<char>(value);
  return text;
}

inline std::string zip_of(const std::vector<ZippedFile>& files) {
  std::string archive;
  std::string directory;
  for (const ZippedFile& file : files) {
    const std::size_t header = archive.size();
    archive += "PK\x03\x04" + little_endian(0, 2) + little_endian(file.flags, 2) + little_endian(file.local_method, 2) +
               little_endian(0, 16) + little_endian(file.local_name.size(), 2) + little_endian(0, 2) + file.local_name + file.bytes;
    directory += "PK\x01\x02" + little_endian(0, 4) + little_endian(file.flags, 2) + little_endian(file.method, 2) + little_endian(0, 8) +
                 little_endian(file.size, 4) + little_endian(file.size, 4) + little_endian(file.name.size(), 2) + little_endian(0, 12) +
                 little_endian(header + static_cast<std::uint64_t>(file.shift), 4) + file.name;
  }
  const std::size_t begin = archive.size();
  return archive + directory + "PK\x05\x06" + little_endian(0, 4) + little_endian(files.size(), 2) + little_endian(files.size(), 2) +
         little_endian(directory.size(), 4) + little_endian(begin, 4) + little_endian(0, 2);
}

}  // namespace accelerate
