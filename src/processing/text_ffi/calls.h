// What every caller of the C ABI needs: views of texts, messages turned into errors, strings taken over.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>

#include "ipfs_accelerate/error.h"
#include "processing/text_ffi/text_ffi.h"

namespace accelerate {

/// `text` as the boundary takes it. A null pointer means "no text" there, where an empty text is a text.
inline text_ffi_view view_of(std::string_view text) { return {text.data() == nullptr ? "" : text.data(), text.size()}; }

/// Throws what a call across the boundary reports, after `prefix`; null is success.
inline void expect_success(char* message, ErrorKind kind, std::string_view prefix = "") {
  if (message == nullptr) return;
  const std::unique_ptr<char, decltype(&text_ffi_free_message)> owned(message, text_ffi_free_message);
  throw Error(kind, fmt::format("{}{}", prefix, owned.get()));
}

/// A copy of a text that the library made, which is freed.
inline std::string take(text_ffi_string text) {
  const std::unique_ptr<text_ffi_string, decltype(&text_ffi_free_string)> owned(&text, text_ffi_free_string);
  return {text.data, text.size};
}

}  // namespace accelerate
