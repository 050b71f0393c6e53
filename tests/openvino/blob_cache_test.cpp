// The folder of compiled models, with steps that stand in for the runtime: who compiles, who waits, what is trusted.
#include "backends/openvino/blob_cache.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "graph/ops.h"
#include "support/temporary_folder.h"

namespace accelerate::openvino {
namespace {

namespace fs = std::filesystem;

const std::string key(64, 'a');

/// A user of the cache whose compiled model is some text.
struct User {
  std::string model;
  int compiled = 0;
  int used = 0;

  /// Uses the cache once and returns its note. `compiling` runs inside the compilation.
  std::string visit(const fs::path& folder, const std::function<void()>& compiling = [] {}, const std::string& wanted = key) {
    ThreadPool threads(2);
    const BlobCache cache(folder, threads);
    return cache.use_or_compile(wanted, {.use =
                                             [&](const Blob& blob) {
                                               const std::string text(reinterpret_cast<const char*>(blob.bytes.data()), blob.bytes.size());
                                               if (text.starts_with("refused")) throw std::runtime_error("not from this runtime");
                                               ASSERT_EQ(blob.feeds, (std::vector<Feed>{{FeedKind::value, 3}, {FeedKind::mask, 70}}));
                                               model = text;
                                               ++used;
                                             },
                                         .compile =
                                             [&] {
                                               compiling();
                                               model = "compiled";
                                               ++compiled;
                                             },
                                         .export_bytes =
                                             [&](std::vector<Feed>& feeds) {
                                               feeds = {{FeedKind::value, 3}, {FeedKind::mask, 70}};
                                               return model;
                                             }});
  }
};

fs::path entry(const fs::path& folder) { return folder / (key + ".blob"); }

std::string contents(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void write(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

/// The exit status of `action` in a process of its own; minus the signal's number when one ended it.
pid_t start_process(const std::function<int()>& action) {
  const pid_t process = ::fork();
  if (process == 0) ::_exit(action());
  return process;
}

int end_of(pid_t process) {
  int status = 0;
  ::waitpid(process, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(BlobCache, KeepsWhatOneCompiledForTheNext) {
  const TemporaryFolder folder;
  User first;
  User second;
  EXPECT_EQ(first.visit(folder.path() / "new" / "folder"), "");
  EXPECT_EQ(second.visit(folder.path() / "new" / "folder"), "");
  EXPECT_EQ(first.compiled, 1);
  EXPECT_EQ(second.compiled, 0);
  EXPECT_EQ(second.model, "compiled");
}

TEST(BlobCache, OneOfTenProcessesCompilesAndTheOthersWait) {
  const TemporaryFolder folder;
  std::vector<pid_t> processes;
  for (int i = 0; i < 10; ++i)
    processes.push_back(start_process([&] {
      User user;
      const std::string note = user.visit(folder.path(), [&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));  // long enough for all to ask meanwhile
        folder.write("compiled_by_" + std::to_string(::getpid()), "");
      });
      return note.empty() && user.model == "compiled" && user.compiled + user.used == 1 ? 0 : 1;
    }));
  for (const pid_t process : processes) EXPECT_EQ(end_of(process), 0);
  int compilers = 0;
  for (const auto& file : fs::directory_iterator(folder.path())) compilers += file.path().filename().string().starts_with("compiled_by_");
  EXPECT_EQ(compilers, 1);
}

TEST(BlobCache, AKilledCompilationLeavesNothingThatBreaksTheNext) {
  const TemporaryFolder folder;
  const pid_t killed = start_process([&] {
    User user;
    user.visit(folder.path(), [] { ::kill(::getpid(), SIGKILL); });
    return 0;
  });
  EXPECT_EQ(end_of(killed), -SIGKILL);
  User next;
  EXPECT_EQ(next.visit(folder.path()), "");
  EXPECT_EQ(next.compiled, 1);
  EXPECT_TRUE(fs::exists(entry(folder.path())));
}

TEST(BlobCache, CompilesAnewWhatIsBrokenOrForeign) {
  const TemporaryFolder folder;
  User().visit(folder.path());
  const std::string sound = contents(entry(folder.path()));
  std::vector<std::string> broken{"", "x", std::string(5000, '\0'), sound.substr(0, sound.size() - 1), sound + "x"};
  for (const std::size_t place : {std::size_t{0}, std::size_t{40}, std::size_t{100}, std::size_t{161}, std::size_t{169}, std::size_t{180},
                                  std::size_t{2000}, sound.size() - 1}) {
    broken.push_back(sound);
    broken.back()[place] = static_cast<char>(broken.back()[place] ^ 1);
  }
  for (std::size_t i = 0; i < broken.size(); ++i) {
    write(entry(folder.path()), broken[i]);
    User user;
    EXPECT_EQ(user.visit(folder.path()), "") << i;
    EXPECT_EQ(user.compiled, 1) << i;
    EXPECT_EQ(contents(entry(folder.path())), sound) << i;
  }
}

TEST(BlobCache, CompilesAnewWhatTheRuntimeRefuses) {
  const TemporaryFolder folder;
  User other;
  other.model = "refused";
  const BlobCache::Steps steps{
      .use = [](const Blob&) {}, .compile = [] {}, .export_bytes = [](std::vector<Feed>&) { return std::string("refused"); }};
  ThreadPool threads(1);
  BlobCache(folder.path(), threads).use_or_compile(key, steps);
  User user;
  EXPECT_EQ(user.visit(folder.path()), "");
  EXPECT_EQ(user.compiled, 1);
  EXPECT_EQ(User().visit(folder.path()), "");
}

TEST(BlobCache, AnEntryUnderAnothersNameIsNotTaken) {
  const TemporaryFolder folder;
  User().visit(folder.path());
  const std::string other(64, 'b');
  fs::copy_file(entry(folder.path()), folder.path() / (other + ".blob"));
  User user;
  user.visit(folder.path(), [] {}, other);
  EXPECT_EQ(user.compiled, 1);
}

// Not by permissions, which root does not feel: where a folder should be stands a file.
TEST(BlobCache, AFolderThatCannotBeWrittenIsANoteAndNoFailure) {
  const TemporaryFolder folder;
  const fs::path file = folder.write("file", "");
  User user;
  const std::string note = user.visit(file / "cache");
  EXPECT_EQ(user.compiled, 1);
  EXPECT_NE(note.find("is not kept for the next run"), std::string::npos) << note;
}

TEST(BlobCache, AnExportThatFailsIsANoteAndNoFailure) {
  const TemporaryFolder folder;
  ThreadPool threads(1);
  const std::string note =
      BlobCache(folder.path(), threads)
          .use_or_compile(key, {.use = [](const Blob&) {},
                                .compile = [] {},
                                .export_bytes = [](std::vector<Feed>&) -> std::string { throw std::runtime_error("disk full"); }});
  EXPECT_NE(note.find("disk full"), std::string::npos) << note;
  EXPECT_FALSE(fs::exists(entry(folder.path())));
}

Graph graph_with(float weight, float epsilon, const char* output) {
  Graph graph;
  const Value x = graph.input("x", DType::float32, {Dim::named("tokens"), 2});
  const std::array weights{1.0F, weight};
  graph.output(output, layer_norm(x, graph.constant(Tensor::from<float>(weights, {2}), "scale"), {}, {.epsilon = epsilon}));
  return graph;
}

TEST(BlobKey, ChangesWithWhateverTheModelFollowsFrom) {
  ThreadPool threads(2);
  const Graph graph = graph_with(2, 1e-5F, "y");
  const std::string first = key_of({.graph = graph, .settings = "CPU fp32"}, threads);
  EXPECT_EQ(first.size(), 64U);
  EXPECT_EQ(key_of({.graph = graph_with(2, 1e-5F, "y"), .settings = "CPU fp32"}, threads), first);
  EXPECT_NE(key_of({.graph = graph_with(3, 1e-5F, "y"), .settings = "CPU fp32"}, threads), first) << "weights";
  EXPECT_NE(key_of({.graph = graph_with(2, 1e-6F, "y"), .settings = "CPU fp32"}, threads), first) << "options";
  EXPECT_NE(key_of({.graph = graph, .settings = "CPU bf16"}, threads), first) << "settings";
}

}  // namespace
}  // namespace accelerate::openvino
