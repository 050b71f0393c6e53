#include "formats/config.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

Config parse(std::string_view text) { return Config::parse(text, "config.json"); }

TEST(Config, GivesFieldsByType) {
  const Config config = parse(R"({"n": 384, "eps": 1e-12, "whole": 2, "act": "gelu", "on": true, "none": null,
      "sizes": [1, 2], "rates": [0.5, 1], "classes": ["A", "B"], "prompts": {"q": "query: "}, "sub": {"n": 7, "sub": {"n": 8}}})");
  EXPECT_EQ(config.integer("n"), 384);
  EXPECT_EQ(config.integer_or("none", 5), 5);
  EXPECT_EQ(config.integer_or("absent", 5), 5);
  EXPECT_EQ(config.integer_or("n", 5), 384);
  EXPECT_EQ(config.number("eps"), 1e-12);
  EXPECT_EQ(config.number("whole"), 2.0);
  EXPECT_EQ(config.number_or("absent", 0.5), 0.5);
  EXPECT_EQ(config.text("act"), "gelu");
  EXPECT_EQ(config.text_or("none", "relu"), "relu");
  EXPECT_TRUE(config.boolean("on"));
  EXPECT_TRUE(config.boolean_or("absent", true));
  EXPECT_EQ(config.integers("sizes"), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(config.numbers("rates"), (std::vector<double>{0.5, 1}));
  EXPECT_EQ(config.texts("classes"), (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(config.text_map("prompts").at("q"), "query: ");
  EXPECT_EQ(config.object("sub").object("sub").integer("n"), 8);
  EXPECT_TRUE(config.has("n"));
  EXPECT_FALSE(config.has("none"));
  EXPECT_TRUE(config.is_null("none"));
  EXPECT_FALSE(config.is_null("n"));
  EXPECT_FALSE(config.is_null("absent"));
}

TEST(Config, AnInnerObjectOutlivesTheOuter) {
  const Config inner = parse(R"({"sub": {"n": 7}})").object("sub");
  EXPECT_EQ(inner.integer("n"), 7);
}

TEST(Config, RefusalsNameFileFieldValueAndExpectation) {
  struct Case {
    const char* text;
    void (*get)(const Config&);
    const char* message;
  };
  const auto size = [](const Config& c) { c.integer("n"); };
  const auto number = [](const Config& c) { c.number("n", {.minimum = 0, .maximum = 1}); };
  const Case cases[] = {
      {R"({"n": "abc"})", size, R"(config.json: 'n' is "abc", expected a whole number ≥ 1)"},
      {R"({})", size, "config.json: 'n' is missing, expected a whole number ≥ 1"},
      {R"({"n": null})", size, "'n' is null, expected a whole number"},
      {R"({"n": 0})", size, "'n' is 0, expected a whole number ≥ 1"},
      {R"({"n": -3})", size, "'n' is -3, expected a whole number ≥ 1"},
      {R"({"n": 2.5})", size, "'n' is 2.5, expected a whole number"},
      {R"({"n": 2.0})", size, "'n' is 2.0, expected a whole number"},
      {R"({"n": true})", size, "'n' is true, expected a whole number"},
      {R"({"n": 2147483648})", size, "'n' is 2147483648, expected a whole number ≥ 1 and < 2^31"},
      {R"({"n": 18446744073709551615})", size, "'n' is 18446744073709551615, expected a whole number"},
      {R"({"n": 1e30})", size, "'n' is 1e+30, expected a whole number"},
      {R"({"n": 5})", [](const Config& c) { c.integer_or("n", 1, {.minimum = 0, .maximum = 4}); },
       "'n' is 5, expected a whole number from 0 to 4"},
      {R"({"n": "x"})", number, R"('n' is "x", expected a number from 0 to 1)"},
      {R"({"n": 1.5})", number, "'n' is 1.5, expected a number from 0 to 1"},
      {R"({"n": "0.5"})", [](const Config& c) { c.number("n"); }, R"('n' is "0.5", expected a number)"},
      {R"({"n": -1})", [](const Config& c) { c.number_or("n", 1, {.minimum = 0}); }, "'n' is -1, expected a number ≥ 0"},
      {R"({"n": 0})", [](const Config& c) { c.boolean("n"); }, "'n' is 0, expected true or false"},
      {R"({"n": 0})", [](const Config& c) { c.boolean_or("n", true); }, "'n' is 0, expected true or false"},
      {R"({"n": 0})", [](const Config& c) { c.text("n"); }, "'n' is 0, expected a text"},
      {R"({"n": [1, "2"]})", [](const Config& c) { c.integers("n"); },
       R"('n' is [1,"2"], expected a list, each element a whole number ≥ 1)"},
      {R"({"n": [1, null]})", [](const Config& c) { c.numbers("n"); }, "'n' is [1,null], expected a list, each element a number"},
      {R"({"n": 1})", [](const Config& c) { c.texts("n"); }, "'n' is 1, expected a list of texts"},
      {R"({"n": [1]})", [](const Config& c) { c.object("n"); }, "'n' is [1], expected an object"},
      {R"({"n": {"a": {"b": 0}}})", [](const Config& c) { c.object("n").object("a").integer("b"); },
       "'n.a.b' is 0, expected a whole number"},
      {R"({"n": {"a": 1}})", [](const Config& c) { c.text_map("n"); }, "'n.a' is 1, expected a text"},
      {R"({"model_type": 1})", [](const Config& c) { c.model_type(); }, "'model_type' is 1, expected a text"},
      {R"({"architectures": "Bert"})", [](const Config& c) { c.architectures(); }, "'architectures' is \"Bert\", expected a list of texts"},
      {R"({"id2label": {"0": "a", "2": "b"}})", [](const Config& c) { c.labels(); }, R"(expected each of the keys "0" to "1" once)"},
      {R"({"id2label": {"0": "a", "00": "b"}})", [](const Config& c) { c.labels(); }, R"(expected each of the keys "0" to "1" once)"},
      {R"({"id2label": {"-1": "a"}})", [](const Config& c) { c.labels(); }, R"(expected each of the keys)"},
      {R"({"id2label": {"0": 1}})", [](const Config& c) { c.labels(); }, "'id2label.0' is 1, expected a text"},
      {R"({"num_labels": 2000000000})", [](const Config& c) { c.labels(); }, "expected a whole number from 0 to 1000000"},
  };
  for (const Case& c : cases) expect_error(ErrorKind::invalid_file, c.message, [&] { c.get(parse(c.text)); });
}

TEST(Config, RefusesFilesThatAreNoJsonObject) {
  expect_error(ErrorKind::invalid_file, "config.json: is [1], expected a JSON object", [] { parse("[1]"); });
  expect_error(ErrorKind::invalid_file, "config.json: not valid JSON: parse error at line 1", [] { parse(R"({"a": NaN})"); });
  expect_error(ErrorKind::invalid_file, "number overflow", [] { parse(R"({"a": 1e999})"); });
  expect_error(ErrorKind::invalid_file, "the key 'a' appears twice", [] { parse(R"({"a": 1, "a": 1})"); });
  const TemporaryFolder folder;
  expect_error(ErrorKind::not_found, "config.json: no such file", [&] { Config::read(folder.path() / "config.json"); });
  const auto long_file = folder.write("config.json", std::string(1000, ' ') + "{}");
  expect_error(ErrorKind::invalid_file, "config.json: is longer than 999 bytes", [&] { Config::read(long_file, 999); });
  EXPECT_NO_THROW(Config::read(long_file));
}

TEST(Config, LabelsInOrderOfTheirNumbers) {
  const auto labels = parse(R"({"id2label": {"0": "a", "1": "b", "10": "k", "11": "l", "2": "c", "3": "d", "4": "e", "5": "f", "6": "g",
      "7": "h", "8": "i", "9": "j"}})")
                          .labels();
  ASSERT_EQ(labels.size(), 12U);
  EXPECT_EQ(labels[2], "c");
  EXPECT_EQ(labels[10], "k");
}

