#pragma once

#include "backends/reference/definitions.h"

namespace accelerate::reference {

/// The row of table input `table` that element `position` of indices input `indices` names. Throws invalid_argument when
/// the table has no such row.
std::int64_t gathered_row(const Arguments& arguments, std::size_t table, std::size_t indices, std::int64_t position);

}  // namespace accelerate::reference
