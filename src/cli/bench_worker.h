#pragma once

#include "runtime/session.h"

namespace accelerate::cli {

/// Serves measurements to another program, so that it can alternate between engines: prints one line that describes the
/// session, then answers each line of standard input, {"lengths":[…],"rounds":N,"warmup":N,"seed":N}, with one line,
/// {"lengths":[…],"milliseconds":[…],"peak_rss_bytes":N} or {"error":{…}}, until the input ends.
void serve_measurements(const Session& session);

}  // namespace accelerate::cli
