// `endpoints` against a real server, over a UNIX socket.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/program.h"

namespace accelerate {
namespace {

using Json = nlohmann::json;

class EndpointsCommand : public testing::Test {
 protected:
  void SetUp() override { socket_ = std::filesystem::temp_directory_path() / ("endpoints_test_" + std::to_string(::getpid())); }
  void TearDown() override { std::filesystem::remove(socket_); }

  /// Serves while `act` runs, and stops then.
  void serve(const std::vector<std::string>& more, const std::function<void()>& act) {
    std::vector<std::string> arguments{"serve",       "--unix-socket", socket_.string(), "--backend", "cpu",
                                       "--precision", "fp32",          "--log-requests", "off"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    bool has_acted = false;
    const ProgramResult result = run_program(arguments, {.signal = [&] {
                                               // The socket is there before anybody listens at it.
                                               if (!std::filesystem::exists(socket_) || endpoints({"list"}).exit_code == 8) return 0;
                                               if (!has_acted) act();
                                               has_acted = true;
                                               return SIGTERM;
                                             }});
    EXPECT_TRUE(has_acted) << result.errors;
    EXPECT_EQ(result.exit_code, 0) << result.errors;
  }

  /// Runs `endpoints WORDS…` against the server.
  ProgramResult endpoints(std::vector<std::string> words, const std::string& key = {}) const {
    words.insert(words.begin(), "endpoints");
    return run_program(words, {.environment = {"ACCELERATE_SERVER=unix:" + socket_.string(), "ACCELERATE_API_KEY=" + key}});
  }

  Json answer(const std::vector<std::string>& words, const std::string& key = {}) const {
    std::vector<std::string> all = words;
    all.emplace_back("--json");
    const ProgramResult result = endpoints(all, key);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return Json::parse(result.output);
  }

  static std::string fixture(const std::string& name) { return std::string(ACCELERATE_TEST_DATA) + "/tasks/fixtures/" + name; }

  std::filesystem::path socket_;
};

TEST_F(EndpointsCommand, DoesAllThatCanBeDoneWithEndpoints) {
  serve({fixture("embed_mean") + "=mean"}, [&] {
    EXPECT_EQ(answer({"list"})["endpoints"][0]["name"], "mean");
    EXPECT_EQ(answer({"add", "new/one", fixture("classify"), "--threads", "1", "--alias", "other"})["state"], "ready");
    EXPECT_EQ(answer({"list"})["endpoints"].size(), 2U);
    EXPECT_EQ(answer({"show", "other"})["name"], "new/one");
    const Json embedded = answer({"invoke", "mean", "Ada", "boats"});
    EXPECT_EQ(embedded["answers"].size(), 2U);
    const Json library =
        Json::parse(run_program({"run", fixture("embed_mean"), "Ada", "--json", "--backend", "cpu", "--precision", "fp32"}).output);
    EXPECT_EQ(embedded["answers"][0]["embedding"].get<std::vector<float>>(), library["embedding"].get<std::vector<float>>());
    EXPECT_EQ(answer({"invoke", "new/one", "boats"})["task"], "classify");
    EXPECT_EQ(answer({"drain", "new/one", "--seconds", "5"})["state"], "draining");
    EXPECT_EQ(endpoints({"invoke", "new/one", "boats"}).exit_code, 10);
    EXPECT_EQ(answer({"resume", "new/one"})["state"], "ready");
    EXPECT_EQ(answer({"unload", "new/one"})["state"], "unloaded");
    EXPECT_EQ(answer({"init", "mean", "new/one"}).size(), 2U);
    EXPECT_EQ(answer({"add", "later", fixture("rerank_sigmoid"), "--no-load"})["state"], "unloaded");
    EXPECT_EQ(answer({"invoke", "later", "boats", "Ada", "--query", "Ada"})["answers"][0]["ranking"].size(), 2U);
    const ProgramResult list = endpoints({"list"});
    EXPECT_NE(list.output.find("new/one"), std::string::npos) << list.output;
    EXPECT_NE(endpoints({"remove", "later", "new/one"}).output.find("new/one removed"), std::string::npos);
    EXPECT_EQ(answer({"list"})["endpoints"].size(), 1U);
  });
}

TEST_F(EndpointsCommand, SaysWhatTheServerRefusesAndWhy) {
  struct Case {
    std::vector<std::string> words;
    std::string key;
    int exit_code;
    std::string message;
  };
  serve({fixture("embed_mean") + "=mean", "--api-key", "user-key-1", "--admin-key", "admin-key-1"}, [&] {
    for (const Case& each :
         {Case{{"list"}, "", 2, "no key"}, Case{{"list"}, "wrong-key-1", 2, "not one of this server's"},
          Case{{"remove", "mean"}, "user-key-1", 2, "admin key"}, Case{{"show", "none"}, "user-key-1", 3, "'none' not found"},
          Case{{"add", "a", "/nowhere"}, "admin-key-1", 3, "/nowhere"},
          Case{{"add", "mean", fixture("classify")}, "admin-key-1", 2, "mean"},
          Case{{"add", "a", std::string(ACCELERATE_TEST_DATA) + "/fuzz/corpus/config"}, "admin-key-1", 3, "config.json"},
          Case{{"invoke", "mean", "a", "--task", "classify"}, "user-key-1", 2, "classify"},
          Case{{"list", "--server", "http://127.0.0.1:1"}, "", 8, "http://127.0.0.1:1: Connection refused"},
          Case{{"list", "--server", "ftp://a"}, "", 2, "server is 'ftp://a', expected http://HOST:PORT"},
          Case{{"list", "--server", "unix:/nowhere/s"}, "", 8, "unix:/nowhere/s"}, Case{{"lift"}, "", 2, "'lift' is not one of list"}}) {
      const ProgramResult result = endpoints(each.words, each.key);
      EXPECT_EQ(result.exit_code, each.exit_code) << result.errors;
      EXPECT_NE(result.errors.find(each.message), std::string::npos) << result.errors << "lacks: " << each.message;
      EXPECT_EQ(std::ranges::count(result.errors, '\n'), 1) << result.errors;
    }
  });
}

}  // namespace
}  // namespace accelerate
