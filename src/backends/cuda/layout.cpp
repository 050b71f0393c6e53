#include "backends/cuda/layout.h"

#include <algorithm>

#include "backends/memory_plan.h"

namespace accelerate::cuda {
namespace {

/// The place of a value at offset 0.
Place place_of(const Graph& graph, const PlannedValue& planned, ValueId value, const SizeMap& sizes) {
  const ValueType& type = graph.type(value);
  const std::int64_t count = element_count(type.shape).evaluate(sizes);
  Place place;
  if (planned.stored) place.bytes = aligned(static_cast<std::size_t>(count) * size_of(planned.element));
  place.int8_offset = place.bytes;
  if (planned.quantised) {
    const std::int64_t columns = type.shape.back().evaluate(sizes);
    place.int8 = int8_block(columns == 0 ? 0 : count / columns, columns);
  }
  return place;
}

std::size_t bytes_of(const Place& place) { return place.bytes + place.int8.bytes; }

void move_to(Place& place, std::size_t offset) {
  place.offset = offset;
  place.int8_offset += offset;
}

}  // namespace

Layout lay_out(const Graph& graph, const std::vector<PlannedValue>& values, const std::vector<std::unique_ptr<Step>>& steps,
               const CallShape& shape) {
  const SizeMap& sizes = shape.sizes;
  Layout layout;
  layout.places.resize(values.size());
  std::size_t end = 0;
  std::vector<bool> is_placed(values.size(), false);
  const auto place_next = [&](ValueId value) {
    const auto index = static_cast<std::size_t>(value);
    if (is_placed[index]) return;
    is_placed[index] = true;
    layout.places[index] = place_of(graph, values[index], value, sizes);
    move_to(layout.places[index], end);
    end += bytes_of(layout.places[index]);
  };
  for (const NamedValue& input : graph.inputs()) place_next(input.value);
  layout.tables = end;
  end += aligned(static_cast<std::size_t>(shape.table_words) * sizeof(std::int64_t));
  layout.fault = end;
  end += aligned(sizeof(Fault));
  for (const NamedValue& output : graph.outputs()) {
    const ValueId root = values[static_cast<std::size_t>(output.value)].root;
    const Op maker = graph.producer(root).op;
    if (maker != Op::input && maker != Op::constant) place_next(root);
  }
  layout.outputs_end = end;

  // All other values live from the step that makes them to the last that reads them.
  std::vector<Lifetime> lifetimes;
  std::vector<ValueId> owners;
  std::vector<std::size_t> lifetime_of(values.size(), values.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto now = static_cast<std::int64_t>(i);
    for (ValueId value : steps[i]->reads) {
      const std::size_t lifetime = lifetime_of[static_cast<std::size_t>(value)];
      if (lifetime < lifetimes.size()) lifetimes[lifetime].last = now;
    }
    for (ValueId value : steps[i]->writes) {
      const auto index = static_cast<std::size_t>(value);
      if (is_placed[index]) continue;
      layout.places[index] = place_of(graph, values[index], value, sizes);
      lifetime_of[index] = lifetimes.size();
      lifetimes.push_back({.bytes = bytes_of(layout.places[index]), .first = now, .last = now});
      owners.push_back(value);
    }
  }
  const MemoryPlan plan = plan_memory(lifetimes);
  for (std::size_t i = 0; i < owners.size(); ++i) move_to(layout.places[static_cast<std::size_t>(owners[i])], end + plan.offsets[i]);

  layout.scratch = end + aligned(plan.bytes);
  std::size_t scratch_bytes = 0;
  for (const auto& step : steps) scratch_bytes = std::max(scratch_bytes, step->scratch_bytes(sizes));
  layout.bytes = layout.scratch + aligned(scratch_bytes);
  return layout;
}

}  // namespace accelerate::cuda
