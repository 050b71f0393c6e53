#include "ops/table_support.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "ops/cases.h"

namespace accelerate {
namespace {

constexpr std::string_view absent = "-";

std::string support_of(const Backend& backend, Op op) {
  if (backend.precisions().empty()) return std::string(absent);
  int cases = 0;
  int supported = 0;
  for (const OpCase& op_case : all_cases()) {
    if (op_case.op != op) continue;
    CaseBuilder builder = built(op_case);
    for (const Node& node : builder.graph().nodes()) {
      if (node.op != op) continue;
      ++cases;
      supported += backend.supports(builder.graph(), node).yes ? 1 : 0;
    }
  }
  if (supported == cases) return "yes";
  if (supported > 0) return "in part";
  return traits_of(op).kind == OpKind::fused ? "decomposed" : "no";
}

constexpr std::string_view preface = R"(# Ops

Written by `make docs`, from `src/graph/ops.def` and the cases of `tests/ops`. *yes*: the backend runs every case of the op
as it stands; *in part*: some of them, and it names a reason for the others; *decomposed*: passes turn the op into others
first; *no*: it runs on the cpu backend instead, and the answer says so; *-*: no build that wrote this had the backend. Fused
ops come from passes alone.

)";

/// The cells of a row of a table, without the blanks around them.
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream parts(line);
  std::string cell;
  std::getline(parts, cell, '|');  // before the first
  while (std::getline(parts, cell, '|')) {
    const std::size_t begin = cell.find_first_not_of(' ');
    cells.push_back(begin == std::string::npos ? "" : cell.substr(begin, cell.find_last_not_of(' ') - begin + 1));
  }
  return cells;
}

std::string first_cell(const OpTraits& traits) {
  return fmt::format("`{}`{}", traits.name, traits.kind == OpKind::fused ? " (fused)" : "");
}

/// Fills in, from the older text, what this build cannot know.
void take_from(std::string_view previous, SupportTable& table) {
  std::vector<std::string> header;
  std::istringstream lines{std::string(previous)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("|")) continue;
    const std::vector<std::string> cells = cells_of(line);
    if (header.empty()) header = cells;
    const auto op = std::ranges::find_if(all_ops(), [&](const OpTraits& traits) { return first_cell(traits) == cells.front(); });
    if (op == all_ops().end()) continue;
    std::vector<std::string>& row = table.rows[static_cast<std::size_t>(op - all_ops().begin())];
    for (std::size_t i = 0; i < table.backends.size(); ++i) {
      const auto column = std::ranges::find(header, table.backends[i]) - header.begin();
      if (row[i] == absent && column < std::ssize(cells)) row[i] = cells[static_cast<std::size_t>(column)];
    }
  }
}

}  // namespace

SupportTable support_table(std::span<const std::unique_ptr<Backend>> backends) {
  SupportTable table;
  for (const auto& backend : backends) table.backends.emplace_back(backend->name());
  for (std::size_t op = 0; op < all_ops().size(); ++op) {
    std::vector<std::string>& row = table.rows.emplace_back();
    for (const auto& backend : backends) row.push_back(support_of(*backend, static_cast<Op>(op)));
  }
  return table;
}

std::string support_text(SupportTable table, std::string_view previous) {
  take_from(previous, table);
  std::string text(preface);
  text += "| op | what it computes |";
  for (const std::string& backend : table.backends) text += fmt::format(" {} |", backend);
  text += "\n|---|---|";
  for (std::size_t i = 0; i < table.backends.size(); ++i) text += "---|";
  text += "\n";
  for (std::size_t op = 0; op < all_ops().size(); ++op) {
    text += fmt::format("| {} | {} |", first_cell(all_ops()[op]), all_ops()[op].summary);
    for (const std::string& cell : table.rows[op]) text += fmt::format(" {} |", cell);
    text += "\n";
  }
  return text;
}

}  // namespace accelerate
