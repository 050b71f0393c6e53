// The kernels of kernels.h as plain loops in host memory: elements, copies, axes and sequences.
#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/reference/functions.h"
#include "cuda/fake_arrays.h"
#include "cuda/fake_device.h"

namespace accelerate::cuda {
namespace {

void report(Fault* fault, const Fault& found) {
  if (fault->kind == FaultKind::none) *fault = found;
}

double of_floats(const BinaryArguments& a, std::int64_t left, std::int64_t right) {
  return reference::apply(a.function, load(a.a.data, a.a.element, left), load(a.b.data, a.b.element, right));
}

/// Of int64 or booleans.
std::int64_t of_whole_numbers(const BinaryArguments& a, std::int64_t left, std::int64_t right, std::int64_t position) {
  const auto number = [](const ShapedInput& input, std::int64_t place) {
    return input.element == Element::boolean ? load_as<std::uint8_t>(input.data, place) : load_as<std::int64_t>(input.data, place);
  };
  const std::int64_t divisor = number(a.b, right);
  if (a.function == BinaryFunction::divide && divisor == 0) {
    report(a.fault, {.kind = FaultKind::division_by_zero, .node = a.node, .position = position});
    return 0;
  }
  return reference::apply(a.function, number(a.a, left), divisor);
}

std::int64_t cut_towards_zero(double x) {
  if (std::isnan(x)) return 0;
  if (x >= 0x1p63) return std::numeric_limits<std::int64_t>::max();
  if (x < -0x1p63) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(x);
}

std::int64_t place_of(const std::array<std::int64_t, largest_rank>& strides, const std::array<std::int64_t, largest_rank>& index) {
  std::int64_t place = 0;
  for (std::size_t axis = 0; axis < index.size(); ++axis) place += strides[axis] * index[axis];
  return place;
}

}  // namespace

Status unary(const UnaryArguments& a) {
  return submit(a.stream, "kernel", [a] {
    for (std::int64_t i = 0; i < a.count; ++i)
      store(a.y.data, a.y.element, i, reference::apply(a.function, load(a.x.data, a.x.element, i)));
  });
}

Status binary(const BinaryArguments& a) {
  return submit(a.stream, "kernel", [a] {
    std::int64_t next = 0;
    for_each_place(a.extents, [&](const auto& index) {
      const std::int64_t left = stretched_place(a.a.extents, a.extents.rank, index);
      const std::int64_t right = stretched_place(a.b.extents, a.extents.rank, index);
      if (is_float(a.a.element))
        store(a.y.data, a.y.element, next, of_floats(a, left, right));
      else if (a.y.element == Element::int64)
        store_as(a.y.data, next, of_whole_numbers(a, left, right, next));
      else
        store(a.y.data, a.y.element, next, static_cast<double>(of_whole_numbers(a, left, right, next)));
      ++next;
    });
  });
}

Status where(const WhereArguments& a) {
  return submit(a.stream, "kernel", [a] {
    std::int64_t next = 0;
    for_each_place(a.extents, [&](const auto& index) {
      const bool first = load(a.condition.data, Element::boolean, stretched_place(a.condition.extents, a.extents.rank, index)) != 0;
      const ShapedInput& chosen = first ? a.a : a.b;
      const std::int64_t place = stretched_place(chosen.extents, a.extents.rank, index);
      if (a.y.element == Element::int64)
        store_as(a.y.data, next, load_as<std::int64_t>(chosen.data, place));
      else
        store(a.y.data, a.y.element, next, load(chosen.data, chosen.element, place));
      ++next;
    });
  });
}

Status cast(const CastArguments& a) {
  return submit(a.stream, "kernel", [a] {
    for (std::int64_t i = 0; i < a.count; ++i) {
      const double number = load(a.x.data, a.x.element, i);
      if (a.y.element == Element::int64)
        store_as(a.y.data, i, cut_towards_zero(number));
      else
        store(a.y.data, a.y.element, i, number);
    }
  });
}

Status copy(const CopyArguments& a) {
  return submit(a.stream, "kernel", [a] {
    const std::size_t bytes = size_of(a.element);
    for_each_place(a.extents, [&](const auto& index) {
      std::memcpy(static_cast<std::byte*>(a.target) + static_cast<std::size_t>(place_of(a.target_strides, index)) * bytes,
                  static_cast<const std::byte*>(a.source) + static_cast<std::size_t>(place_of(a.source_strides, index)) * bytes, bytes);
    });
  });
}

Status reduce(const ReduceArguments& a) {
  return submit(a.stream, "kernel", [a] {
    for (std::int64_t outer = 0; outer < a.outer; ++outer)
      for (std::int64_t inner = 0; inner < a.inner; ++inner) {
        double sum = 0;
        double largest = -std::numeric_limits<double>::infinity();
        double least = std::numeric_limits<double>::infinity();
        for (std::int64_t i = 0; i < a.count; ++i) {
          const double x = load(a.x.data, a.x.element, (outer * a.count + i) * a.inner + inner);
          sum += x;
          largest = reference::larger(largest, x);
          least = reference::smaller(least, x);
        }
        const double results[] = {sum, sum / static_cast<double>(a.count), largest, least};  // in the order of Reduction
        store(a.y.data, a.y.element, outer * a.inner + inner, results[static_cast<std::size_t>(a.function)]);
      }
  });
}

Status sequence_pool(const SequencePoolArguments& a) {
  return submit(a.stream, "kernel", [a] {
    for (std::int64_t sequence = 0; sequence < a.sequences; ++sequence) {
      const std::int64_t first = a.begins[sequence];
      const std::int64_t end = a.begins[sequence + 1];
      std::vector<double> y(static_cast<std::size_t>(a.columns), 0);
      const bool needs_row = a.function != Pooling::mean && a.function != Pooling::sum;
      if (first == end && needs_row) report(a.fault, {.kind = FaultKind::empty_sequence, .node = a.node, .position = sequence});
      for (std::size_t column = 0; first != end && column < y.size(); ++column) {
        double sum = 0;
        double largest = -std::numeric_limits<double>::infinity();
        for (std::int64_t row = first; row < end; ++row) {
          const double x = row_of(a.x, row, a.columns)[column];
          sum += x;
          largest = reference::larger(largest, x);
        }
        const double results[] = {sum / static_cast<double>(end - first), largest, sum, row_of(a.x, first, a.columns)[column],
                                  row_of(a.x, end - 1, a.columns)[column]};  // in the order of Pooling
        y[column] = results[static_cast<std::size_t>(a.function)];
      }
      put_row(a.y, sequence, y);
    }
  });
}

Status sequence_shift(const SequenceShiftArguments& a) {
  return submit(a.stream, "kernel", [a] {
    for (std::int64_t sequence = 0; sequence < a.sequences; ++sequence)
      for (std::int64_t token = a.begins[sequence]; token < a.begins[sequence + 1]; ++token) {
        const std::int64_t from = token + a.offset;
        const bool exists = from >= a.begins[sequence] && from < a.begins[sequence + 1];
        put_row(a.y, token, exists ? row_of(a.x, from, a.columns) : std::vector<double>(static_cast<std::size_t>(a.columns), 0));
      }
  });
}

Status sequence_cumsum(const SequenceCumsumArguments& a) {
  return submit(a.stream, "kernel", [a] {
    for (std::int64_t sequence = 0; sequence < a.sequences; ++sequence) {
      std::int64_t sum = 0;
      for (std::int64_t token = a.begins[sequence]; token < a.begins[sequence + 1]; ++token) {
        sum = reference::apply(BinaryFunction::add, sum, a.x[token]);
        a.y[token] = sum;
      }
    }
  });
}

}  // namespace accelerate::cuda
