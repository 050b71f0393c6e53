#include "backends/module/module.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <mutex>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

/// A backend whose module cannot be used: it has a name and no devices, and says why to whoever asks for it.
class AbsentBackend final : public Backend {
 public:
  AbsentBackend(std::string_view name, std::string reason) : name_(name), reason_(std::move(reason)) {}

  std::string_view name() const override { return name_; }
  Devices devices() const override { return {.usable = {}, .unusable = {}, .reason = reason_}; }
  std::span<const Precision> precisions() const override { return {}; }
  Support supports(const Graph&, const Node&) const override { return {false, reason_}; }
  std::unique_ptr<Executable> compile(Graph, const CompileOptions&) const override { throw Error(ErrorKind::unavailable, reason_); }

 private:
  std::string name_;
  std::string reason_;
};

/// The last message of the dynamic linker, in one line.
std::string linker_message() {
  const char* message = dlerror();
  return message == nullptr ? "no reason given" : message;
}

template <typename Function>
Function* symbol(void* library, const char* name) {
  return reinterpret_cast<Function*>(dlsym(library, name));
}

std::unique_ptr<Backend> load(std::string_view name, const fs::path& folder) {
  const auto absent = [&](std::string reason) { return std::make_unique<AbsentBackend>(name, std::move(reason)); };
  const fs::path file = folder / fmt::format("libipfs_accelerate_{}.so", name);
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return absent(fmt::format("backend '{}' is not part of this build: there is no {}", name, file.string()));

  // Never unloaded: what a module made may outlive the backend that loaded it.
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) return absent(fmt::format("the module does not load: {}", linker_message()));
  auto* const contract = symbol<decltype(accelerate_module_contract)>(library, "accelerate_module_contract");
  auto* const make = symbol<decltype(accelerate_make_backend)>(library, "accelerate_make_backend");
  if (contract == nullptr || make == nullptr) return absent(fmt::format("{}: is no module of a backend", file.string()));
  if (contract() != module_contract)
    return absent(fmt::format("{}: built for '{}', expected '{}'", file.string(), contract(), module_contract));
  try {
    return std::unique_ptr<Backend>(make());
  } catch (const std::exception& error) {
    return absent(fmt::format("{}: {}", file.string(), error.what()));
  }
}

class ModuleBackend final : public Backend {
 public:
  ModuleBackend(std::string_view name, fs::path folder) : name_(name), folder_(std::move(folder)) {}

  std::string_view name() const override { return name_; }
  Devices devices() const override { return loaded().devices(); }
  std::span<const Precision> precisions() const override { return loaded().precisions(); }
  Support supports(const Graph& graph, const Node& node) const override { return loaded().supports(graph, node); }
  std::unique_ptr<Executable> compile(Graph graph, const CompileOptions& options) const override {
    return loaded().compile(std::move(graph), options);
  }

 private:
  const Backend& loaded() const {
    std::call_once(once_, [this] { backend_ = load(name_, folder_); });
    return *backend_;
  }

  std::string name_;
  fs::path folder_;
  mutable std::once_flag once_;
  mutable std::unique_ptr<Backend> backend_;
};

}  // namespace

fs::path module_folder() {
  if (const char* folder = std::getenv("ACCELERATE_MODULES")) return folder;
  Dl_info place{};
  if (dladdr(reinterpret_cast<const void*>(&make_module_backend), &place) == 0 || place.dli_fname == nullptr) return "ipfs_accelerate";
  return fs::path(place.dli_fname).parent_path() / "ipfs_accelerate";
}

std::unique_ptr<Backend> make_module_backend(std::string_view name, const fs::path& folder) {
  return std::make_unique<ModuleBackend>(name, folder);
}

}  // namespace accelerate
