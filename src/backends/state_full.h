#pragma once

#include "ipfs_accelerate/error.h"

namespace accelerate {

/// A run that needs more rows remembered than its state may hold: memory for the run itself there may be. Of kind out_of_memory.
class StateFull final : public Error {
 public:
  explicit StateFull(const std::string& message) : Error(ErrorKind::out_of_memory, message) {}
};

}  // namespace accelerate
