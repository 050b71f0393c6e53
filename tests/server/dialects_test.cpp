// What each dialect makes of the library's answers, bit for bit, and of what it cannot answer. No socket is opened.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <set>
#include <thread>

#include "base/content_id.h"
#include "base/ordered_json.h"
#include "endpoints/endpoint_testing.h"
#include "ipfs_accelerate/language_model.h"
#include "server/routes_in_process.h"

namespace accelerate {
namespace {

using Json = OrderedJson;

RoutesInProcess& routes() {
  static RoutesInProcess made;
  return made;
}

std::filesystem::path folder_of(const std::string& name) { return routes().endpoints().get(name).status().folder; }

Model model_of(const std::string& name) { return Model::load(folder_of(name), exactly()); }

const std::vector<std::string> texts{"Ada Lovelace wrote the program.", "boats", ""};

Json rows_of(const Tensor& vectors) {
  Json rows = Json::array();
  const std::span<const float> all = vectors.values<float>();
  const auto width = static_cast<std::size_t>(vectors.dim(1));
  for (std::size_t row = 0; row < all.size() / width; ++row) {
    const auto values = all.subspan(row * width, width);
    rows.push_back(std::vector<float>(values.begin(), values.end()));
  }
  return rows;
}

Json embedded(const std::vector<std::string>& given) { return rows_of(model_of("mean").embed(given).vectors); }

Json labels_of(const Classification& classification, std::initializer_list<std::string> names = {"label", "score"}) {
  Json list = Json::array();
  for (const LabelScore& label : classification.labels) {
    Json row;
    for (const std::string& name : names) row[name] = name == "label" ? Json(label.label) : Json(label.score);
    list.push_back(row);
  }
  return list;
}

Json classified(std::vector<TextInput> inputs, bool is_list) {
  Json list = Json::array();
  for (const Classification& each : model_of("labels").classify(inputs)) list.push_back(labels_of(each));
  return is_list ? list : list.front();
}

std::string continued(const std::string& prompt, std::int64_t most) {
  GenerationOptions options;
  options.max_new_tokens = most;
  return LanguageModel::load(decoder_folder(), exactly()).generate(Prompt(prompt), options).text();
}

/// Whether both are the same, numbers as floats: they are sent with the digits that bring back the same one.
bool same(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) return a.get<float>() == b.get<float>();
  if (a.type() != b.type() || a.size() != b.size()) return false;
  if (a.is_object())
    return std::ranges::all_of(a.items(), [&](const auto& each) { return b.contains(each.key()) && same(each.value(), b[each.key()]); });
  if (a.is_array()) {
    for (std::size_t i = 0; i < a.size(); ++i)
      if (!same(a[i], b[i])) return false;
    return true;
  }
  return a == b;
}

struct Translation {
  const char* name;
  const char* target;
  std::string body;
  std::function<Json()> expected;
};

class Translations : public testing::TestWithParam<Translation> {};

TEST_P(Translations, GiveWhatTheLibraryGives) {
  const http::Response response = routes().call("POST", GetParam().target, GetParam().body);
  ASSERT_EQ(response.status, 200) << response.body;
  const Json expected = GetParam().expected();
  Json given = Json::parse(response.body);
  if (std::string(GetParam().target) == "/infer") given["message"] = Json::parse(given["message"].get<std::string>());  // JSON in a text
  EXPECT_TRUE(same(given, expected)) << response.body << "\nexpected " << expected;
}

Json similarities() {
  const Json rows = embedded({texts[0], texts[1], texts[0]});
  const auto cosine = [&](const Json& a, const Json& b) {
    double sum = 0;
    double left = 0;
    double right = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      sum += a[i].get<double>() * b[i].get<double>();
      left += a[i].get<double>() * a[i].get<double>();
      right += b[i].get<double>() * b[i].get<double>();
    }
    return static_cast<float>(sum / std::sqrt(left * right));
  };
  return {cosine(rows[0], rows[1]), cosine(rows[0], rows[2])};
}

