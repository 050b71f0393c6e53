// Where values live while a graph runs.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace accelerate::cpu {

/// A value as rows of a root value's memory: reshapes that keep the rows, and slices of columns, share their input's.
struct Placement {
  ValueId root = no_value;
  std::int64_t columns = 1;     ///< elements of one row: all axes but the first
  std::int64_t row_stride = 1;  ///< elements from one row of the root to the next
  std::int64_t offset = 0;      ///< elements into each row of the root

  bool dense() const { return row_stride == columns; }
};

/// The number of rows of a value: its first axis, or 1.
Dim rows_of(const ValueType& type);

/// Elements of one row, or nothing when that is not known before the graph runs.
std::optional<std::int64_t> columns_of(const ValueType& type);

/// The placement of every value, and which nodes are views, which need no work.
struct Placements {
  std::vector<Placement> of_value;
  std::vector<bool> is_view;  ///< by node

  const Placement& operator[](ValueId value) const { return of_value[static_cast<std::size_t>(value)]; }
};

Placements place_values(const Graph& graph);

}  // namespace accelerate::cpu
