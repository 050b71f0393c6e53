// Chat templates, as text_ffi.h says how calls are made. Threads may share a template.
#pragma once

#include <cstddef>

#include "processing/text_ffi/text_ffi.h"

extern "C" {

struct templates_ffi_template;

/// Writes the time as a format of strftime asks, at most `size` bytes of UTF-8, and returns how many; 0 when it cannot.
struct templates_ffi_clock {
  std::size_t (*write)(const void* owner, text_ffi_view format, char* text, std::size_t size);
  const void* owner;
};

/// Compiles a template; `name` is its own name for `include` and its like, which find nothing else.
char* templates_ffi_open(text_ffi_view name, text_ffi_view source, templates_ffi_template** opened);

/// Frees what templates_ffi_open made; null is allowed.
void templates_ffi_free(templates_ffi_template* opened);

/// The template's text for `variables`, a JSON object. Messages begin with the line where it failed.
char* templates_ffi_render(const templates_ffi_template* opened, text_ffi_view variables, const templates_ffi_clock* clock,
                           text_ffi_string* text);

}  // extern "C"
