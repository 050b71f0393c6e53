#include "backends/absent/absent.h"

#include <fmt/format.h>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

class AbsentBackend final : public Backend {
 public:
  explicit AbsentBackend(std::string_view name) : name_(name) {}

  std::string_view name() const override { return name_; }
  Devices devices() const override { return {.usable = {}, .reason = reason()}; }
  Support supports(const Graph&, const Node&) const override { return {false, reason()}; }
  std::unique_ptr<Executable> compile(Graph, const CompileOptions&) const override { throw Error(ErrorKind::unavailable, reason()); }

 private:
  std::string reason() const { return fmt::format("backend '{}' is not part of this build", name_); }

  std::string name_;
};

}  // namespace

std::unique_ptr<Backend> make_absent_backend(std::string_view name) { return std::make_unique<AbsentBackend>(name); }

}  // namespace accelerate
