// The status page: the files that web/ builds, carried by the program.
#pragma once

#include <vector>

#include "server/http/router.h"

namespace accelerate::server {

/// Adds the page's files, "/" among them. They are the same on every server and tell nothing of this one, so they need no key; what
/// the page shows it asks of /accelerate/v1 with the key that its reader gives. It loads nothing from anywhere else.
void add_page_routes(std::vector<http::Route>& routes);

}  // namespace accelerate::server
