#pragma once

#include <string>

#include "runtime/model_folder.h"

namespace accelerate {

/// Sixteen hexadecimal digits that differ between folders whose models give different answers: they depend on each weight's name,
/// type, shape and some of its bytes, and on all settings and vocabularies. Throws as Checkpoint does.
std::string model_fingerprint(const ModelFolder& folder);

}  // namespace accelerate
