// `models show`: what a model folder holds, its graph before and after the passes, and who can run it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/output.h"
#include "graph/print.h"
#include "ipfs_accelerate/error.h"
#include "tasks/inspect_model.h"
#include "tasks/task.h"

namespace accelerate::cli {
namespace {

using Json = nlohmann::ordered_json;

struct ShowOptions {
  std::string model;
  std::string graph;  ///< "text", "dot" or empty
  bool passes = false;
  bool json = false;
  ComputeOptions compute;
};

/// Whether a backend runs here, and how many of the graph's nodes it runs as they stand.
struct BackendSupport {
  std::string name;
  std::string reason;  ///< why it cannot run; empty where it can
  std::size_t nodes = 0;
  std::size_t supported = 0;
};

std::vector<BackendSupport> support_of(const Graph& graph) {
  std::vector<BackendSupport> rows;
  for (const std::unique_ptr<Backend>& backend : all_backends()) {
    const Devices devices = backend->devices();
    BackendSupport row{
        .name = std::string(backend->name()), .reason = devices.usable.empty() ? devices.reason : "", .nodes = graph.nodes().size()};
    for (const Node& node : graph.nodes())
      if (backend->supports(graph, node).yes) ++row.supported;
    rows.push_back(std::move(row));
  }
  return rows;
}

Json json_of(const ModelSummary& summary, const std::vector<BackendSupport>& backends) {
  Json support = Json::array();
  for (const BackendSupport& backend : backends) {
    Json row{{"backend", backend.name}, {"usable", backend.reason.empty()}, {"nodes", backend.nodes}, {"supported", backend.supported}};
    if (!backend.reason.empty()) row["reason"] = backend.reason;
    support.push_back(std::move(row));
  }
  return {{"model", summary.name},
          {"model_type", summary.model_type},
          {"architecture", summary.architecture},
          {"head", name_of(summary.head)},
          {"task", name_of(task_of(summary.head))},
          {"hidden_size", summary.hidden_size},
          {"most_tokens", summary.most_tokens},
          {"tensors", summary.tensors},
          {"parameters", summary.parameters},
          {"bytes", summary.bytes},
          {"dtype_bytes", summary.dtype_bytes},
          {"random_weights", summary.random_weights},
          {"backends", std::move(support)}};
}

Json json_of(const std::vector<PassReport>& passes) {
  Json rows = Json::array();
  for (const PassReport& pass : passes)
    rows.push_back(
        {{"pass", pass.name}, {"milliseconds", pass.milliseconds}, {"nodes_before", pass.nodes_before}, {"nodes_after", pass.nodes_after}});
  return rows;
}

Json json_of(const std::vector<RuntimeOp>& ops) {
  Json rows = Json::array();
  for (const RuntimeOp& op : ops) rows.push_back({{"op", op.name}, {"count", op.count}});
  return rows;
}

void print(Output& out, const ModelSummary& summary, const std::vector<BackendSupport>& backends) {
  std::vector<std::string> types;
  for (const auto& [type, bytes] : summary.dtype_bytes)
    types.push_back(fmt::format("{} in {}", bytes_text(static_cast<double>(bytes)), type));
  out.line(fmt::format("{}{}", summary.name, summary.random_weights ? "  RANDOM WEIGHTS: its results mean nothing" : ""));
  out.line(fmt::format("  architecture {} ({}), head {}, for {}", summary.architecture.empty() ? "not named" : summary.architecture,
                       summary.model_type, name_of(summary.head), name_of(task_of(summary.head))));
  out.line(fmt::format("  sizes        hidden {}, at most {} tokens", summary.hidden_size, summary.most_tokens));
  out.line(fmt::format("  weights      {} parameters in {} tensors: {}", summary.parameters, summary.tensors, fmt::join(types, ", ")));
  for (const BackendSupport& backend : backends) {
    const std::string share = fmt::format("{} of {} nodes as they stand", backend.supported, backend.nodes);
    out.line(fmt::format("  {:<12} {}", backend.name, backend.reason.empty() ? share : "cannot run: " + backend.reason));
  }
}

void print(Output& out, const CompileReport& report) {
  out.line(fmt::format("\nPasses for {}", report.implementation));
  for (const PassReport& pass : report.passes)
    out.line(fmt::format("  {:<24} {:>8.2f} ms  {:>4} nodes to {}", pass.name, pass.milliseconds, pass.nodes_before, pass.nodes_after));
  if (!report.runtime_ops.empty()) out.line("\nWhat the runtime made of it");
  for (const RuntimeOp& op : report.runtime_ops) out.line(fmt::format("  {:>5} {}", op.count, op.name));
  write_notes(out, report.notes);
}

void show(const ShowOptions& options) {
  const ModelFolder folder = open_model_folder(options.model);
  architecture_of(folder.config);
  Checkpoint checkpoint(folder.transformer);
  const Graph graph = build_graph(folder.config, checkpoint, head_of(folder.config));
  std::optional<Session> session;
  if (options.passes) session.emplace(folder, session_options(options.compute));

  const Graph& shown = session ? session->report().graph : graph;
  const std::string graph_text = options.graph.empty() ? "" : options.graph == "dot" ? to_graphviz(shown) : to_text(shown);
  const ModelSummary summary = summarize(folder, checkpoint, graph);
  Output out;
  if (options.json) {
    Json report = json_of(summary, support_of(graph));
    if (session) {
      report["implementation"] = session->report().implementation;
      report["passes"] = json_of(session->report().passes);
      report["runtime_ops"] = json_of(session->report().runtime_ops);
      report["notes"] = session->report().notes;
    }
    if (!graph_text.empty()) report["graph"] = graph_text;
    out.line(report.dump(-1, ' ', false, Json::error_handler_t::replace));
  } else if (options.graph == "dot") {
    out.write(graph_text);  // for `dot`, which reads nothing else
  } else {
    print(out, summary, support_of(graph));
    if (session) print(out, session->report());
    if (!graph_text.empty()) out.write("\n" + graph_text);
  }
  out.finish();
}

}  // namespace

void add_models_show_command(CLI::App& models) {
  CLI::App& command = *models.add_subcommand("show", "What a model folder holds, its graph, and who can run it");
  const auto options = std::make_shared<ShowOptions>();
  add_model_argument(command, options->model);
  command.add_option("--graph", options->graph, "text or dot (Graphviz): the graph, after the passes with --passes")
      ->check(CLI::IsMember({"text", "dot"}).description(""))
      ->type_name("FORMAT");
  add_json_option(command, options->json);
  add_compute_options(command, options->compute);
  CLI::Option* passes = command.get_option("--passes");
  passes->description("compile, and show each pass with its time; -NAME,… switches some off")->expected(0, -1);
  add_examples(command,
               "  ipfs-accelerate models show models/minilm --passes\n"
               "  ipfs-accelerate models show models/minilm --graph dot | dot -Tsvg -o graph.svg");
  command.callback([options, passes] {
    options->passes = passes->count() > 0;
    std::erase(options->compute.passes, "");
    show(*options);
  });
}

}  // namespace accelerate::cli