Json ranked(const char* score_name, bool with_text) {
  const std::vector<std::string> documents{"boats", "Ada Lovelace wrote the program."};
  Json list = Json::array();
  for (const RankedDocument& each : model_of("judge").rank("Ada Lovelace", documents).documents) {
    list.push_back({{"index", each.index}, {score_name, each.score}});
    if (with_text) list.back()["text"] = documents[each.index];
  }
  return list;
}

Json named_entities() {
  Json list = Json::array();
  const std::vector<TaggedText> tagged = model_of("tags").tag(std::span(texts).first(1));
  for (const Entity& entity : tagged.front().entities)
    list.push_back({{"entity_group", entity.label},
                    {"score", entity.score},
                    {"word", entity.text},
                    {"start", entity.span.begin},
                    {"end", entity.span.end}});
  return list;
}

Json filled_masks() {
  Json list = Json::array();
  const std::vector<std::string> text{"Ada wrote the [MASK] ."};
  const std::vector<FilledMasks> filled = model_of("masks").fill_mask(text, {.top_k = 2});
  for (const MaskCandidate& each : filled.front().masks.front())
    list.push_back(
        {{"score", each.score}, {"token", each.token_id}, {"token_str", each.token}, {"sequence", "Ada wrote the " + each.token + " ."}});
  return list;
}

Json best_answer() {
  const Answer best =
      model_of("asks").answer(std::vector<Question>{{.question = "a boat", .context = "a ferry leaves the harbour"}}).front();
  return {{"answer", best.text}, {"score", best.score}, {"start", best.span.begin}, {"end", best.span.end}};
}

Json zero_shot(const char* first, const char* second, bool multi_label) {
  const ZeroShotOptions options{.labels = {first, second}, .multi_label = multi_label};
  return labels_of(model_of("entails").classify_zero_shot(std::span(texts).first(1), options).front());
}

/// {"message": TEXT}, as the framework answers.
Json message(const Json& json) { return {{"message", json}}; }

