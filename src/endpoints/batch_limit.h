#pragma once

#include "ipfs_accelerate/endpoint_status.h"
#include "runtime/session.h"

namespace accelerate {

struct BatchLimitOptions {
  std::int64_t tokens_per_text = 0;  ///< 0: 0.99 times what the model can read
  std::int64_t most_texts = 4096;
  double least_gain = 1.02;  ///< a batch twice as large must compute so many times as many tokens a second
  double most_seconds = 5;   ///< that one batch may take
};

/// The largest batch that is worth running on the session: doubled from one text as long as it fits in memory, where twice the
/// last step's growth must still be free, and gains speed.
BatchLimit measure_batch_limit(const Session& session, const BatchLimitOptions& options = {});

}  // namespace accelerate
