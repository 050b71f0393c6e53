#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "cli/program.h"

namespace accelerate {
namespace {

class ServeCommand : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("serve_test_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }

  std::filesystem::path folder_;
};

TEST_F(ServeCommand, RefusesWhatItCannotDoByName) {
  const std::string fixture = std::string(ACCELERATE_TEST_DATA) + "/tasks/fixtures/embed_mean";
  struct Case {
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    int exit_code;
    std::string message;
  };
  const std::string toml = file("a.toml", "port = 1\nprot = 2\n");
  const std::string broken = file("b.toml", "port = \n");
  const std::string model = file("c.toml", "[[model]]\nfodler = \"x\"\n");
  const std::string keys = file("keys.txt", "# mine\nshort\n");
  for (const Case& each :
       {Case{{"--port", "x"}, {}, 2, "--port: 'x', expected a number from 0 to 65535"},
        Case{{"--port", "70000"}, {}, 2, "--port: '70000', expected"},
        Case{{}, {"ACCELERATE_PORT=-1"}, 2, "ACCELERATE_PORT: '-1', expected"},
        Case{{"--host", "0.0.0.0"}, {}, 2, "--host: '0.0.0.0' can be reached from other machines, expected --api-key"},
        Case{{"--host", "0.0.0.0", "--api-key", "hunter2"}, {}, 2, "--api-key: expected a key of at least 8 visible characters"},
        Case{{"--api-key-file", keys}, {}, 2, "--api-key-file: '" + keys + "', expected a key"},
        Case{{"--api-key-file", "/nowhere/keys"}, {}, 3, "/nowhere/keys"},
        Case{{"--config", toml}, {}, 4, toml + ":2: 'prot' is no setting"}, Case{{"--config", broken}, {}, 4, broken + ":1: not TOML"},
        Case{{"--config", model}, {}, 4, model + ":2: 'fodler' is no key of a model"},
        Case{{"--log-format", "xml"}, {}, 2, "--log-format: 'xml', expected text or json"},
        Case{{"--tls-cert", "a.pem"}, {}, 2, "TLS takes both"}, Case{{"/nowhere/model"}, {}, 3, "/nowhere/model"},
        Case{{fixture, fixture}, {}, 2, "embed_mean"}}) {
    std::vector<std::string> arguments{"serve"};
    arguments.insert(arguments.end(), each.arguments.begin(), each.arguments.end());
    const ProgramResult result = run_program(arguments, {.environment = each.environment});
    EXPECT_EQ(result.exit_code, each.exit_code) << result.errors;
    EXPECT_NE(result.errors.find(each.message), std::string::npos) << result.errors << "lacks: " << each.message;
    EXPECT_EQ(result.errors.find("hunter2"), std::string::npos) << "a key stands in a message";
  }
}

TEST_F(ServeCommand, ListensUntilItIsToldToStop) {
  const std::string socket = (folder_ / "socket").string();
  const ProgramResult result = run_program(
      {"serve", std::string(ACCELERATE_TEST_DATA) + "/tasks/fixtures/embed_mean=mean", "--unix-socket", socket, "--log-format", "json"},
      {.signal = [&] { return std::filesystem::exists(socket) ? SIGTERM : 0; }});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_NE(result.errors.find("listening on unix:" + socket), std::string::npos) << result.errors;
  EXPECT_NE(result.errors.find("\"message\":\"stopped\""), std::string::npos) << result.errors;
  EXPECT_FALSE(std::filesystem::exists(socket));
}

TEST_F(ServeCommand, CompletesAndHelpsInOneScreen) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const ProgramResult result = run_program({"completion", shell});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_NE(result.output.find("drain-timeout"), std::string::npos) << shell;
  }
  const std::string help = run_program({"serve", "--help"}).output;
  EXPECT_LE(std::ranges::count(help, '\n'), 60) << help;
}

}  // namespace
}  // namespace accelerate
