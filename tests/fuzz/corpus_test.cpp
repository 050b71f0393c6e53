// Runs the fuzzers' seeds, and many files that differ from them a little, without a fuzzer.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "fuzz/targets.h"

namespace accelerate {
namespace {

using namespace std::string_view_literals;

struct Case {
  const char* name;
  bool (*target)(std::span<const std::byte>);
};

class Corpus : public testing::TestWithParam<Case> {
 protected:
  static std::vector<std::filesystem::path> seeds() {
    std::vector<std::filesystem::path> files;
    const std::filesystem::path folder = std::filesystem::path(ACCELERATE_TEST_DATA) / "fuzz" / "corpus" / GetParam().name;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
  }

  static bool run(const std::string& text) { return GetParam().target(std::as_bytes(std::span(text))); }
};

/// `text` after one to four small changes: bytes replaced, cut out, repeated, or the end cut off.
std::string mutated(std::string text, std::mt19937& random) {
  constexpr std::string_view telling = "\0\x7f\x80\xff\"\\{}[]:,0129-.e"sv;
  for (auto changes = 1 + random() % 4; changes > 0 && !text.empty(); --changes) {
    const std::size_t at = random() % text.size();
    const std::size_t length = 1 + random() % 16;
    switch (random() % 6) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text[at] = telling[random() % telling.size()];
        break;
      case 2:
        text.erase(at, length);
        break;
      case 3:
        text.insert(at, text.substr(random() % text.size(), length));
        break;
      case 4:
        text.insert(at, length, text[at]);
        break;
      default:
        text.resize(at);
    }
  }
  return text;
}

TEST_P(Corpus, SeedsAreTakenOrRefusedAsTheirNamesSay) {
  ASSERT_GE(seeds().size(), 4U);
  for (const auto& seed : seeds()) {
    const bool valid = seed.filename().string().starts_with("valid");
    EXPECT_EQ(run(read_text_file(seed, 1 << 20)), valid) << seed;
  }
}

TEST_P(Corpus, MutationsAreTakenOrRefusedWithoutFindings) {
  std::mt19937 random(1);
  int refused = 0;
  for (const auto& seed : seeds()) {
    const std::string text = read_text_file(seed, 1 << 20);
    for (int i = 0; i < 2000; ++i) {
      const std::string input = mutated(text, random);
      ASSERT_NO_THROW(refused += run(input) ? 0 : 1) << seed << ", mutation " << i;
    }
  }
  EXPECT_GT(refused, 2000) << "the mutations hardly change anything";
}

INSTANTIATE_TEST_SUITE_P(Formats, Corpus,
                         testing::Values(Case{"safetensors", fuzz::safetensors}, Case{"gguf", fuzz::gguf}, Case{"index", fuzz::index},
                                         Case{"config", fuzz::config}, Case{"modules", fuzz::modules},
                                         Case{"calibration", fuzz::calibration}, Case{"pickle", fuzz::pickle},
                                         Case{"torch_checkpoint", fuzz::torch_checkpoint}, Case{"sentencepiece", fuzz::sentencepiece},
                                         Case{"generation_config", fuzz::generation_config}, Case{"chat_template", fuzz::chat_template},
                                         Case{"chat_messages", fuzz::chat_messages}, Case{"http_request", fuzz::http_request},
                                         Case{"http_form", fuzz::http_form}, Case{"infer_request", fuzz::infer_request}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace accelerate
