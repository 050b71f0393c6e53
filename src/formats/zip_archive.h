#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace accelerate {

/// The files of a zip archive, as views of its bytes, by name.
using ZipFiles = std::map<std::string, std::span<const std::byte>, std::less<>>;

/// The files in `archive`, the bytes of a whole zip archive of at most 1 million files, zip64 or not, all of them stored
/// without compression (APPNOTE 6.3.10 of PKWARE). The files lie inside the archive, apart from one another, and their local
/// headers agree with the directory; checksums are not looked at. Throws invalid_file, naming `source`, the file and what
/// is wrong, and unsupported for files that are compressed or encrypted.
ZipFiles read_stored_zip(std::span<const std::byte> archive, const std::string& source);

}  // namespace accelerate
