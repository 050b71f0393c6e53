// What the parts of the C ABI of the Rust crate beside this file share. Memory that a call hands out is given back through
// the matching free.
//
// A `char*` result is a message: null for success, else why the call failed, in one line, to be freed with
// text_ffi_free_message; what the call would have filled is then untouched. Panics of the crates arrive as messages too.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

/// Bytes that the caller keeps; those of a text must be UTF-8, which is checked.
struct text_ffi_view {
  const char* data;
  std::size_t size;
};

/// Text that the library made: UTF-8, not terminated.
struct text_ffi_string {
  char* data;
  std::size_t size;
};

/// Frees a string that this library filled.
void text_ffi_free_string(text_ffi_string* text);

/// Frees a message; null is allowed.
void text_ffi_free_message(char* message);

}  // extern "C"