INSTANTIATE_TEST_SUITE_P(
    TextEmbeddingsInference, Translations,
    testing::Values(
        Translation{"Embed", "/embed?model=mean", R"({"inputs":["Ada Lovelace wrote the program.","boats",""],"normalize":false})",
                    [] { return embedded(texts); }},
        Translation{"EmbedOne", "/tei/mean/embed", R"({"inputs":"boats","normalize":false,"truncate":null})",
                    [] { return embedded({"boats"}); }},
        Translation{"EmbedFewDimensions", "/tei/mean/embed", R"({"inputs":"boats","normalize":false,"dimensions":4})",
                    [] { return rows_of(model_of("mean").embed(std::vector<std::string>{"boats"}, {.dimensions = 4}).vectors); }},
        Translation{"PredictOne", "/tei/labels/predict", R"({"inputs":"boats"})", [] { return classified({{.text = "boats"}}, false); }},
        Translation{"PredictAPair", "/tei/labels/predict", R"({"inputs":["boats","a b"]})",
                    [] { return classified({{.text = "boats", .pair = "a b"}}, false); }},
        Translation{"PredictABatch", "/tei/labels/predict", R"({"inputs":[["boats"],["a","b"]]})",
                    [] { return classified({{.text = "boats"}, {.text = "a", .pair = "b"}}, true); }},
        Translation{"Rerank", "/tei/judge/rerank",
                    R"({"query":"Ada Lovelace","texts":["boats","Ada Lovelace wrote the program."],"return_text":true})",
                    [] { return ranked("score", true); }},
        Translation{"RerankWithoutTexts", "/rerank?model=judge",
                    R"({"model":"judge","query":"Ada Lovelace","texts":["boats","Ada Lovelace wrote the program."]})",
                    [] { return ranked("score", false); }},
        Translation{
            "Similarity", "/tei/mean/similarity",
            R"({"inputs":{"source_sentence":"Ada Lovelace wrote the program.","sentences":["boats","Ada Lovelace wrote the program."]}})",
            similarities},
        Translation{"Decode", "/tei/mean/decode", R"({"ids":[[]]})", [] { return Json::array({""}); }}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    HuggingFace, Translations,
    testing::Values(
        Translation{"FeatureExtraction", "/hf/mean", R"({"inputs":"boats"})", [] { return embedded({"boats"}); }},
        Translation{"FeatureExtractionOfMany", "/hf/org%2Fmean", R"({"inputs":["boats",""],"truncate":true})",
                    [] { return embedded({"boats", ""}); }},
        Translation{
            "SentenceSimilarity", "/hf/mean",
            R"({"inputs":{"source_sentence":"Ada Lovelace wrote the program.","sentences":["boats","Ada Lovelace wrote the program."]},"parameters":{}})",
            similarities},
        Translation{"TextClassification", "/hf/labels", R"({"inputs":"boats","parameters":{}})",
                    [] { return classified({{.text = "boats"}}, true); }},
        Translation{"TextClassificationTopOne", "/hf/labels", R"({"inputs":["boats"],"parameters":{"top_k":1}})",
                    [] {
                      const std::vector<TextInput> input{{.text = "boats"}};
                      return Json::array({labels_of(model_of("labels").classify(input, {.top_k = 1}).front())});
                    }},
        Translation{"ZeroShot", "/hf/entails",
                    R"({"inputs":"Ada Lovelace wrote the program.","parameters":{"candidate_labels":["boat","love"],"multi_label":true}})",
                    [] { return zero_shot("boat", "love", true); }},
        Translation{"TokenClassification", "/hf/tags", R"({"inputs":"Ada Lovelace wrote the program.","parameters":{}})", named_entities},
        Translation{"FillMask", "/hf/masks", R"({"inputs":"Ada wrote the [MASK] .","parameters":{"top_k":2}})", filled_masks},
        Translation{"QuestionAnswering", "/hf/asks",
                    R"({"inputs":{"question":"a boat","context":"a ferry leaves the harbour"},"parameters":{}})", best_answer},
        Translation{"Ranking", "/hf/judge", R"({"inputs":{"query":"Ada Lovelace","texts":["boats","Ada Lovelace wrote the program."]}})",
                    [] { return ranked("score", false); }},
        Translation{"TextGeneration", "/hf/tale", R"({"inputs":"a boat","parameters":{"max_new_tokens":5}})",
                    [] { return Json::array({{{"generated_text", continued("a boat", 5)}}}); }},
        Translation{"TextGenerationInFull", "/hf/tale", R"({"inputs":"a boat","parameters":{"max_new_tokens":5,"return_full_text":true}})",
                    [] { return Json::array({{{"generated_text", "a boat" + continued("a boat", 5)}}}); }}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(Framework, Translations,
                         testing::Values(Translation{"Infer", "/infer", R"({"models":["mean"],"batch_data":["boats",""]})",
                                                     [] { return message(Json{{"infer", embedded({"boats", ""})}}); }},
                                         Translation{"InferOfOneName", "/infer", R"({"models":"tale","batch_data":"a boat"})",
                                                     [] {
                                                       const GenerateResult result =
                                                           LanguageModel::load(decoder_folder(), exactly()).generate(Prompt("a boat"));
                                                       return message(Json{{"infer", Json::array({{{"generated_text", result.text()},
                                                                                                   {"finish_reason", "length"}}})}});
                                                     }}),
                         [](const auto& test) { return test.param.name; });

// The Open Inference Protocol.

Json tensor(const char* name, const char* type, const std::vector<std::int64_t>& shape, const Json& data) {
  return {{"name", name}, {"datatype", type}, {"shape", shape}, {"data", data}};
}

Json outputs(const char* model, const Json& list) { return {{"model_name", model}, {"model_version", "1"}, {"outputs", list}}; }

Json flat(const Json& rows) {
  Json all = Json::array();
  for (const Json& row : rows)
    for (const Json& each : row) all.push_back(each);
  return all;
}

std::string infer_body(const Json& inputs) { return Json{{"inputs", inputs}}.dump(); }

INSTANTIATE_TEST_SUITE_P(
    OpenInferenceProtocol, Translations,
    testing::Values(
        Translation{"Embed", "/v2/models/mean/infer", infer_body(Json::array({tensor("text", "BYTES", {2}, {"boats", ""})})),
                    [] { return outputs("mean", Json::array({tensor("embedding", "FP32", {2, 12}, flat(embedded({"boats", ""})))})); }},
        Translation{"EmbedOfAVersion", "/v2/models/mean/versions/1/infer",
                    infer_body(Json::array({tensor("text", "BYTES", {1, 1}, Json::array({Json::array({"boats"})}))})),
                    [] { return outputs("mean", Json::array({tensor("embedding", "FP32", {1, 12}, flat(embedded({"boats"})))})); }},
        Translation{"Tokens", "/v2/models/labels/infer", infer_body(Json::array({tensor("input_ids", "INT64", {1, 3}, {5, 6, 7})})),
                    [] {
                      const std::vector<std::int64_t> ids{5, 6, 7};
                      const ForwardResult result = model_of("labels").forward({{"input_ids", Tensor::from<std::int64_t>(ids, {1, 3})}});
                      const std::span<const float> logits = result.outputs.at("logits").values<float>();
                      return outputs("labels",
                                     Json::array({tensor("logits", "FP32", {1, 3}, std::vector<float>(logits.begin(), logits.end()))}));
                    }},
        Translation{"Labels", "/v2/models/labels/infer", infer_body(Json::array({tensor("text", "BYTES", {1}, {"boats"})})),
                    [] {
                      Json names = Json::array();
                      Json scores = Json::array();
                      for (const Json& each : classified({{.text = "boats"}}, false))
                        names.push_back(each["label"]), scores.push_back(each["score"]);
                      return outputs("labels", {tensor("label", "BYTES", {1, 3}, names), tensor("score", "FP32", {1, 3}, scores)});
                    }},
        Translation{"Scores", "/v2/models/judge/infer",
                    infer_body({tensor("query", "BYTES", {1}, {"Ada Lovelace"}),
                                tensor("text", "BYTES", {2}, {"boats", "Ada Lovelace wrote the program."})}),
                    [] {
                      std::vector<float> scores(2);
                      for (const Json& each : ranked("score", false)) scores[each["index"].get<std::size_t>()] = each["score"].get<float>();
                      return outputs("judge", Json::array({tensor("score", "FP32", {2}, scores)}));
                    }},
        Translation{"Generate", "/v2/models/tale/generate", R"({"text_input":"a boat","parameters":{"max_tokens":5}})",
                    [] { return Json{{"model_name", "tale"}, {"model_version", "1"}, {"text_output", continued("a boat", 5)}}; }},
        Translation{"Unload", "/v2/repository/models/tags/unload", R"({"parameters":{"unload_dependents":false}})",
                    [] { return Json::object(); }},
        Translation{"Load", "/v2/repository/models/tags/load", "", [] { return Json::object(); }}),
    [](const auto& test) { return test.param.name; });

TEST(OpenInferenceProtocol, TellsOfServerAndModels) {
  RoutesInProcess all;
  EXPECT_EQ(all.call("GET", "/v2/health/live").status, 200);
  EXPECT_EQ(all.call("GET", "/v2/health/ready").body, "");
  EXPECT_EQ(Json::parse(all.call("GET", "/v2").body)["name"], "ipfs_accelerate");
  EXPECT_EQ(all.call("GET", "/v2/models/mean/ready").status, 200);
  const Json before = Json::parse(all.call("POST", "/v2/repository/index").body);
  EXPECT_EQ(before.size(), 8U);
  EXPECT_EQ(before[0]["state"], "UNAVAILABLE");
  EXPECT_EQ(all.call("POST", "/v2/repository/index", R"({"ready":true})").body, "[]");
  EXPECT_EQ(all.call("POST", "/v2/repository/models/mean/load", "{}").body, "{}");
  EXPECT_EQ(Json::parse(all.call("POST", "/v2/repository/index", R"({"ready":true})").body)[0]["name"], "mean");
  const Json metadata = Json::parse(all.call("GET", "/v2/models/mean").body);
  EXPECT_EQ(metadata["inputs"][0]["datatype"], "BYTES");
  EXPECT_EQ(metadata["outputs"][0]["shape"], Json({-1, 12}));
  EXPECT_EQ(Json::parse(all.call("GET", "/v2/models/judge/config").body)["input"][0]["data_type"], "TYPE_STRING");
  ASSERT_EQ(all.call("POST", "/v2/models/mean/infer", infer_body(Json::array({tensor("text", "BYTES", {2}, {"a", "b"})}))).status, 200);
  const Json statistics = Json::parse(all.call("GET", "/v2/models/mean/stats").body)["model_stats"][0];
  EXPECT_EQ(statistics["inference_count"], 2);
  EXPECT_EQ(statistics["inference_stats"]["success"]["count"], 1);
  EXPECT_EQ(Json::parse(all.call("GET", "/v2/models/stats").body)["model_stats"].size(), 8U);
}

TEST(OpenInferenceProtocol, TakesAndGivesBytes) {
  const std::string json =
      R"({"id":"7","parameters":{"binary_data_output":true},"inputs":[{"name":"text","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":13}}]})";
  const std::string body = json + std::string("\x05\0\0\0boats\0\0\0\0", 13);
  const http::Response response =
      routes().call("POST", "/v2/models/mean/infer", body, "Inference-Header-Content-Length: " + std::to_string(json.size()) + "\r\n");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.content_type, "application/octet-stream");
  const std::size_t length = std::stoul(*response.fields.find("inference-header-content-length"));
  EXPECT_EQ(Json::parse(response.body.substr(0, length))["outputs"][0]["parameters"]["binary_data_size"], 2 * 12 * 4);
  const Tensor expected = model_of("mean").embed(std::vector<std::string>{"boats", ""}).vectors;
  ASSERT_EQ(response.body.size() - length, expected.byte_size());
  EXPECT_EQ(std::memcmp(response.body.data() + length, expected.bytes().data(), expected.byte_size()), 0);
}

TEST(OpenInferenceProtocol, StreamsWhatItGenerates) {
  const http::Response response =
      routes().call("POST", "/v2/models/tale/generate_stream", R"({"text_input":"a boat","parameters":{"max_tokens":5}})");
  std::string text;
  for (std::size_t at = response.body.find("data: "); at != std::string::npos; at = response.body.find("data: ", at + 1))
    text += Json::parse(response.body.substr(at + 6, response.body.find("\n\n", at) - at - 6))["text_output"].get<std::string>();
  EXPECT_EQ(text, continued("a boat", 5));
}

// What is refused, each in its dialect's own body.

struct Refusal {
  const char* name;
  const char* method;
  const char* target;
  std::string body;
  int status;
  std::string message;
};

class Refusals : public testing::TestWithParam<Refusal> {};

TEST_P(Refusals, AreSaidAsTheDialectSaysThem) {
  const Refusal& refusal = GetParam();
  const http::Response response = routes().call(refusal.method, refusal.target, refusal.body);
  EXPECT_EQ(response.status, refusal.status) << response.body;
  const Json json = Json::parse(response.body);
  const std::string target = refusal.target;
  const bool is_openai = target.starts_with("/v1/") || target.starts_with("/embeddings");
  const Json& error = is_openai ? json["error"]["message"] : json["error"];
  ASSERT_TRUE(error.is_string()) << response.body;
  EXPECT_NE(error.get<std::string>().find(refusal.message), std::string::npos) << error << "\nlacks " << refusal.message;
  EXPECT_EQ(error.get<std::string>().find('\n'), std::string::npos) << error;
  EXPECT_EQ(json.contains("error_type"), target.starts_with("/tei/") || target.starts_with("/embed?")) << response.body;
}

INSTANTIATE_TEST_SUITE_P(
    Dialects, Refusals,
    testing::Values(
        Refusal{"KserveModel", "POST", "/v2/models/none/infer", R"({"inputs":[]})", 404, "model 'none' not found"},
        Refusal{"KserveVersion", "GET", "/v2/models/mean/versions/2", "", 404, "has no version '2', only 1"},
        Refusal{"KserveInput", "POST", "/v2/models/mean/infer", R"({"inputs":[{"name":"x","datatype":"BYTES","shape":[1],"data":["a"]}]})",
                400, "input 'text' is missing"},
        Refusal{"KserveType", "POST", "/v2/models/mean/infer", R"({"inputs":[{"name":"text","datatype":"INT8","shape":[1],"data":[1]}]})",
                400, "input 'text' is INT8, expected BYTES"},
        Refusal{"KserveOutput", "POST", "/v2/models/mean/infer",
                R"({"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":["a"]}],"outputs":[{"name":"x"}]})", 400,
                "output 'x' is not one of embedding"},
        Refusal{"KserveTokens", "POST", "/v2/models/labels/infer",
                R"({"inputs":[{"name":"input_ids","datatype":"INT64","shape":[1,1],"data":[99999]}]})", 400, "99999"},
        Refusal{"KserveJson", "POST", "/v2/models/mean/infer", "{", 400, "the body"},
        Refusal{"KservePath", "GET", "/v2/nothing", "", 404, "/v2/nothing"},
        Refusal{"KserveConfig", "POST", "/v2/repository/models/mean/load", R"({"parameters":{"config":"{}"}})", 400, "parameters.config"},
        Refusal{"KserveGenerate", "POST", "/v2/models/mean/generate", R"({"text_input":"a"})", 400, "generate"},
        Refusal{"TeiNoTexts", "POST", "/tei/mean/embed", R"({"inputs":[]})", 400, "inputs is empty"},
        Refusal{"TeiIds", "POST", "/tei/mean/embed", R"({"inputs":[1,2]})", 422, "inputs is [1,2], expected a text"},
        Refusal{"TeiSeveral", "POST", "/embed?x=1", R"({"inputs":"a"})", 422, "mean"},
        Refusal{"TeiTask", "POST", "/tei/mean/predict", R"({"inputs":"a"})", 422, "classify"},
        Refusal{"TeiRawScores", "POST", "/tei/judge/rerank", R"({"query":"a","texts":["b"],"raw_scores":true})", 422, "raw_scores is true"},
        Refusal{"TeiDirection", "POST", "/tei/mean/embed", R"({"inputs":"a","truncation_direction":"Left"})", 422,
                "truncation_direction is 'Left'"},
        Refusal{"TeiDimensions", "POST", "/tei/mean/embed", R"({"inputs":"a","dimensions":1000})", 422, "1000"},
        Refusal{"TeiTooLong", "POST", "/tei/mean/embed",
                Json{{"inputs",
                      std::string(2000, 'a') +
                          " a b c d e a b c d e a b c d e a b c d e a b c d e a b c d e a b c d e a b c d e a b c d e a b c d e a b c d e"},
                     {"truncate", false}}
                    .dump(),
                422, "tokens"},
        Refusal{"TeiModel", "POST", "/tei/none/embed", R"({"inputs":"a"})", 404, "model 'none' not found"},
        Refusal{"HfModel", "POST", "/hf/none", R"({"inputs":"a"})", 404, "model 'none' not found"},
        Refusal{"HfInputs", "POST", "/hf/labels", R"({"inputs":7})", 400, "inputs is 7, expected a text"},
        Refusal{"HfLabels", "POST", "/hf/entails", R"({"inputs":"a","parameters":{"candidate_labels":[]}})", 400, "labels"},
        Refusal{"HfQuestion", "POST", "/hf/asks", R"({"inputs":"a"})", 400, "question and context"},
        Refusal{"HfMask", "POST", "/hf/masks", R"({"inputs":"no such word"})", 400, "[MASK]"},
        Refusal{"HfStrategy", "POST", "/hf/tags", R"({"inputs":"a","parameters":{"aggregation_strategy":"best"}})", 400, "best"},
        Refusal{"HfStream", "POST", "/hf/tale", R"({"inputs":"a","stream":true})", 400, "stream is true"},
        Refusal{"FrameworkModel", "POST", "/infer", R"({"models":["none"],"batch_data":["a"]})", 404, "none"},
        Refusal{"FrameworkData", "POST", "/infer", R"({"models":["mean"],"batch_data":[]})", 400, "batch_data is empty"},
        Refusal{"FrameworkRemote", "POST", "/init", R"({"resources":{"tei_endpoints":[["a","http://x",1]]}})", 400, "tei_endpoints"},
        Refusal{"FrameworkTriple", "POST", "/add_endpoint", R"({"model":"m","endpoint":["m"]})", 400, "endpoint is [\"m\"]"},
        Refusal{"FrameworkFolder", "POST", "/add_endpoint",
                R"({"model":"/nowhere","endpoint_type":"local_endpoints","endpoint":["/nowhere","cpu","512"]})", 404, "/nowhere"},
        Refusal{"FrameworkDevice", "POST", "/add_endpoint", R"({"endpoint":["/nowhere","cpu:1","512"]})", 400,
                "'cpu:1' names a device by number"},
        Refusal{"FrameworkGone", "POST", "/rm_endpoint", R"({"model":"none"})", 404, "none"}),
    [](const auto& test) { return test.param.name; });

// The framework's verbs.

TEST(Framework, AddsAsksAndRemoves) {
  RoutesInProcess all;
  const std::string folder = all.endpoints().get("mean").status().folder;
  const std::string added = Json{{"model", folder}, {"endpoint_type", "local_endpoints"}, {"endpoint", {folder, "cpu:0", "512"}}}.dump();
  EXPECT_EQ(Json::parse(all.call("POST", "/add_endpoint", added).body)["message"]["added"], folder + "@cpu:0");
  EXPECT_EQ(all.call("POST", "/add_endpoint", added).status, 400);
  const Json started = Json::parse(
      all.call("POST", "/init", Json{{"models", {folder}}, {"resources", {{"local_endpoints", {{folder, "cpu:0", "512"}}}}}}.dump())
          .body)["message"];
  EXPECT_EQ(started["endpoints"][folder]["cpu:0"], "ready");
  EXPECT_EQ(started["hwtest"]["cpu"], true);
  EXPECT_EQ(started["hwtest"]["webnn"], false);
  EXPECT_TRUE(started["batch_sizes"][folder]["cpu:0"].is_null());
  EXPECT_EQ(all.call("POST", "/infer", Json{{"models", {folder}}, {"batch_data", {"boats"}}}.dump()).status, 200);
  EXPECT_EQ(Json::parse(all.call("POST", "/test", Json{{"models", {folder}}}.dump()).body)["message"], "test started in the background");
  const Json tested = Json::parse(all.call("POST", "/status", Json{{"models", {folder}}}.dump()).body)["message"];
  EXPECT_GE(tested["batch_sizes"][folder]["cpu:0"].get<int>(), 1);
  EXPECT_EQ(Json::parse(
                all.call("POST", "/rm_endpoint", Json{{"model", folder}, {"endpoint_type", "local_endpoints"}, {"backend", "cpu:0"}}.dump())
                    .body)["message"]["removed"],
            folder + "@cpu:0");
  EXPECT_EQ(all.endpoints().list().size(), 8U);
}

TEST(Framework, QueuesEachItemOnceByItsContent) {
  RoutesInProcess all;
  for (const std::size_t count : {1, 2, 64, 65, 200}) {
    Json data = Json::array();
    for (std::size_t i = 0; i < count; ++i) data.push_back("boat " + std::to_string(i));
    data.push_back("boat 0");
    const http::Response response = all.call("POST", "/queue", Json{{"models", {"mean"}}, {"batch_data", data}}.dump());
    ASSERT_EQ(response.status, 200) << response.body;
    const Json results = Json::parse(Json::parse(response.body)["message"].get<std::string>());
    ASSERT_EQ(results.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string id = content_id(data[i].get<std::string>());
      ASSERT_TRUE(results[i].contains(id)) << i;
    }
    EXPECT_TRUE(same(results[0][content_id("boat 0")], embedded({"boat 0"})[0]));
  }
}

TEST(Framework, KeepsWhatWasComputedForAClientThatLeft) {
  RoutesInProcess all;
  const std::string body = R"({"models":["mean"],"batch_data":["boats"]})";
  {
    const Held held(all.endpoints().get("mean"));
    all.leave("/queue", body);
  }
  EXPECT_TRUE(all.endpoints().drain("mean", std::chrono::seconds(60)));
  // The endpoint takes no more requests: the kept result answers, once it is there.
  Json result;
  for (int i = 0; i < 2000 && !result.is_array(); ++i) {
    const http::Response response = all.call("POST", "/queue", body);
    ASSERT_EQ(response.status, 200) << response.body;
    result = Json::parse(Json::parse(response.body)["message"].get<std::string>())[0][content_id("boats")];
    if (!result.is_array()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_TRUE(same(result, embedded({"boats"})[0])) << result;
}

// Who may ask.

TEST(Access, EveryRouteAsksForTheKeyButHealthAndThePage) {
  RoutesInProcess all({.keys = http::KeyRing({"user-key"}), .admin_keys = http::KeyRing({"admin-key"})});
  const std::set<std::string_view> open{"/health", "/", "/page.css", "/page.js"};
  EXPECT_GE(all.site().router.routes().size(), 80U);
  for (const http::Route& route : all.site().router.routes()) {
    std::string target(route.pattern);
    for (std::size_t begin = target.find('{'); begin != std::string::npos; begin = target.find('{'))
      target.replace(begin, target.find('}') + 1 - begin, "x");
    EXPECT_EQ(route.access == http::Access::open, open.contains(route.pattern)) << target;
    if (route.access == http::Access::open) continue;
    for (const char* fields : {"", "Authorization: Bearer wrong\r\n", "Authorization: Basic dXNlci1rZXk=\r\n", "X-Api-Key: user-ke\r\n"})
      EXPECT_EQ(all.call(route.method, target, "", fields).status, 401) << route.method << " " << target << " " << fields;
    if (route.access != http::Access::admin) continue;
    EXPECT_EQ(all.call(route.method, target, "", "Authorization: Bearer user-key\r\n").status, 403) << target;
  }
}

TEST(Access, ThePageHoldsNothingOfThisServer) {
  RoutesInProcess all({.keys = http::KeyRing({"user-key"})});
  for (const char* path : {"/", "/page.css", "/page.js"}) {
    const http::Response response = all.call("GET", path);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body.find("embed_mean"), std::string::npos);
    EXPECT_NE(response.fields.find("content-security-policy"), nullptr);
  }
}

TEST(Access, OnlyTheAdminGoesFirst) {
  RoutesInProcess all({.keys = http::KeyRing({"user-key"}), .admin_keys = http::KeyRing({"admin-key"})});
  struct Case {
    const char* key;
    const char* priority;
    int status;
  };
  for (const Case& each : {Case{"user-key", "high", 403}, Case{"user-key", "normal", 200}, Case{"user-key", "low", 200},
                           Case{"admin-key", "high", 200}, Case{"user-key", "urgent", 422}}) {
    const std::string fields = std::string("Authorization: Bearer ") + each.key + "\r\nX-Priority: " + each.priority + "\r\n";
    EXPECT_EQ(all.call("POST", "/tei/mean/embed", R"({"inputs":"a"})", fields).status, each.status) << each.key << " " << each.priority;
  }
  for (const auto& [key, status] : {std::pair{"user-key", 403}, std::pair{"admin-key", 200}})
    EXPECT_EQ(all.call("POST", "/v2/models/mean/infer",
                       R"({"parameters":{"priority":1},"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":["a"]}]})",
                       std::string("Authorization: Bearer ") + key + "\r\n")
                  .status,
              status);
  EXPECT_EQ(routes().call("POST", "/tei/mean/embed", R"({"inputs":"a"})", "X-Priority: high\r\n").status, 200)
      << "where no key is asked for";
}

}  // namespace
}  // namespace accelerate
