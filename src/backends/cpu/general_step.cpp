#include <cstring>

#include "backends/cpu/general.h"
#include "backends/cpu/linear_weights.h"
#include "backends/cpu/steps.h"

namespace accelerate::cpu {
namespace {

class General final : public Step {
 public:
  General(const RowKernelContext& context, const Node& node) : node_(node) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      decoded_.emplace_back();
      if (node.inputs[i] == no_value) continue;
      reads.push_back(context.placements[node.inputs[i]].root);
      const ConstantOptions* constant = context.graph.constant_of(node.inputs[i]);
      const bool table = node.op == Op::gather && i == 0;  // is read in its own encoding
      if (constant != nullptr && !table && is_encoded(constant->tensor.dtype()))
        decoded_.back() = constant_floats(context.graph, node.inputs[i]);
    }
    writes = node.outputs;
  }

  std::size_t scratch_bytes(const Call&) const override { return 0; }

  void run(const Call& call) const override {
    std::vector<std::vector<std::byte>> copies(node_.inputs.size());
    std::vector<DenseView> inputs;
    for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
      inputs.push_back(dense(call, node_.inputs[i], copies[i]));
      if (decoded_[i].empty()) continue;
      inputs.back().dtype = DType::float32;
      inputs.back().data = reinterpret_cast<std::byte*>(const_cast<float*>(decoded_[i].data()));  // inputs are only read
    }
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

  static bool is_encoded(DType dtype) { return dtype == DType::bfloat16 || dtype == DType::float16 || dtype == DType::float64; }

  const Node& node_;
  std::vector<std::vector<float>> decoded_;  ///< by input: constants whose encoding the op does not read
};

}  // namespace

std::unique_ptr<Step> make_general(const RowKernelContext& context, const Node& node) { return std::make_unique<General>(context, node); }

}  // namespace accelerate::cpu
