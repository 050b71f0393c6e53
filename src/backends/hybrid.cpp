#include "backends/hybrid.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "passes/rewriter.h"

namespace accelerate {
namespace {

using Names = std::set<std::string, std::less<>>;

/// Whether each part has the node for itself: stored codes go over as they are.
bool is_source(const Node& node) { return node.op == Op::input || node.op == Op::constant || node.op == Op::dequantize; }

/// What a value is called where it crosses from one part to another: an input's own name, else one made up.
std::string crossing_name(const Graph& graph, ValueId value) {
  const Node& producer = graph.producer(value);
  return producer.op == Op::input ? producer.as<InputOptions>().name : fmt::format("crossing_{}", value);
}

/// Nodes that one backend runs in one go.
struct Segment {
  bool on_cpu = false;
  std::vector<const Node*> nodes;
};

/// For each node whether cpu runs it: what the backend refuses, and reshapes of that, which cost nothing anywhere and would
/// cross over and back.
std::vector<bool> runs_on_cpu(const Graph& graph, const std::vector<bool>& refused) {
  std::vector<bool> on_cpu = refused;
  std::vector<bool> made_on_cpu(static_cast<std::size_t>(graph.value_count()), false);
  for (std::size_t i = 0; i < on_cpu.size(); ++i) {
    const Node& node = graph.nodes()[i];
    if (node.op == Op::reshape && made_on_cpu[static_cast<std::size_t>(node.inputs.front())]) on_cpu[i] = true;
    for (ValueId output : node.outputs) made_on_cpu[static_cast<std::size_t>(output)] = on_cpu[i];
  }
  return on_cpu;
}

/// The graph's nodes in as few segments as their order allows: each takes every node of its side whose inputs are there.
std::vector<Segment> cut_by_side(const Graph& graph, const std::vector<bool>& on_cpu) {
  const std::span<const Node> nodes = graph.nodes();
  std::vector<bool> there(static_cast<std::size_t>(graph.value_count()), false);
  const auto take = [&](const Node& node) {
    for (ValueId output : node.outputs) there[static_cast<std::size_t>(output)] = true;
  };
  const auto ready = [&](const Node& node) {
    return std::ranges::all_of(node.inputs, [&](ValueId v) { return v == no_value || there[static_cast<std::size_t>(v)]; });
  };
  std::vector<std::size_t> waiting;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (is_source(nodes[i]))
      take(nodes[i]);
    else
      waiting.push_back(i);
  }
  std::vector<Segment> segments;
  while (!waiting.empty()) {
    Segment& segment = segments.emplace_back();
    segment.on_cpu = on_cpu[waiting.front()];
    std::erase_if(waiting, [&](std::size_t i) {
      if (on_cpu[i] != segment.on_cpu || !ready(nodes[i])) return false;
      take(nodes[i]);
      segment.nodes.push_back(&nodes[i]);
      return true;
    });
  }
  return segments;
}

void add_names(const Shape& shape, Names& names) {
  for (const Dim& dim : shape) dim.add_names(names);
}

/// The named sizes that a graph speaks of.
Names sizes_needed(const Graph& graph) {
  Names names;
  for (ValueId value = 0; value < graph.value_count(); ++value) add_names(graph.type(value).shape, names);
  for (const Node& node : graph.nodes())
    if (node.op == Op::slice) add_names({node.as<SliceOptions>().start, node.as<SliceOptions>().stop}, names);
  return names;
}

/// The named sizes that a value's shape tells (bind_inputs).
Names sizes_told(const ValueType& type) {
  Names names;
  for (const Dim& dim : type.shape)
    if (const auto named = dim.as_named()) names.insert(named->name);
  return names;
}

/// Builds the graph of one segment.
class SegmentGraph {
 public:
  explicit SegmentGraph(const Graph& whole)
      : whole_(whole), rewriter_(whole), known_(static_cast<std::size_t>(whole.value_count()), false) {}

  void add(const Node& node) {
    for (ValueId input : node.inputs) need(input);
    rewriter_.copy(node);
    for (ValueId output : node.outputs) known_[static_cast<std::size_t>(output)] = true;
  }

  void output(ValueId value) {
    need(value);
    rewriter_.graph().output(crossing_name(whole_, value), rewriter_(value));
  }

