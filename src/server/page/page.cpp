#include "server/page/page.h"

#include <string_view>

#include <embedded/index_html.h>
#include <embedded/page_css.h>
#include <embedded/page_js.h>
#include "server/operations/operations.h"

namespace accelerate::server {
namespace {

struct PageFile {
  std::string_view path;
  std::string_view content_type;
  std::string_view content;
  std::string_view summary;
};

constexpr PageFile files[] = {
    {"/", "text/html; charset=utf-8", index_html, "The status page."},
    {"/page.css", "text/css; charset=utf-8", page_css, "A file of the status page."},
    {"/page.js", "text/javascript; charset=utf-8", page_js, "A file of the status page."},
};

constexpr std::string_view security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

}  // namespace

void add_page_routes(std::vector<http::Route>& routes) {
  for (const PageFile& file : files)
    routes.push_back({.method = "GET",
                      .pattern = file.path,
                      .access = http::Access::open,
                      .place = http::Place::here,
                      .dialect = &operations::dialect,
                      .summary = file.summary,
                      .handler = [&file](const std::shared_ptr<http::Exchange>& exchange) {
                        http::Response response{.content_type = std::string(file.content_type), .body = std::string(file.content)};
                        response.fields.add("Content-Security-Policy", std::string(security_policy));
                        response.fields.add("Cache-Control", "no-cache");
                        exchange->answer(std::move(response));
                      }});
}

}  // namespace accelerate::server
