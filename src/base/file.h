#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace accelerate {

/// The contents of a file. Throws not_found, io, or invalid_file when it is no regular file or longer than `max_bytes`.
std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes);

/// Writes `parts` one after the other as the file `path`, or leaves what was there untouched: the bytes go to a temporary
/// file in the same folder, which takes the name once they are on the disk. Throws io, or not_found without the folder.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::span<const std::byte>> parts);

/// Whether `path`, joined to a folder, names something below that folder by its text: relative, without ".." and NUL.
bool stays_inside(std::string_view path);

}  // namespace accelerate
