// What lies between HTTP and endpoints: bodies read field by field, tool calls in a text, numbers.
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "server/body.h"
#include "server/http/error.h"
#include "server/numbers.h"
#include "server/tool_calls.h"

namespace accelerate::server {
namespace {

const std::vector<Tool> tools{{.name = "weather", .parameters = {}}, {.name = "time", .parameters = {}}};

struct SplitCase {
  const char* name;
  std::string text;
  std::string content;
  std::vector<std::pair<std::string, std::string>> calls;
  ToolRules rules = {.tools = tools};
};

class Splitting : public testing::TestWithParam<SplitCase> {};

TEST_P(Splitting, FindsCallsAndShowsTheRestHoweverItComes) {
  const SplitCase& expected = GetParam();
  for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
    ToolSplitter splitter(expected.rules);
    std::string shown;
    for (std::size_t at = 0; at < expected.text.size(); at += step) shown += splitter.put(std::string_view(expected.text).substr(at, step));
    const SplitText split = splitter.finish();
    EXPECT_EQ(split.content, expected.content);
    EXPECT_EQ(shown + split.rest, expected.content) << "in pieces of " << step;
    std::vector<std::pair<std::string, std::string>> calls;
    for (const ToolCall& call : split.calls) calls.emplace_back(call.name, call.arguments);
    EXPECT_EQ(calls, expected.calls);
  }
}

const std::string call = R"({"name":"weather","arguments":{"b":1,"a":2}})";

INSTANTIATE_TEST_SUITE_P(
    Texts, Splitting,
    testing::Values(SplitCase{"Plain", "It rains. <tool", "It rains. <tool", {}},
                    SplitCase{"NoTools", "<tool_call>" + call + "</tool_call>", "<tool_call>" + call + "</tool_call>", {}, {}},
                    SplitCase{
                        "Hermes", "Let me see. <tool_call>\n" + call + "\n</tool_call>", "Let me see. ", {{"weather", R"({"b":1,"a":2})"}}},
                    SplitCase{"HermesTwice",
                              "<tool_call>" + call + "</tool_call>\n<tool_call>{\"name\":\"time\"}</tool_call>",
                              "",
                              {{"weather", R"({"b":1,"a":2})"}, {"time", "{}"}}},
                    SplitCase{"HermesWithoutEnd", "<tool_call>" + call, "", {{"weather", R"({"b":1,"a":2})"}}},
                    SplitCase{"HermesBroken", "a <tool_call>{\"name\"", "a <tool_call>{\"name\"", {}},
                    SplitCase{"UnknownFunction", R"({"name":"rm","arguments":{}})", R"({"name":"rm","arguments":{}})", {}},
                    SplitCase{"Mistral", "[TOOL_CALLS] [" + call + "]", "", {{"weather", R"({"b":1,"a":2})"}}},
                    SplitCase{"Llama", R"({"name": "time", "parameters": {"zone": "x"}})", "", {{"time", R"({"zone":"x"})"}}},
                    SplitCase{"JustJson", R"({"a": 1})", R"({"a": 1})", {}},
                    SplitCase{"Forced",
                              "[" + call + "," + call + "]",
                              "",
                              {{"weather", R"({"b":1,"a":2})"}},
                              {.tools = tools, .forced = true, .parallel = false}}),
    [](const auto& test) { return test.param.name; });

std::string refusal(const std::function<void()>& read) {
  try {
    read();
    return "";
  } catch (const http::HttpError& error) {
    EXPECT_EQ(error.status(), 400);
    return error.what();
  }
}

TEST(Body, NamesTheFieldThatIsWrong) {
  const Body body = Body::parse(
      R"({"text":"a","number":1.5,"whole":3,"yes":true,"nothing":null,"list":["a","b"],"mixed":["a",1],"objects":[{"x":1},{"x":"y"}]})");
  EXPECT_EQ(body.text("text"), "a");
  EXPECT_EQ(body.text("nothing"), std::nullopt);
  EXPECT_EQ(body.text("absent"), std::nullopt);
  EXPECT_EQ(body.integer("whole", 0, 3), 3);
  EXPECT_EQ(body.texts("text"), std::vector<std::string>{"a"});
  EXPECT_EQ(body.texts("list"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(refusal([&] { (void)body.text("number"); }), "number is 1.5, expected a text");
  EXPECT_EQ(refusal([&] { (void)body.integer("number", 0, 9); }), "number is 1.5, expected a whole number from 0 to 9");
  EXPECT_EQ(refusal([&] { (void)body.integer("whole", 0, 2); }), "whole is 3, expected a whole number from 0 to 2");
  EXPECT_EQ(refusal([&] { (void)body.boolean("text"); }), "text is 'a', expected true or false");
  EXPECT_EQ(refusal([&] { (void)body.texts("mixed"); }), R"(mixed is ["a",1], expected a text or a list of texts)");
  EXPECT_EQ(refusal([&] { (void)body.required_text("absent"); }), "absent is missing, expected a text");
  EXPECT_EQ(refusal([&] { (void)body.required_objects("objects")[1].integer("x", 0, 1); }),
            "objects[1].x is 'y', expected a whole number from 0 to 1");
  for (const char* text : {"", "[]", "{", "{\"a\":1,\"a\":2}", "{\"a\":\"\\ud800\"}", "nul"})
    EXPECT_NE(refusal([&] { Body::parse(text); }), "") << text;
  EXPECT_EQ(Body::parse_optional(" \n").json().size(), 0U);
}

TEST(Numbers, KeepEachBitInFewDigits) {
  std::string text;
  append_floats(text, std::vector<float>{0.1F, -1.0F, 1e-40F, 3.4028235e38F, std::numeric_limits<float>::infinity()});
  EXPECT_EQ(text, "[0.1,-1,1e-40,3.4028235e+38,null]");
}

}  // namespace
}  // namespace accelerate::server
