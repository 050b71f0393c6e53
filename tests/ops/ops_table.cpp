// What each backend makes of the cases of the op tests: whether it agrees with the reference, how fast it is, what it
// supports.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/file.h"
#include "ipfs_accelerate/error.h"
#include "ops/execution.h"
#include "ops/table_check.h"
#include "ops/table_perf.h"
#include "ops/table_support.h"

namespace accelerate {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view usage = R"(usage: ops_table check|perf|support [--backend NAME] [--case PREFIX] [--json]
  check    runs the cases and compares them with the reference; exit code 1 where one differs
  perf     nanoseconds a run
  support  the table of docs/ops.md; --update FILE writes it, --expect FILE fails where FILE is stale
  --backend NAME  that backend, which must have a device here for check and perf; otherwise all that have, but reference
  --case PREFIX   the cases whose names begin so
)";

struct Request {
  std::string mode;
  std::string backend;
  std::string prefix;
  std::string update;
  std::string expect;
  bool json = false;
};

Request request_of(std::vector<std::string> words) {
  Request request;
  if (words.empty()) throw Error(ErrorKind::invalid_argument, "check, perf or support is missing");
  request.mode = words.front();
  const std::map<std::string, std::string*, std::less<>> options{
      {"--backend", &request.backend}, {"--case", &request.prefix}, {"--update", &request.update}, {"--expect", &request.expect}};
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--json") {
      request.json = true;
      continue;
    }
    const auto option = options.find(words[i]);
    if (option == options.end() || i + 1 == words.size())
      throw Error(ErrorKind::invalid_argument, fmt::format("'{}' is no option, or has no value", words[i]));
    *option->second = words[++i];
  }
  return request;
}

/// The backend asked for, or all that have a device here.
std::vector<std::unique_ptr<Backend>> backends_of(const Request& request) {
  std::vector<std::unique_ptr<Backend>> backends;
  if (request.backend.empty()) {
    for (const std::string& name : usable_backends()) backends.push_back(backend_named(name));
    return backends;
  }
  backends.push_back(backend_named(request.backend));
  const Devices devices = backends.front()->devices();
  if (devices.usable.empty())
    throw Error(ErrorKind::unavailable, fmt::format("backend '{}' cannot run here: {}", request.backend, devices.reason));
  return backends;
}

void print_check(const Backend& backend, const std::vector<CheckRow>& rows, bool json) {
  std::map<Outcome, int> counts;
  for (const CheckRow& row : rows) {
    ++counts[row.outcome];
    const OpCase& op_case = *row.op_case;
    if (json)
      fmt::print("{}\n", Json{{"backend", backend.name()},
                              {"case", op_case.name},
                              {"op", traits_of(op_case.op).name},
                              {"precision", name_of(op_case.precision)},
                              {"outcome", name_of(row.outcome)},
                              {"detail", row.detail}}
                             .dump());
    else if (row.outcome != Outcome::passed)
      fmt::print("{} {} {}: {}\n", backend.name(), name_of(row.outcome), op_case.name, row.detail);
  }
  if (!json)
    fmt::print("{}: {} passed, {} failed, {} refused, {} skipped\n", backend.name(), counts[Outcome::passed], counts[Outcome::failed],
               counts[Outcome::refused], counts[Outcome::skipped]);
}

/// 0 when no case failed and one at least was run.
int check_all(const Request& request) {
  bool failed = false;
  bool passed = false;
  for (const auto& backend : backends_of(request)) {
    const std::vector<CheckRow> rows = check(*backend, request.prefix);
    print_check(*backend, rows, request.json);
    failed = failed || std::ranges::find(rows, Outcome::failed, &CheckRow::outcome) != rows.end();
    passed = passed || std::ranges::find(rows, Outcome::passed, &CheckRow::outcome) != rows.end();
  }
  if (!passed && !failed) throw Error(ErrorKind::invalid_argument, fmt::format("--case {}: no backend runs such a case", request.prefix));
  return failed ? 1 : 0;
}

void time_all(const Request& request) {
  for (const auto& backend : backends_of(request)) {
    for (const PerfRow& row : time_cases(*backend, request.prefix)) {
      if (request.json)
        fmt::print("{}\n", Json{{"backend", backend->name()},
                                {"implementation", row.implementation},
                                {"case", row.op_case->name},
                                {"op", traits_of(row.op_case->op).name},
                                {"precision", name_of(row.op_case->precision)},
                                {"nanoseconds", row.nanoseconds}}
                               .dump());
      else
        fmt::print("{:<20} {:<45} {:>12.0f} ns\n", row.implementation, row.op_case->name, row.nanoseconds);
    }
  }
}

std::string support_json(const SupportTable& table) {
  std::string lines;
  for (std::size_t op = 0; op < table.rows.size(); ++op) {
    Json row{{"op", all_ops()[op].name}};
    for (std::size_t i = 0; i < table.backends.size(); ++i) row[table.backends[i]] = table.rows[op][i];
    lines += row.dump() + "\n";
  }
  return lines;
}

int show_support(const Request& request) {
  constexpr std::size_t most_bytes = 1 << 20;
  const SupportTable table = support_table(all_backends());
  const std::string& file = request.update.empty() ? request.expect : request.update;
  if (file.empty()) {
    fmt::print("{}", request.json ? support_json(table) : support_text(table, ""));
    return 0;
  }
  const std::string previous = read_text_file(file, most_bytes);
  const std::string text = support_text(table, previous);
  if (!request.update.empty()) {
    const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
    write_file_atomically(file, std::span(&bytes, 1));
    return 0;
  }
  if (text == previous) return 0;
  fmt::print("{}\nops_table: {} is stale; `make docs` makes it what is printed above\n", text, file);
  return 1;
}

int run(const Request& request) {
  if (request.mode == "check") return check_all(request);
  if (request.mode == "support") return show_support(request);
  if (request.mode != "perf") throw Error(ErrorKind::invalid_argument, fmt::format("'{}' is not check, perf or support", request.mode));
  time_all(request);
  return 0;
}

}  // namespace
}  // namespace accelerate

int main(int argument_count, char** arguments) {
  try {
    return accelerate::run(accelerate::request_of({arguments + 1, arguments + argument_count}));
  } catch (const accelerate::Error& error) {
    fmt::print(stderr, "ops_table: {}\n", error.what());
    if (error.kind() == accelerate::ErrorKind::invalid_argument) fmt::print(stderr, "{}", accelerate::usage);
    return accelerate::exit_code(error.kind());
  }
}
