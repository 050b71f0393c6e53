#include "base/precision.h"

#include <array>

namespace accelerate {

std::string_view name_of(Precision precision) {
  constexpr std::array<std::string_view, 3> names{"fp32", "bf16", "int8"};
  return names.at(static_cast<std::size_t>(precision));
}

std::optional<Precision> precision_named(std::string_view name) {
  for (Precision precision : {Precision::fp32, Precision::bf16, Precision::int8})
    if (name_of(precision) == name) return precision;
  return std::nullopt;
}

}  // namespace accelerate
