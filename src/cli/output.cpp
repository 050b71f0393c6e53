#include "cli/output.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "base/file.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cli {

Output::Output(std::filesystem::path path) : path_(std::move(path)) {
  if (path_.empty()) return;
  // Hours of work must not end at a path that could never be written.
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  std::error_code failure;
  if (!std::filesystem::is_directory(folder, failure))
    throw Error(ErrorKind::not_found, fmt::format("--output {}: there is no folder {}", path_.string(), folder.string()));
  if (std::filesystem::is_directory(path_, failure))
    throw Error(ErrorKind::io, fmt::format("--output {}: is a folder, expected a file", path_.string()));
}

void Output::write(std::string_view text) {
  if (!is_standard())
    pending_ += text;
  else if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size())
    throw Error(ErrorKind::io, fmt::format("standard output: {}", std::strerror(errno)));
}

void Output::line(std::string_view text) {
  write(text);
  write("\n");
}

void Output::finish() {
  if (is_standard()) {
    if (std::fflush(stdout) != 0) throw Error(ErrorKind::io, fmt::format("standard output: {}", std::strerror(errno)));
    return;
  }
  const std::span<const std::byte> bytes = std::as_bytes(std::span(pending_));
  write_file_atomically(path_, std::span(&bytes, 1));
}

std::string text_of(const Placement& placement, bool random_weights) {
  return fmt::format("{} on {} with {} thread{}{}", name_of(placement.precision), placement.implementation, placement.threads,
                     placement.threads == 1 ? "" : "s", random_weights ? ", random weights: the results mean nothing" : "");
}

void write_notes(Output& out, std::span<const std::string> notes) {
  for (const std::string& note : notes) out.line("note: " + note);
}

std::string bytes_text(double bytes) {
  static constexpr std::array units{"bytes", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < units.size(); ++unit) bytes /= 1024;
  return unit == 0 ? fmt::format("{:.0f} bytes", bytes) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

}  // namespace accelerate::cli
