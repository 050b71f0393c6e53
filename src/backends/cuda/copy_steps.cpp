// reshape, transpose, slice, concat: elements move, none is computed. Those that are views of their input have no step.
#include <fmt/format.h>

#include "backends/cuda/node_step.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cuda {
namespace {

using Strides = std::array<std::int64_t, largest_rank>;

/// The strides of an array without gaps.
Strides strides_of(const Extents& extents) {
  Strides strides{};
  std::int64_t stride = 1;
  for (int axis = extents.rank; axis-- > 0;) {
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= extents.sizes[static_cast<std::size_t>(axis)];
  }
  return strides;
}

class CopyStep : public NodeStep {
 public:
  using NodeStep::NodeStep;

 protected:
  /// Copies `extents` elements of an input to the output, from `source_offset` and to `target_offset` on.
  struct Piece {
    ValueId from;
    Extents extents;
    Strides source_strides;
    Strides target_strides;
    std::int64_t source_offset = 0;
    std::int64_t target_offset = 0;
  };

  void copy_piece(const Call& call, const Piece& piece) const {
    const Element element = call.plan(y()).element;
    const auto bytes = [&](std::int64_t elements) { return elements * static_cast<std::int64_t>(size_of(element)); };
    call.check(copy({.source = call.at(piece.from) + bytes(piece.source_offset),
                     .target = call.at(y()) + bytes(piece.target_offset),
                     .element = element,
                     .extents = piece.extents,
                     .source_strides = piece.source_strides,
                     .target_strides = piece.target_strides,
                     .stream = call.stream}),
               traits_of(node().op).name);
  }
};

class Transpose final : public CopyStep {
 public:
  using CopyStep::CopyStep;

  void enqueue(const Call& call) const override {
    const Extents extents = call.extents(y());
    const Strides strides = strides_of(call.extents(x(0)));
    Piece piece{.from = x(0), .extents = extents, .source_strides = {}, .target_strides = strides_of(extents)};
    const std::vector<int>& permutation = node().as<TransposeOptions>().permutation;
    for (std::size_t axis = 0; axis < permutation.size(); ++axis)
      piece.source_strides[axis] = strides[static_cast<std::size_t>(permutation[axis])];
    copy_piece(call, piece);
  }
};

class Slice final : public CopyStep {
 public:
  using CopyStep::CopyStep;

  void enqueue(const Call& call) const override {
    const auto& options = node().as<SliceOptions>();
    const auto axis = static_cast<std::size_t>(options.axis);
    const std::int64_t start = options.start.evaluate(call.sizes);
    const std::int64_t stop = options.stop.evaluate(call.sizes);
    const std::vector<std::int64_t> shape = call.shape(x(0));
    if (start < 0 || stop < start || stop > shape[axis])
      throw Error(ErrorKind::invalid_argument, fmt::format("[slice] [{}, {}) of axis {} of {}", start, stop, axis, shape_text(shape)));
    const Extents extents = call.extents(y());
    Piece piece{.from = x(0), .extents = extents, .source_strides = strides_of(call.extents(x(0))), .target_strides = strides_of(extents)};
    piece.source_offset = start * piece.source_strides[axis];
    piece.source_strides[axis] *= options.step;
    copy_piece(call, piece);
  }
};

class Concat final : public CopyStep {
 public:
  using CopyStep::CopyStep;

  void enqueue(const Call& call) const override {
    const auto axis = static_cast<std::size_t>(node().as<AxisOptions>().axis);
    const Strides target = strides_of(call.extents(y()));
    std::int64_t start = 0;
    for (ValueId part : node().inputs) {
      const Extents extents = call.extents(part);
      copy_piece(call, {.from = part,
                        .extents = extents,
                        .source_strides = strides_of(extents),
                        .target_strides = target,
                        .target_offset = start * target[axis]});
      start += extents.sizes[axis];
    }
  }
};

}  // namespace

std::unique_ptr<Step> make_copy_step(StepContext& context, const Node& node) {
  switch (node.op) {
    case Op::transpose:
      return std::make_unique<Transpose>(context, node);
    case Op::slice:
      return std::make_unique<Slice>(context, node);
    case Op::concat:
      return std::make_unique<Concat>(context, node);
    default:
      return nullptr;
  }
}

}  // namespace accelerate::cuda
