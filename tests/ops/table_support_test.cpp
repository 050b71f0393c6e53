// docs/ops.md: the same from every machine, and from builds that lack a backend.
#include "ops/table_support.h"

#include <gtest/gtest.h>

namespace accelerate {
namespace {

/// A backend's support, with nothing else: no device, and for an absent one no precision.
class PaperBackend final : public Backend {
 public:
  PaperBackend(std::string_view name, bool built) : name_(name), built_(built) {}

  std::string_view name() const override { return name_; }
  Devices devices() const override { return {.usable = {}, .reason = "made of paper"}; }
  std::span<const Precision> precisions() const override { return built_ ? all_precisions : std::span<const Precision>(); }
  Support supports(const Graph&, const Node& node) const override {
    return {.yes = built_ && node.op != Op::matmul, .reason = "made of paper"};
  }
  std::unique_ptr<Executable> compile(Graph, const CompileOptions&) const override { return nullptr; }

 private:
  std::string name_;
  bool built_;
};

std::string text_with(bool built, std::string_view previous) {
  std::vector<std::unique_ptr<Backend>> backends;
  backends.push_back(backend_named("cpu"));
  backends.push_back(std::make_unique<PaperBackend>("paper", built));
  return support_text(support_table(backends), previous);
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(SupportTable, NeedsNoDevice) {
  const std::string text = text_with(true, "");
  EXPECT_EQ(count_of(text, " no |\n"), 1U);
  EXPECT_EQ(count_of(text, " yes |\n"), all_ops().size() - 1);
}

TEST(SupportTable, SaysThatABackendIsNotBuilt) { EXPECT_EQ(count_of(text_with(false, ""), " - |\n"), all_ops().size()); }

TEST(SupportTable, KeepsWhatABuildWithTheBackendSaid) { EXPECT_EQ(text_with(false, text_with(true, "")), text_with(true, "")); }

TEST(SupportTable, TakesNothingElseFromTheOlderText) {
  std::string stale = text_with(true, "");
  for (std::size_t at = stale.find("| yes |"); at != std::string::npos; at = stale.find("| yes |")) stale.replace(at, 7, "| no |");
  EXPECT_EQ(text_with(true, stale), text_with(true, ""));
}

}  // namespace
}  // namespace accelerate
