#include "base/precision.h"

namespace accelerate {

std::string_view name_of(Precision precision) {
  constexpr std::array<std::string_view, all_precisions.size()> names{"fp32", "fp16", "bf16", "int8", "int4"};
  return names.at(static_cast<std::size_t>(precision));
}

std::optional<Precision> precision_named(std::string_view name) {
  for (Precision precision : all_precisions)
    if (name_of(precision) == name) return precision;
  return std::nullopt;
}

}  // namespace accelerate
