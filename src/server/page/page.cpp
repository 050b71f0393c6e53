#include "server/page/page.h"

#include <array>

#include "embedded/index_html.h"
#include "embedded/page_css.h"
#include "embedded/page_js.h"

namespace accelerate::server {

std::span<const PageFile> page_files() {
  static constexpr std::array files{
      PageFile{"/", "text/html; charset=utf-8", index_html},
      PageFile{"/page.css", "text/css; charset=utf-8", page_css},
      PageFile{"/page.js", "text/javascript; charset=utf-8", page_js},
  };
  return files;
}

}  // namespace accelerate::server
