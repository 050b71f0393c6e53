#include "generation/constraint.h"

#include <gtest/gtest.h>

#include <random>
#include <regex>

#include "base/json.h"
#include "generation/next_token.h"
#include "generation/text_stream.h"
#include "processing/fixtures.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

constexpr std::int64_t end_token = 2;

const Tokenizer& tokenizer() {
  static const Tokenizer tokenizer = Tokenizer::load(fixture_folder("byte_bpe"));
  return tokenizer;
}

const ConstraintVocabulary& vocabulary() {
  const std::int64_t ends[] = {end_token};
  static const ConstraintVocabulary vocabulary(tokenizer(), ends);
  return vocabulary;
}

/// What a model that knows nothing writes under a grammar; empty where it does not come to an end.
std::optional<std::string> random_text(const Grammar& grammar, std::uint32_t seed) {
  const GenerationSettings settings =
      resolve({.max_new_tokens = 3000, .do_sample = true, .top_k = 0, .eos_token_id = std::vector<std::int64_t>{end_token}}, {});
  Constraint constraint = vocabulary().compile(grammar);
  TextStream stream(tokenizer(), settings);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 2);
  std::vector<std::int64_t> tokens;
  std::string text;
  while (stream.finish_reason() == FinishReason::none) {
    std::vector<float> logits(static_cast<std::size_t>(tokenizer().vocabulary_size()));
    for (float& logit : logits) logit = normal(random);
    // Without a word of its own about the end, a random model hardly ever closes a text.
    logits[end_token] += 6;
    for (const char* closing : {"\"", "}", "]", "\"}", "\","}) {
      if (const auto id = tokenizer().id_of(closing)) logits[static_cast<std::size_t>(*id)] += 6;
    }
    const std::int64_t token = next_token(settings, {.tokens = tokens}, RandomStream(seed, 0), logits, constraint.allowed()).token;
    constraint.accept(token);
    tokens.push_back(token);
    text += stream.push(token);
  }
  if (stream.finish_reason() != FinishReason::end_token) return std::nullopt;
  EXPECT_TRUE(constraint.is_complete());
  return text;
}

constexpr const char* person = R"({
  "type": "object",
  "properties": {
    "name": {"type": "string", "maxLength": 12},
    "age": {"type": "integer", "minimum": 0, "maximum": 120},
    "role": {"enum": ["reader", "writer", null]},
    "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 1, "maxItems": 3},
    "score": {"type": "number"}
  },
  "required": ["name", "age", "tags"],
  "additionalProperties": false,
  "$defs": {"tag": {"type": "object", "properties": {"id": {"type": "string", "pattern": "^[a-c]{2}$"}}, "required": ["id"], "additionalProperties": false}}
})";

void expect_person(const Json& value) {
  ASSERT_TRUE(value.is_object());
  for (const auto& [key, field] : value.items()) {
    EXPECT_TRUE(key == "name" || key == "age" || key == "role" || key == "tags" || key == "score") << key;
  }
  ASSERT_TRUE(value.contains("name") && value["name"].is_string());
  ASSERT_TRUE(value.contains("age") && value["age"].is_number_integer());
  EXPECT_TRUE(value["age"] >= 0 && value["age"] <= 120);
  if (value.contains("role")) {
    EXPECT_TRUE(value["role"] == "reader" || value["role"] == "writer" || value["role"].is_null());
  }
  if (value.contains("score")) {
    EXPECT_TRUE(value["score"].is_number());
  }
  ASSERT_TRUE(value.contains("tags") && value["tags"].is_array());
  EXPECT_TRUE(!value["tags"].empty() && value["tags"].size() <= 3);
  for (const Json& tag : value["tags"]) {
    ASSERT_TRUE(tag.is_object() && tag.size() == 1 && tag.contains("id") && tag["id"].is_string());
    EXPECT_TRUE(std::regex_match(tag["id"].get<std::string>(), std::regex("[a-c]{2}"))) << tag;
  }
}

TEST(Constraint, KeepsRandomTextsToASchema) {
  int finished = 0;
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    const std::optional<std::string> text = random_text({.language = GrammarLanguage::json_schema, .text = person}, seed);
    if (!text) continue;
    ++finished;
    SCOPED_TRACE(*text);
    expect_person(Json::parse(*text));
  }
  EXPECT_EQ(finished, 200);
}

TEST(Constraint, KeepsRandomTextsToJson) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const std::optional<std::string> text =
        random_text({.language = GrammarLanguage::json_schema, .text = R"({"type": ["object", "array"]})"}, seed);
    if (text) {
      EXPECT_TRUE(Json::accept(*text)) << *text;
    }
  }
}

