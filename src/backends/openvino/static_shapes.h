// Calls whose shape comes again and again get a model of their own: the runtime is fastest where it knows every size.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "backends/openvino/compiled_graph.h"

namespace accelerate::openvino {

/// Everything that the sizes of a call's tensors follow from.
using CallShape = std::vector<std::int64_t>;

/// A few models for shapes that are known in advance, each compiled in the call that brings its shape once too often.
class StaticShapes {
 public:
  /// `most`: models at once, each with weights of its own.
  explicit StaticShapes(std::size_t most) : most_(most) {}

  /// The model for calls of this shape, nullptr while there is none. Counts the call. Where the shape has come often, and there is
  /// room or another shape has come half as often, this call compiles it; one at a time, and the others do without meanwhile.
  std::shared_ptr<CompiledGraph> find(const CallShape& shape, const std::function<std::unique_ptr<CompiledGraph>()>& compile);

 private:
  struct Entry {
    std::int64_t calls = 0;
    std::shared_ptr<CompiledGraph> compiled = {};
  };

  bool may_compile(const Entry& entry);
  std::map<CallShape, Entry>::iterator least_used();

  std::size_t most_;
  std::mutex mutex_;
  std::map<CallShape, Entry> entries_;
  std::size_t kept_ = 0;
  bool is_compiling_ = false;
};

}  // namespace accelerate::openvino
