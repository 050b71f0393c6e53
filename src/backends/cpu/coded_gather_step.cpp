// Rows of a table that is stored as codes, decoded as they are looked up.
#include <fmt/format.h>

#include "backends/cpu/steps.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cpu {
namespace {

class CodedGather final : public Step {
 public:
  CodedGather(const RowKernelContext& context, const Node& node)
      : table_(stored_codes(context.graph, context.graph.producer(node.inputs[0]))),
        name_(context.graph.constant_of(context.graph.producer(node.inputs[0]).inputs[0])->name),
        indices_(node.inputs[1]) {
    reads = {context.placements[indices_].root};
    writes = node.outputs;
  }

  std::size_t scratch_bytes(const Call&) const override { return 0; }

  void run(const Call& call) const override {
    const std::int64_t count = element_count(call.graph.type(indices_).shape).evaluate(call.sizes);
    const std::int64_t* indices = call.integers(indices_);
    for (std::int64_t i = 0; i < count; ++i)
      if (indices[i] < 0 || indices[i] >= table_.rows())
        throw Error(ErrorKind::invalid_argument,
                    fmt::format("[gather] index {} at position {} is outside the table of {} rows{}", indices[i], i, table_.rows(),
                                name_.empty() ? "" : fmt::format(" ('{}')", name_)));
    float* output = call.floats(writes.front());
    call.threads.parallel_for(count, [&](std::int64_t i, int) { decode_rows(table_, indices[i], 1, output + i * table_.options.columns); });
  }

 private:
  StoredCodes table_;
  std::string name_;
  ValueId indices_;
};

}  // namespace

bool is_coded_gather(const Graph& graph, const Node& node) {
  return node.op == Op::gather && graph.producer(node.inputs[0]).op == Op::dequantize;
}

std::unique_ptr<Step> make_coded_gather(const RowKernelContext& context, const Node& node) {
  return std::make_unique<CodedGather>(context, node);
}

}  // namespace accelerate::cpu