TEST(Constraint, KeepsRandomTextsToARegularExpression) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const std::optional<std::string> text = random_text({.language = GrammarLanguage::regex, .text = "(red|green|blue) [0-9]{2,4}"}, seed);
    ASSERT_TRUE(text);
    EXPECT_TRUE(std::regex_match(*text, std::regex("(red|green|blue) [0-9]{2,4}"))) << *text;
  }
}

TEST(Constraint, KeepsRandomTextsToAGrammar) {
  constexpr const char* sums = "start: number (\"+\" number)*\nnumber: /[0-9]{1,3}/ | \"(\" start \")\"\n";
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const std::optional<std::string> text = random_text({.language = GrammarLanguage::lark, .text = sums}, seed);
    if (!text) continue;
    EXPECT_TRUE(std::regex_match(*text, std::regex("[0-9+()]+"))) << *text;
    EXPECT_EQ(std::ranges::count(*text, '('), std::ranges::count(*text, ')')) << *text;
  }
}

TEST(Constraint, GoesOnByItselfAsACopy) {
  const auto id = [](const char* token) { return tokenizer().id_of(token).value(); };
  Constraint one = vocabulary().compile({.language = GrammarLanguage::regex, .text = "ab|ac"});
  one.accept(id("a"));
  Constraint other = one;
  one.accept(id("b"));
  EXPECT_TRUE(one.is_complete());
  EXPECT_FALSE(other.is_complete());
  expect_error(ErrorKind::invalid_argument, "is not allowed here", [&] { other.accept(id("a")); });
  expect_error(ErrorKind::invalid_argument, "ends the text before it is complete", [&] { other.accept(end_token); });
  other.accept(id("c"));
  EXPECT_TRUE(other.is_complete());
  other.accept(end_token);
  const auto allowed = one.allowed();
  for (std::size_t token = 0; token < allowed.size() * 32; ++token)
    EXPECT_EQ(allowed[token / 32] >> (token % 32) & 1U, token == end_token ? 1U : 0U) << token;
}

TEST(Constraint, SaysWhatIsWrong) {
  const auto compile = [](GrammarLanguage language, const char* text) {
    return [language, text] { static_cast<void>(vocabulary().compile({.language = language, .text = text})); };
  };
  expect_error(ErrorKind::invalid_argument, "json_schema: not valid JSON", compile(GrammarLanguage::json_schema, "{"));
  expect_error(ErrorKind::invalid_argument, "json_schema: ", compile(GrammarLanguage::json_schema, R"({"type": "thing"})"));
  expect_error(ErrorKind::invalid_argument, "$ref", compile(GrammarLanguage::json_schema, R"({"$ref": "http://example.org/x.json"})"));
  expect_error(ErrorKind::invalid_argument, "regex: ", compile(GrammarLanguage::regex, "(a"));
  expect_error(ErrorKind::invalid_argument, "grammar: ", compile(GrammarLanguage::lark, "start: other"));
  const std::int64_t beyond[] = {100'000};
  expect_error(ErrorKind::invalid_argument, "end token 100000 is not one of", [&] { ConstraintVocabulary(tokenizer(), beyond); });
  expect_error(ErrorKind::invalid_argument, "needs a token that ends the text", [&] { ConstraintVocabulary(tokenizer(), {}); });
}

TEST(Constraint, KnowsTheBytesOfEveryKindOfVocabulary) {
  for (const char* name : {"unigram", "wordpiece", "vocabularies/t5_bpe_bytes"}) {
    SCOPED_TRACE(name);
    const Tokenizer other = Tokenizer::load(fixture_folder(name));
    const std::int64_t ends[] = {1};
    const ConstraintVocabulary own(other, ends);
    Constraint constraint = own.compile({.language = GrammarLanguage::regex, .text = " ?the"});
    std::vector<std::int64_t> tokens;
    while (!constraint.is_complete()) {
      const auto allowed = constraint.allowed();
      std::vector<float> logits(allowed.size() * 32);
      process_logits(resolve({.max_new_tokens = 10}, {}), {.tokens = tokens}, logits, allowed);
      tokens.push_back(most_probable(logits));
      constraint.accept(tokens.back());
    }
    const std::string text = other.decode(tokens);
    EXPECT_TRUE(text == "the" || text == " the") << text;
  }
}

}  // namespace
}  // namespace accelerate
