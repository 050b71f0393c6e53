#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"

namespace accelerate {

/// For each op of ops.def what each backend makes of its cases, by name: "yes" when it runs all of them as they stand, "in
/// part" when some, "decomposed" when none but passes turn the op into others, "no", and "-" for a backend that is not part
/// of this build. Asks supports() alone, so it is the same whatever devices the machine has.
struct SupportTable {
  std::vector<std::string> backends;
  std::vector<std::vector<std::string>> rows;  ///< by op, then by backend
};
SupportTable support_table(std::span<const std::unique_ptr<Backend>> backends);

/// The table as docs/ops.md has it. Of backends that are not part of this build it says what `previous`, an older text of the
/// file, says.
std::string support_text(SupportTable table, std::string_view previous);

}  // namespace accelerate