  /// The graph, with inputs of the whole graph that carry the sizes which its own inputs do not tell.
  Graph finish() {
    Names told;
    for (const NamedValue& input : rewriter_.graph().inputs()) told.merge(sizes_told(rewriter_.graph().type(input.value)));
    for (const std::string& name : sizes_needed(rewriter_.graph())) {
      if (told.contains(name)) continue;
      const auto tells = [&](const NamedValue& input) { return sizes_told(whole_.type(input.value)).contains(name); };
      const auto carrier = std::ranges::find_if(whole_.inputs(), tells);
      if (carrier == whole_.inputs().end()) continue;
      output(carrier->value);  // an output, for passes drop what no output needs
      told.merge(sizes_told(whole_.type(carrier->value)));
    }
    return std::move(rewriter_.graph());
  }

 private:
  /// Lets a value that the segment reads be a constant or an input of it, unless a node of it makes the value.
  void need(ValueId value) {
    if (value == no_value || known_[static_cast<std::size_t>(value)]) return;
    known_[static_cast<std::size_t>(value)] = true;
    const Node& producer = whole_.producer(value);
    if (is_source(producer)) {
      for (ValueId input : producer.inputs) need(input);
      rewriter_.copy(producer);
      return;
    }
    const ValueType& type = whole_.type(value);
    rewriter_.replace(value, rewriter_.graph().input(crossing_name(whole_, value), type.dtype, type.shape));
  }

  const Graph& whole_;
  Rewriter rewriter_;
  std::vector<bool> known_;
};

/// A compiled segment.
struct Part {
  std::unique_ptr<Executable> executable;
  std::vector<std::string> spent;  ///< crossing values that nobody reads after it
};

class HybridExecutable final : public Executable {
 public:
  HybridExecutable(CompileReport report, std::vector<Part> parts) : report_(std::move(report)), parts_(std::move(parts)) {}

  const CompileReport& report() const override { return report_; }

  TensorMap run(const TensorMap& inputs) const override {
    bind_inputs(report_.graph, inputs);  // so that errors speak of the caller's inputs
    TensorMap values = inputs;
    for (const Part& part : parts_) {
      TensorMap arguments;
      for (const NamedValue& input : part.executable->report().graph.inputs())
        arguments.emplace(input.name, values.find(input.name)->second);
      for (auto& [name, tensor] : part.executable->run(arguments)) values.insert_or_assign(name, tensor);
      for (const std::string& name : part.spent) values.erase(name);
    }
    TensorMap outputs;
    for (const NamedValue& output : report_.graph.outputs())
      outputs.emplace(output.name, values.find(crossing_name(report_.graph, output.value))->second);
    return outputs;
  }

