#include "processing/chat_template.h"

#include <gtest/gtest.h>

#include "processing/fixtures.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace accelerate {
namespace {

using Ordered = nlohmann::ordered_json;

// Noon in Greenwich, the same day nearly everywhere: 5 March 2026.
const auto noon = std::chrono::system_clock::from_time_t(1772712000);

TokenizerConfig config_of(const Ordered& special_tokens) {
  TokenizerConfig config;
  if (special_tokens.contains("bos_token"))
    config.special_tokens[static_cast<std::size_t>(SpecialToken::bos)] = special_tokens["bos_token"];
  if (special_tokens.contains("eos_token"))
    config.special_tokens[static_cast<std::size_t>(SpecialToken::eos)] = special_tokens["eos_token"];
  return config;
}

std::string rendered(const std::string& text, const ChatInput& input) { return ChatTemplates::parse(text, "template").render(input, {}); }

TEST(ChatTemplate, RendersAsTransformersDoes) {
  const Ordered cases = Ordered::parse(fixture_text("chat_templates", "cases.json"));
  const Ordered expected = Ordered::parse(fixture_text("chat_templates", "expected.json"));
  ASSERT_EQ(cases.size(), expected.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Ordered& one = cases[i];
    const std::string name = one["template"].get<std::string>();
    SCOPED_TRACE(name + ", case " + std::to_string(i));
    const ChatTemplates templates = ChatTemplates::parse(fixture_text("chat_templates", name + ".jinja"), name);
    const std::string messages = one["messages"].dump();
    const std::string tools = one.value("tools", Ordered()).dump();
    const std::string variables = one.value("variables", Ordered::object()).dump();
    const ChatInput input{.messages = messages,
                          .tools = tools,
                          .variables = variables,
                          .add_generation_prompt = one.value("add_generation_prompt", true),
                          .now = noon};
    const TokenizerConfig config = config_of(one.value("special_tokens", Ordered::object()));
    if (expected[i].contains("text")) {
      EXPECT_EQ(templates.render(input, config), expected[i]["text"].get<std::string>());
    } else {
      expect_error(ErrorKind::invalid_argument, name + ": line ", [&] { static_cast<void>(templates.render(input, config)); });
    }
  }
}

TEST(ChatTemplate, TellsWhatItRefuses) {
  const std::string refusing = fixture_text("chat_templates", "refusing.jinja");
  expect_error(ErrorKind::invalid_argument, "template: line 4: No system message, please",
               [&] { rendered(refusing, {.messages = R"([{"role": "system"}])"}); });
  expect_error(ErrorKind::invalid_file, "mine: line 2: ", [] { ChatTemplates::parse("\n{% if %}", "mine"); });
  expect_error(ErrorKind::invalid_file, "mine: ", [] { ChatTemplates::parse("\xff", "mine"); });
  expect_error(ErrorKind::invalid_argument, "messages: not valid JSON", [] { rendered("", {.messages = "[,]"}); });
  expect_error(ErrorKind::invalid_argument, "messages is {}, expected a list", [] { rendered("", {.messages = "{}"}); });
  expect_error(ErrorKind::invalid_argument, "tools is 1, expected a list or null", [] { rendered("", {.messages = "[]", .tools = "1"}); });
  expect_error(ErrorKind::invalid_argument, "variables is [], expected an object",
               [] { rendered("", {.messages = "[]", .variables = "[]"}); });
}

TEST(ChatTemplate, IsBounded) {
  expect_error(ErrorKind::invalid_argument, "fuel", [] {
    rendered("{% for a in range(10000) %}{% for b in range(10000) %}{% set c = a %}{% endfor %}{% endfor %}", {.messages = "[]"});
  });
  expect_error(ErrorKind::invalid_argument, "longer than",
               [] { rendered("{% set text = 'x' * 100000 %}{% for i in range(1000) %}{{ text }}{% endfor %}", {.messages = "[]"}); });
  expect_error(ErrorKind::invalid_argument, "template not found", [] { rendered("{% include '/etc/hostname' %}", {.messages = "[]"}); });
  expect_error(ErrorKind::invalid_argument,
               "template: ", [] { rendered("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}", {.messages = "[]"}); });
}

TEST(ChatTemplate, HasVariablesOfItsCaller) {
  EXPECT_EQ(rendered("{{ a }} {{ documents[0].title }} {{ messages | length }}",
                     {.messages = "[]", .documents = R"([{"title": "T", "text": "t"}])", .variables = R"( {"a": "b"} )"}),
            "b T 0");
  EXPECT_EQ(rendered("{{ strftime_now('%d.%m.%Y') }}", {.messages = "[]", .now = noon}), "05.03.2026");
}

TEST(ChatTemplates, AreFoundInAFolder) {
  const TemporaryFolder folder;
  EXPECT_TRUE(ChatTemplates::load(folder.path()).empty());
  expect_error(ErrorKind::invalid_argument, "has no chat template",
               [&] { static_cast<void>(ChatTemplates::load(folder.path()).render({.messages = "[]"}, {})); });

  folder.write("tokenizer_config.json",
               R"({"chat_template": [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"}]})");
  const ChatTemplates named = ChatTemplates::load(folder.path());
  EXPECT_EQ(named.names(), (std::vector<std::string>{"default", "tool_use"}));
  EXPECT_EQ(named.render({.messages = "[]"}, {}), "plain");
  EXPECT_EQ(named.render({.messages = "[]", .tools = "[]"}, {}), "tools");
  EXPECT_EQ(named.render({.messages = "[]", .tools = "[]", .name = "default"}, {}), "plain");
  expect_error(ErrorKind::invalid_argument, "no chat template 'rag', expected one of default, tool_use",
               [&] { static_cast<void>(named.render({.messages = "[]", .name = "rag"}, {})); });

  folder.write("tokenizer_config.json", R"({"chat_template": "one"})");
  EXPECT_EQ(ChatTemplates::load(folder.path()).render({.messages = "[]", .tools = "[]"}, {}), "one");
  folder.write("chat_template.json", R"({"chat_template": "older"})");
  EXPECT_EQ(ChatTemplates::load(folder.path()).render({.messages = "[]"}, {}), "older");
  folder.write("additional_chat_templates/rag.jinja", "with documents");
  folder.write("chat_template.jinja", "file\n");
  const ChatTemplates files = ChatTemplates::load(folder.path());
  EXPECT_EQ(files.render({.messages = "[]"}, {}), "file");
  EXPECT_EQ(files.render({.messages = "[]", .name = "rag"}, {}), "with documents");
}

