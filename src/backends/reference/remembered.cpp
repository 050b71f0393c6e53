#include "backends/reference/remembered.h"

#include <fmt/format.h>

#include "backends/reference/definitions.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::reference {
namespace {

std::string size_of_rows(const Node& node) { return node.as<AppendOptions>().rows.as_named()->name; }

}  // namespace

Tensors append(const Arguments& arguments) { arguments.fail("runs with a state, which was not given"); }

RememberedRows::RememberedRows(const Graph& graph, const StateOptions& options) : most_bytes_(options.most_bytes) {
  if (options.precision != Precision::fp32)
    throw Error(ErrorKind::unsupported, fmt::format("backend reference keeps rows in fp32, not {}", name_of(options.precision)));
  for (const Node& node : graph.nodes()) {
    if (node.op != Op::append) continue;
    const Shape& shape = graph.type(node.inputs[0]).shape;
    names_[node.as<AppendOptions>().name] = {.size = size_of_rows(node),
                                             .row_elements = element_count({shape.begin() + 1, shape.end()}).value()};
  }
}

SequenceId RememberedRows::create() {
  Sequence& sequence = sequences_[next_];
  for (const auto& [name, each] : names_) sequence[name];
  return next_++;
}

SequenceId RememberedRows::fork(SequenceId from, std::string_view size, std::int64_t rows) {
  Sequence sequence = at(from);
  for (auto& [name, values] : sequence)
    if (names_.at(name).size == size) values.resize(static_cast<std::size_t>(rows * names_.at(name).row_elements));
  sequences_[next_] = std::move(sequence);
  return next_++;
}

void RememberedRows::remove(SequenceId sequence) { sequences_.erase(sequence); }

std::int64_t RememberedRows::rows(SequenceId sequence, std::string_view size) const {
  for (const auto& [name, values] : at(sequence))
    if (names_.at(name).size == size) return static_cast<std::int64_t>(values.size()) / names_.at(name).row_elements;
  return 0;
}

StateUse RememberedRows::use() const {
  StateUse use{.bytes = 0, .most_bytes = most_bytes_, .sequences = static_cast<std::int64_t>(sequences_.size())};
  for (const auto& [id, sequence] : sequences_)
    for (const auto& [name, values] : sequence) use.bytes += static_cast<std::int64_t>(values.size() * sizeof(float));
  return use;
}

std::int64_t RememberedRows::bytes_for(std::string_view size, std::int64_t rows) const {
  std::int64_t bytes = 0;
  for (const auto& [name, each] : names_)
    if (each.size == size) bytes += rows * each.row_elements * static_cast<std::int64_t>(sizeof(float));
  return bytes;
}

Tensor RememberedRows::appended(const Node& node, const Tensor& x, std::span<const std::int64_t> begins,
                                std::span<const SequenceId> sequences) const {
  const Name& name = names_.find(node.as<AppendOptions>().name)->second;
  std::vector<float> all;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const std::vector<float>& before = at(sequences[i]).find(node.as<AppendOptions>().name)->second;
    all.insert(all.end(), before.begin(), before.end());
    const auto own = x.values<float>().subspan(static_cast<std::size_t>(begins[i] * name.row_elements),
                                               static_cast<std::size_t>((begins[i + 1] - begins[i]) * name.row_elements));
    all.insert(all.end(), own.begin(), own.end());
  }
  std::vector<std::int64_t> shape(x.shape().begin(), x.shape().end());
  shape[0] = static_cast<std::int64_t>(all.size()) / name.row_elements;
  return Tensor::from<float>(all, shape);
}

void RememberedRows::keep(const Node& node, const Tensor& rows, std::span<const std::int64_t> context,
                          std::span<const SequenceId> sequences) {
  const auto& options = node.as<AppendOptions>();
  const Name& name = names_.find(options.name)->second;
  const auto values = rows.values<float>();
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const auto begin = values.begin() + context[i] * name.row_elements;
    const auto end = values.begin() + context[i + 1] * name.row_elements;
    sequences_.at(sequences[i]).find(options.name)->second.assign(begin, end);
  }
}

const RememberedRows::Sequence& RememberedRows::at(SequenceId sequence) const {
  const auto found = sequences_.find(sequence);
  if (found == sequences_.end()) throw Error(ErrorKind::internal, fmt::format("sequence {} is not remembered", sequence));
  return found->second;
}

}  // namespace accelerate::reference
