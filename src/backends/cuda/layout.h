// Where everything of a call lies in one block of the device's memory.
#pragma once

#include <memory>
#include <vector>

#include "backends/cuda/steps.h"

namespace accelerate::cuda {

/// What calls have in common that are laid out, and recorded, alike.
struct CallShape {
  SizeMap sizes;                       ///< but for those of remembered rows, which change with each step
  std::int64_t table_words = 0;        ///< of the pages of remembered rows
  Element element = Element::float32;  ///< of remembered rows

  auto operator<=>(const CallShape&) const = default;
};

/// A value's place in the block: what is stored of it, and its int8 rows where it has them.
struct Place {
  std::size_t offset = 0;
  std::size_t bytes = 0;  ///< stored; 0 when it is not stored
  Int8Block int8;         ///< empty when it has none
  std::size_t int8_offset = 0;
};

/// The block begins with the graph's inputs, the tables of pages and the fault, which one copy brings to the device, goes on with the
/// outputs, which one copy brings back together with the fault, and ends with the values in between and scratch memory.
struct Layout {
  std::vector<Place> places;  ///< by root value; constants and values that live nowhere have none
  std::size_t tables = 0;
  std::size_t fault = 0;
  std::size_t outputs_end = 0;
  std::size_t scratch = 0;
  std::size_t bytes = 0;

  std::size_t bytes_in() const { return fault + sizeof(Fault); }
  std::size_t bytes_out() const { return outputs_end - fault; }
};

Layout lay_out(const Graph& graph, const std::vector<PlannedValue>& values, const std::vector<std::unique_ptr<Step>>& steps,
               const CallShape& shape);

}  // namespace accelerate::cuda