TEST(ChatTemplates, NameTheFileThatIsWrong) {
  const TemporaryFolder folder;
  folder.write("tokenizer_config.json", R"({"chat_template": 7})");
  expect_error(ErrorKind::invalid_file, "tokenizer_config.json: chat_template is 7, expected a text",
               [&] { ChatTemplates::load(folder.path()); });
  folder.write("tokenizer_config.json", R"({"chat_template": [{"name": "a"}]})");
  expect_error(ErrorKind::invalid_file, "a list of objects with texts", [&] { ChatTemplates::load(folder.path()); });
  folder.write("tokenizer_config.json", R"({"chat_template": [{"name": "a", "template": "{{"}]})");
  expect_error(ErrorKind::invalid_file, "tokenizer_config.json: chat_template 'a': line 1: ", [&] { ChatTemplates::load(folder.path()); });
}

TEST(Messages, BecomeJsonInOrder) {
  const std::vector<ChatMessage> messages{{.role = "user", .content = "\"Hi\"\n"},
                                          {.role = "tool", .content = "1", .fields = R"({"z": [1.0, {"b": 1, "a": 2}], "name": "n"})"}};
  EXPECT_EQ(messages_json(messages),
            R"([{"role":"user","content":"\"Hi\"\n"}, {"role":"tool","content":"1","z":[1.0,{"b":1,"a":2}],"name":"n"}])");
  EXPECT_EQ(messages_json({}), "[]");
  const auto with = [](const std::string& content, const std::string& fields) {
    return [=] { messages_json(std::vector<ChatMessage>{{.role = "user", .content = content, .fields = fields}}); };
  };
  expect_error(ErrorKind::invalid_argument, "message 0: not UTF-8", with("\xff", ""));
  expect_error(ErrorKind::invalid_argument, "fields of message 0 is [], expected an object", with("", "[]"));
  expect_error(ErrorKind::invalid_argument, "'role' is given by itself", with("", R"({"role": "x"})"));
}

}  // namespace
}  // namespace accelerate