 private:
  CompileReport report_;
  std::vector<Part> parts_;
};

/// The index of the last segment that reads each value; past the end for the graph's outputs, -1 for what none reads.
std::vector<std::ptrdiff_t> last_readers(const Graph& graph, const std::vector<Segment>& segments) {
  std::vector<std::ptrdiff_t> last(static_cast<std::size_t>(graph.value_count()), -1);
  for (std::size_t i = 0; i < segments.size(); ++i)
    for (const Node* node : segments[i].nodes)
      for (ValueId input : node->inputs)
        if (input != no_value) last[static_cast<std::size_t>(input)] = static_cast<std::ptrdiff_t>(i);
  for (const NamedValue& output : graph.outputs()) last[static_cast<std::size_t>(output.value)] = std::ssize(segments);
  return last;
}

/// What is to be compiled for one segment.
struct SegmentPlan {
  bool on_cpu;
  Graph graph;
  std::vector<std::string> spent;  ///< crossing values that nobody reads after it
};

std::vector<SegmentPlan> plans_for(const Graph& graph, const std::vector<Segment>& segments) {
  const std::vector<std::ptrdiff_t> last = last_readers(graph, segments);
  std::vector<SegmentPlan> plans;
  bool gives_constants = true;  // the first part on cpu gives the outputs that are constants
  for (const Segment& segment : segments) {
    const std::ptrdiff_t now = std::ssize(plans);
    SegmentGraph part(graph);
    for (const Node* node : segment.nodes) part.add(*node);
    for (const Node* node : segment.nodes)
      for (ValueId output : node->outputs)
        if (last[static_cast<std::size_t>(output)] > now) part.output(output);
    if (segment.on_cpu && std::exchange(gives_constants, false))
      for (const NamedValue& output : graph.outputs())
        if (graph.constant_of(output.value) != nullptr) part.output(output.value);
    SegmentPlan& plan = plans.emplace_back(SegmentPlan{.on_cpu = segment.on_cpu, .graph = part.finish(), .spent = {}});
    for (ValueId value = 0; value < graph.value_count(); ++value)
      if (last[static_cast<std::size_t>(value)] == now && !is_source(graph.producer(value)))
        plan.spent.push_back(crossing_name(graph, value));
  }
  return plans;
}

/// Nodes of one op that a backend refuses for one reason.
struct Refusal {
  Op op;
  std::string reason;
  int nodes = 1;
};

/// "attention (6 nodes) on cpu, for cuda refuses it: the reason", a line for each op and reason.
std::vector<std::string> notes_on(const Graph& graph, const Backend& backend, const Backend& cpu, const std::vector<bool>& refused) {
  std::vector<Refusal> refusals;
  for (std::size_t i = 0; i < refused.size(); ++i) {
    if (!refused[i]) continue;
    const Node& node = graph.nodes()[i];
    const std::string reason = backend.supports(graph, node).reason;
    const auto known = std::ranges::find_if(refusals, [&](const Refusal& r) { return r.op == node.op && r.reason == reason; });
    if (known == refusals.end())
      refusals.push_back({node.op, reason});
    else
      ++known->nodes;
  }
  std::vector<std::string> notes;
  for (const Refusal& refusal : refusals)
    notes.push_back(fmt::format("{} ({} node{}) on {}, for {} refuses it: {}", traits_of(refusal.op).name, refusal.nodes,
                                refusal.nodes == 1 ? "" : "s", cpu.name(), backend.name(), refusal.reason));
  return notes;
}

/// Adds a part's passes, runtime ops and notes to those of the whole.
void add_report(const CompileReport& part, CompileReport& whole) {
  for (const PassReport& pass : part.passes) {
    const auto known = std::ranges::find(whole.passes, pass.name, &PassReport::name);
    if (known == whole.passes.end()) {
      whole.passes.push_back(pass);
      continue;
    }
    known->milliseconds += pass.milliseconds;
    known->nodes_before += pass.nodes_before;
    known->nodes_after += pass.nodes_after;
  }
  for (const RuntimeOp& op : part.runtime_ops) {
    const auto known = std::ranges::find(whole.runtime_ops, op.name, &RuntimeOp::name);
    if (known == whole.runtime_ops.end())
      whole.runtime_ops.push_back(op);
    else
      known->count += op.count;
  }
  for (const std::string& note : part.notes)
    if (std::ranges::find(whole.notes, note) == whole.notes.end()) whole.notes.push_back(note);
}

}  // namespace

bool supports_all(const Backend& backend, const Graph& graph) {
  return std::ranges::all_of(graph.nodes(), [&](const Node& node) { return is_source(node) || backend.supports(graph, node).yes; });
}

std::unique_ptr<Executable> compile_hybrid(const Backend& backend, const Backend& cpu, Graph graph, const CompileOptions& options) {
  graph = remove_dead_nodes(graph);
  if (supports_all(backend, graph)) return backend.compile(std::move(graph), options);

  std::vector<bool> refused;
  for (const Node& node : graph.nodes()) refused.push_back(!is_source(node) && !backend.supports(graph, node).yes);
  const CompileOptions cpu_options = options_of_stand_in(cpu, options);
  CompileReport report{.implementation = {}, .passes = {}, .graph = {}, .notes = notes_on(graph, backend, cpu, refused)};
  if (cpu_options.precision != options.precision)
    report.notes.push_back(
        fmt::format("{} computes its part in {}, for it lacks {}", cpu.name(), name_of(cpu_options.precision), name_of(options.precision)));

  std::vector<Part> parts;
  std::string backend_implementation;
  std::string cpu_implementation;
  for (SegmentPlan& plan : plans_for(graph, cut_by_side(graph, runs_on_cpu(graph, refused)))) {
    std::unique_ptr<Executable> executable =
        plan.on_cpu ? cpu.compile(std::move(plan.graph), cpu_options) : backend.compile(std::move(plan.graph), options);
    add_report(executable->report(), report);
    (plan.on_cpu ? cpu_implementation : backend_implementation) = executable->report().implementation;
    parts.push_back({std::move(executable), std::move(plan.spent)});
  }
  report.implementation =
      backend_implementation.empty() ? cpu_implementation : fmt::format("{} with {}", backend_implementation, cpu_implementation);
  report.graph = std::move(graph);
  return std::make_unique<HybridExecutable>(std::move(report), std::move(parts));
}

CompileOptions options_of_stand_in(const Backend& backend, CompileOptions options) {
  const std::span<const Precision> computed = backend.precisions();
  if (std::ranges::find(computed, options.precision) == computed.end()) options.precision = Precision::fp32;
  options.device.clear();
  return options;
}

}  // namespace accelerate
