#include "graph/stored.h"

#include <algorithm>

namespace accelerate {

bool is_one_stored(const Graph& graph, ValueId value) {
  const Op op = graph.producer(value).op;
  return op == Op::constant || op == Op::dequantize;
}

bool is_stored(const Graph& graph, ValueId value) {
  const Node& producer = graph.producer(value);
  const bool arranges = producer.op == Op::concat || producer.op == Op::transpose;
  return is_one_stored(graph, value) ||
         (arranges && std::ranges::all_of(producer.inputs, [&](ValueId input) { return is_stored(graph, input); }));
}

}  // namespace accelerate
