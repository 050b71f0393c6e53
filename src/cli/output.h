#pragma once

#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "runtime/session.h"

namespace accelerate::cli {

/// Where results go: standard output at once, or a file that appears whole when finish() is called.
class Output {
 public:
  /// An empty path is standard output. Throws io or not_found when a file there cannot be written.
  explicit Output(std::filesystem::path path = {});

  void write(std::string_view text);
  void line(std::string_view text);

  /// Whether results go to standard output.
  bool is_standard() const { return path_.empty(); }

  /// Throws io when anything could not be written.
  void finish();

 private:
  std::filesystem::path path_;
  std::string pending_;
};

/// "fp32 on cpu avx512_bf16 with 2 threads", and that the weights are random where they are.
std::string text_of(const Placement& placement, bool random_weights);

/// A line for each note.
void write_notes(Output& out, std::span<const std::string> notes);

/// 1234567 bytes as "1.2 MiB".
std::string bytes_text(double bytes);

}  // namespace accelerate::cli
