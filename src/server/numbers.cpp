#include "server/numbers.h"

#include <array>
#include <charconv>
#include <cmath>

namespace accelerate::server {

void append_floats(std::string& to, std::span<const float> numbers) {
  to += '[';
  std::array<char, 32> digits;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) to += ',';
    if (!std::isfinite(numbers[i])) {
      to += "null";
      continue;
    }
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), numbers[i]).ptr;
    to.append(digits.data(), end);
  }
  to += ']';
}

}  // namespace accelerate::server
