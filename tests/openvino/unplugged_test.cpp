// The runtime taken away in part or whole: a clear reason, and everything else works.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "backends/module/module.h"
#include "cli/program.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path runtime = ACCELERATE_OPENVINO_RUNTIME;
const fs::path runtime_folder = runtime.parent_path();
const std::string module_name = "libipfs_accelerate_openvino.so";

/// Why the backend cannot run when its module is looked for in `folder`.
std::string reason_in(const fs::path& folder) {
  const Devices devices = make_module_backend("openvino", folder)->devices();
  EXPECT_TRUE(devices.usable.empty());
  return devices.reason;
}

/// Why the program cannot use the backend when the linker looks into `folder` first; the cpu backend must work all the same.
std::string reason_with_libraries_in(const fs::path& folder) {
  const ProgramResult result = run_program({"devices", "--json"}, {.environment = {"LD_LIBRARY_PATH=" + folder.string()}});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  const json report = json::parse(result.output);
  std::string reason;
  for (const json& backend : report.at("backends")) {
    if (backend.at("backend") == "openvino") reason = backend.value("reason", "");
    if (backend.at("backend") == "cpu") {
      EXPECT_FALSE(backend.at("devices").empty());
    }
  }
  return reason;
}

TEST(Unplugged, NoModule) {
  const TemporaryFolder folder;
  EXPECT_NE(reason_in(folder.path()).find("is not part of this build"), std::string::npos);
}

TEST(Unplugged, AModuleThatIsNoLibrary) {
  const TemporaryFolder folder;
  folder.write(module_name, "not a library");
  EXPECT_NE(reason_in(folder.path()).find("the module does not load"), std::string::npos);
}

TEST(Unplugged, AModuleOfSomethingElse) {
  const TemporaryFolder folder;
  fs::copy_file(runtime_folder / "libtbb.so.12", folder.path() / module_name);
  EXPECT_NE(reason_in(folder.path()).find("is no module of a backend"), std::string::npos);
}

TEST(Unplugged, ARuntimeThatIsBroken) {
  const TemporaryFolder folder;
  folder.write(runtime.filename(), "not a library");
  EXPECT_NE(reason_with_libraries_in(folder.path()).find("the module does not load"), std::string::npos);
}

// A library of that name which lacks what the module was linked with, as that of another version does.
TEST(Unplugged, ARuntimeOfAnotherVersion) {
  const TemporaryFolder folder;
  fs::copy_file(runtime_folder / "libtbb.so.12", folder.path() / runtime.filename());
  EXPECT_NE(reason_with_libraries_in(folder.path()).find("the module does not load"), std::string::npos);
}

TEST(Unplugged, ARuntimeWithoutItsProcessorPlugin) {
  const TemporaryFolder folder;
  for (const auto& file : fs::directory_iterator(runtime_folder)) {
    const std::string name = file.path().filename().string();
    const bool is_needed = name.starts_with("libopenvino.so") || name.starts_with("libtbb") || name.starts_with("libhwloc");
    if (is_needed) fs::copy_file(file.path(), folder.path() / name);
  }
  const std::string reason = reason_with_libraries_in(folder.path());
  EXPECT_NE(reason.find("openvino:CPU"), std::string::npos) << reason;
}

}  // namespace
}  // namespace accelerate