TEST(Config, LabelsWithoutNames) {
  EXPECT_EQ(parse("{}").labels(), (std::vector<std::string>{"LABEL_0", "LABEL_1"}));
  EXPECT_EQ(parse(R"({"num_labels": 1})").labels(), std::vector<std::string>{"LABEL_0"});
}

TEST(Config, AModelMayRefuseAValueItself) {
  const Config config = parse(R"({"hidden_act": "swish"})");
  expect_error(ErrorKind::unsupported, R"(config.json: 'hidden_act' is "swish", expected gelu or relu)",
               [&] { config.refuse("hidden_act", "gelu or relu", ErrorKind::unsupported); });
}

TEST(Config, ListsOfObjectsAreNamedByPosition) {
  const auto objects = Config::parse_list(R"([{"a": 1}, {"a": "x"}])", "modules.json");
  ASSERT_EQ(objects.size(), 2U);
  EXPECT_EQ(objects[0].integer("a"), 1);
  expect_error(ErrorKind::invalid_file, R"(modules.json: '[1].a' is "x", expected)", [&] { objects[1].integer("a"); });
  expect_error(ErrorKind::invalid_file, "modules.json: [1] is 3, expected an object",
               [] { Config::parse_list("[{}, 3]", "modules.json"); });
  expect_error(ErrorKind::invalid_file, "modules.json: is {}, expected a JSON list", [] { Config::parse_list("{}", "modules.json"); });
}

}  // namespace
}  // namespace accelerate
