#pragma once

#include <span>
#include <string>

namespace accelerate::server {

/// Appends "[0.5,-1.25]": each number with as few digits as bring back the same float; null for what JSON has no number for.
void append_floats(std::string& to, std::span<const float> numbers);

}  // namespace accelerate::server
