// The status page: the files that web/ builds, carried by the program.
#pragma once

#include <span>
#include <string_view>

namespace accelerate::server {

/// A file of the status page, as it is sent.
struct PageFile {
  std::string_view path;  ///< "/page.js"
  std::string_view content_type;
  std::string_view content;
};

/// All files of the page; "/" is its document. It loads nothing from anywhere else.
std::span<const PageFile> page_files();

/// What Content-Security-Policy the page's files are sent with: nothing but what this server gives.
inline constexpr std::string_view page_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

}  // namespace accelerate::server
