// What a removed endpoint leaves behind in memory: nothing.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "endpoint_testing.h"
#include "models/registry.h"
#include "runtime/resident_memory.h"

namespace accelerate {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool is_sanitized = true;  // sanitizers keep what was freed
#else
constexpr bool is_sanitized = false;
#endif

constexpr int rounds = 50;
constexpr std::int64_t most_growth = 8 << 20;

/// Adds the endpoint, lets it answer, and removes it.
void serve_once(Endpoints& endpoints, const std::filesystem::path& folder) {
  const Endpoint endpoint = endpoints.add("e", {.folder = folder, .load = exactly()});
  if (endpoint.does("generate")) {
    GenerateRequest request{.prompt = "a boat"};
    request.options.max_new_tokens = 4;
    (void)endpoint.invoke(request);
  } else {
    (void)endpoint.invoke(EmbedRequest{.texts = {"a boat", "a ferry leaves"}});
  }
  EXPECT_EQ(endpoint.status().state, EndpointState::ready);
  endpoints.remove("e");
  EXPECT_EQ(endpoints.memory_bytes(), 0);
}

TEST(Memory, IsGivenBackByEachFamilyFiftyTimesOver) {
  if (is_sanitized) GTEST_SKIP() << "sanitizers keep what was freed";
  Endpoints endpoints;
  for (const Architecture& architecture : all_architectures()) {
    SCOPED_TRACE(std::string(architecture.model_type));
    const auto has_head = [&](Head head) { return std::ranges::find(architecture.heads, head) != architecture.heads.end(); };
    Json config = CreatedModelFolder::config(architecture.model_type, 40);
    config["vocab_size"] = 8000;  // a megabyte of weights: what is kept of each round would show
    const TemporaryFolder folder;
    const bool generates = has_head(Head::causal_lm) || has_head(Head::conditional_generation);
    create_model(config, folder.path(),
                 {.head = generates ? head_of(Task::generate, architecture.heads) : architecture.heads.front(), .overwrite = true});
    serve_once(endpoints, folder.path());
    release_freed_memory();
    const std::int64_t before = private_bytes();
    for (int round = 0; round < rounds; ++round) serve_once(endpoints, folder.path());
    EXPECT_LE(private_bytes() - before, most_growth);
  }
}

}  // namespace
}  // namespace accelerate
