#include <cstring>

#include "backends/cpu/general.h"
#include "backends/cpu/steps.h"

namespace accelerate::cpu {
namespace {

class General final : public Step {
 public:
  General(const RowKernelContext& context, const Node& node) : node_(node) {
    for (ValueId input : node.inputs)
      if (input != no_value) reads.push_back(context.placements[input].root);
    writes = node.outputs;
  }

  std::size_t scratch_bytes(const Call&) const override { return 0; }

  void run(const Call& call) const override {
    std::vector<std::vector<std::byte>> copies(node_.inputs.size());
    std::vector<DenseView> inputs;
    for (std::size_t i = 0; i < node_.inputs.size(); ++i) inputs.push_back(dense(call, node_.inputs[i], copies[i]));
    std::vector<std::byte> unused;
    run_general(call.graph, node_, inputs, dense(call, node_.outputs.front(), unused), call.sizes, call.threads);
  }

 private:
  /// The value as a dense tensor: where it is when it is dense there, else a copy in `memory`.
  static DenseView dense(const Call& call, ValueId value, std::vector<std::byte>& memory) {
    if (value == no_value) return {};
    const Placement& placement = call.placements[value];
    const ValueType& type = call.graph.type(value);
    std::byte* base = call.memory[static_cast<std::size_t>(placement.root)];
    const ConstantOptions* constant = call.graph.constant_of(value);
    DenseView view{
        .dtype = constant == nullptr ? type.dtype : constant->tensor.dtype(), .shape = evaluate(type.shape, call.sizes), .data = base};
    if (placement.dense() && placement.offset == 0) return view;

    const std::size_t element = size_of(view.dtype);
    const auto row = static_cast<std::size_t>(placement.columns) * element;
    const auto rows = static_cast<std::size_t>(call.rows(value));
    memory.resize(rows * row);
    for (std::size_t i = 0; i < rows; ++i)
      std::memcpy(memory.data() + i * row,
                  base + (i * static_cast<std::size_t>(placement.row_stride) + static_cast<std::size_t>(placement.offset)) * element, row);
    view.data = memory.data();
    return view;
  }

  const Node& node_;
};

}  // namespace

std::unique_ptr<Step> make_general(const RowKernelContext& context, const Node& node) { return std::make_unique<General>(context, node); }

}  // namespace accelerate::cpu
