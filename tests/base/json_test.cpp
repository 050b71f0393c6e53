#include "base/json.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace accelerate {
namespace {

std::string nested(int depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::string zeros(int count) {
  std::string text = "[0";
  for (int i = 1; i < count; ++i) text += ",0";
  return text + "]";
}

TEST(Json, ParsesEveryKindOfValue) {
  const Json value = parse_json(R"({"a": [1, -2, 3.5, true, null, "é\u00e9"], "b": {"a": {}}})", "file");
  EXPECT_EQ(value["a"][0].get<std::uint64_t>(), 1U);
  EXPECT_EQ(value["a"][1].get<int>(), -2);
  EXPECT_EQ(value["a"][2].get<double>(), 3.5);
  EXPECT_EQ(value["a"][3].get<bool>(), true);
  EXPECT_TRUE(value["a"][4].is_null());
  EXPECT_EQ(value["a"][5].get<std::string>(), "éé");
  EXPECT_TRUE(value["b"]["a"].is_object());
  EXPECT_EQ(parse_json("7", "file").get<int>(), 7);
  EXPECT_NO_THROW(parse_json(nested(64), "file"));
}

TEST(Json, RefusesWhatIsNotJsonOrAnAttack) {
  struct Case {
    std::string text;
    const char* fragment;
  };
  const Case cases[] = {
      {"", "file: not valid JSON: parse error at line 1, column 1"},
      {"{\"a\": 1", "not valid JSON"},
      {"{} {}", "not valid JSON"},
      {std::string("{}\0{", 4), "not valid JSON: a zero byte at position 2"},
      {"{\"a\": NaN}", "not valid JSON"},
      {"{\"a\": 1e999}", "number overflow"},
      {"\"\xff\"", "not valid JSON"},
      {"\"line\nbreak\"", "not valid JSON"},
      {nested(65), "nested deeper than 64 levels"},
      {std::string(1'000'000, '['), "nested deeper than 64 levels"},
      {R"({"a": 1, "b": {"a": 2}, "a": 3})", "the key 'a' appears twice"},
      {zeros(4'000'001), "more than 4000000 JSON values"},
  };
  for (const Case& c : cases) expect_error(ErrorKind::invalid_file, c.fragment, [&] { parse_json(c.text, "file"); });
}

TEST(Json, TextForMessagesIsOneShortLineOfUtf8) {
  EXPECT_EQ(in_quotes("encoder.0"), "'encoder.0'");
  EXPECT_EQ(in_quotes("a\nb\xff"), "'a\\nb\xef\xbf\xbd'");
  EXPECT_LE(in_quotes(std::string(10'000, '\n')).size(), 300U);
  // 120 bytes would end within the character é.
  EXPECT_EQ(in_quotes(std::string(119, 'x') + "éé"), "'" + std::string(119, 'x') + "…'");
  EXPECT_EQ(excerpt(Json::parse(R"({"a": [1, "x"]})")), R"({"a":[1,"x"]})");
}

}  // namespace
}  // namespace accelerate
