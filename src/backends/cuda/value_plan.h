// How each value of a graph lies in the device's memory: whose memory it shares, in which elements, and in which forms.
#pragma once

#include <vector>

#include "backends/cuda/kernels/kernels.h"
#include "base/precision.h"
#include "graph/graph.h"

namespace accelerate::cuda {

struct PlannedValue {
  ValueId root = no_value;  ///< the value whose memory this one looks at; itself when it has its own
  Element element = Element::float32;
  std::int64_t row_stride = 0;  ///< elements from row to row of a view that leaves gaps; 0: there are none
  std::int64_t offset = 0;      ///< elements before the first, of a view that leaves gaps
  bool stored = true;           ///< whether something reads it as `element`; not what lies in the pages of a state
  bool quantised = false;       ///< whether its maker also gives it as int8 rows, which a product takes
};

/// The half-precision element that products of that precision take and activations between them are kept in; float32
/// where there is none.
Element half_of(Precision precision);

/// The elements that a product's operands are rounded to; float32 for int8, which has steps of its own.
Element operand_of(Precision precision);

/// Whether the value is a concat of constants that linears alone read, as weights or biases: it is laid out when the
/// graph is compiled, and never computed.
bool is_stacked_weight(const Graph& graph, ValueId value);

/// By value; `precision` is what the graph was compiled for.
///
/// Half-precision activations: what linears, attentions and norms make is kept in half precision where all that read it
/// are products, norms, sums with residuals, poolings and functions of one or two numbers; everything else only where all
/// that read it are products, which would round it to the same numbers. Outputs of the graph, and sums that are carried on
/// from layer to layer, stay float32.
std::vector<PlannedValue> plan_values(const Graph& graph, Precision precision);

}  // namespace accelerate::cuda
