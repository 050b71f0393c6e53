#include "backends/openvino/static_shapes.h"

#include <limits>

#include "ipfs_accelerate/error.h"

namespace accelerate::openvino {
namespace {

constexpr std::int64_t often = 4;           // calls, before a shape is worth compiling
constexpr std::size_t most_shapes = 1024;   // that are counted
constexpr std::int64_t times_as_often = 2;  // as the shape that gives way

}  // namespace

std::shared_ptr<CompiledGraph> StaticShapes::find(const CallShape& shape, const std::function<std::unique_ptr<CompiledGraph>()>& compile) {
  if (most_ == 0) return nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (!entries_.contains(shape) && entries_.size() >= most_shapes) return nullptr;
    Entry& entry = entries_[shape];
    ++entry.calls;
    if (entry.compiled || !may_compile(entry)) return entry.compiled;
    is_compiling_ = true;
  }
  std::shared_ptr<CompiledGraph> compiled;
  try {
    compiled = compile();
  } catch (const Error&) {
    // The model for all shapes serves as well; this one need not be tried again.
  }
  const std::lock_guard lock(mutex_);
  is_compiling_ = false;
  Entry& entry = entries_[shape];
  entry.compiled = compiled;
  if (!compiled) entry.calls = std::numeric_limits<std::int64_t>::min() / 2;
  if (compiled && ++kept_ > most_) {
    const auto victim = least_used();
    victim->second = {};
    --kept_;
  }
  return compiled;
}

/// Whether a shape has come often enough to be compiled now.
bool StaticShapes::may_compile(const Entry& entry) {
  if (is_compiling_ || entry.calls < often) return false;
  return kept_ < most_ || entry.calls >= times_as_often * least_used()->second.calls;
}

std::map<CallShape, StaticShapes::Entry>::iterator StaticShapes::least_used() {
  auto least = entries_.end();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry)
    if (entry->second.compiled && (least == entries_.end() || entry->second.calls < least->second.calls)) least = entry;
  return least;
}

}  // namespace accelerate::openvino
