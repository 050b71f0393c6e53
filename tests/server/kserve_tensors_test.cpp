// Requests and answers of the Open Inference Protocol, as bytes.
#include "server/kserve/tensors.h"

#include <gtest/gtest.h>

#include <cstring>

#include "server/http/error.h"

namespace accelerate::server::kserve {
namespace {

/// The message of what a body is refused for.
std::string refusal(std::string_view body, std::optional<std::size_t> json_bytes = std::nullopt) {
  try {
    parse_infer(body, json_bytes);
  } catch (const http::HttpError& error) {
    EXPECT_EQ(error.status(), 400) << error.what();
    return error.what();
  }
  return "accepted";
}

TEST(KserveTensors, ReadsJsonNestedOrFlat) {
  for (const char* data : {"[[1,2,3],[4,5,6]]", "[1,2,3,4,5,6]"}) {
    const InferRequest request = parse_infer(std::string(R"({"id":"7","parameters":{"priority":1,"timeout":5000,"binary_data_output":true},
                        "inputs":[{"name":"input_ids","shape":[2,3],"datatype":"INT64","data":)") +
                                                 data + R"(}],"outputs":[{"name":"x","parameters":{"binary_data":false}}]})",
                                             std::nullopt);
    EXPECT_EQ(request.id, "7");
    EXPECT_EQ(request.priority, 1);
    EXPECT_EQ(request.timeout_microseconds, 5000);
    EXPECT_TRUE(request.binary);
    EXPECT_EQ(request.outputs.at(0).binary, false);
    const NamedTensor& input = request.inputs.at(0);
    EXPECT_EQ(input.shape, (std::vector<std::int64_t>{2, 3}));
    EXPECT_EQ(input.datatype(), "INT64");
    EXPECT_EQ(input.numbers.values<std::int64_t>()[5], 6);
  }
  const InferRequest texts = parse_infer(R"({"inputs":[{"name":"text","shape":[2],"datatype":"BYTES","data":["a","é"]}]})", std::nullopt);
  EXPECT_EQ(texts.inputs.at(0).texts, (std::vector<std::string>{"a", "é"}));
}

TEST(KserveTensors, ReadsBytesBehindTheJson) {
  const std::string json = R"({"inputs":[{"name":"text","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":11}},
                                         {"name":"x","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8}}]})";
  std::string body = json + std::string("\x02\0\0\0ab\x01\0\0\0c", 11);
  const float numbers[] = {0.5F, -2};
  body.append(reinterpret_cast<const char*>(numbers), sizeof numbers);
  const InferRequest request = parse_infer(body, json.size());
  EXPECT_EQ(request.inputs.at(0).texts, (std::vector<std::string>{"ab", "c"}));
  EXPECT_EQ(request.inputs.at(1).numbers.values<float>()[1], -2);
  EXPECT_NE(refusal(body + "x", json.size()).find("1 bytes more than its inputs"), std::string::npos);
  EXPECT_NE(refusal(body.substr(0, body.size() - 1), json.size()).find("7 bytes are left"), std::string::npos);
  EXPECT_NE(refusal(body, body.size() + 1).find("Inference-Header-Content-Length"), std::string::npos);
}

TEST(KserveTensors, RefusesWhatDoesNotAddUp) {
  const struct {
    const char* input;
    const char* reason;
  } cases[] = {
      {R"({"shape":[1],"datatype":"INT64","data":[1]})", "inputs[0].name is missing"},
      {R"({"name":"x","datatype":"INT64","data":[1]})", "inputs[0].shape is missing"},
      {R"({"name":"x","shape":[-1],"datatype":"INT64","data":[1]})", "inputs[0].shape is [-1]"},
      {R"({"name":"x","shape":[1.5],"datatype":"INT64","data":[1]})", "inputs[0].shape is [1.5]"},
      {R"({"name":"x","shape":[4294967296,4294967296,2],"datatype":"INT64","data":[1]})", "expected fewer elements"},
      {R"({"name":"x","shape":[2],"datatype":"INT64","data":[1]})", "has 1 elements, expected 2"},
      {R"({"name":"x","shape":[1],"datatype":"INT64","data":[1,2]})", "expected 1 elements, as the shape says"},
      {R"({"name":"x","shape":[1],"datatype":"INT64"})", "inputs[0].data is missing"},
      {R"({"name":"x","shape":[1],"datatype":"INT64","data":["a"]})", "whole numbers that the datatype holds"},
      {R"({"name":"x","shape":[1],"datatype":"INT8","data":[128]})", "whole numbers that the datatype holds"},
      {R"({"name":"x","shape":[1],"datatype":"UINT8","data":[-1]})", "whole numbers that the datatype holds"},
      {R"({"name":"x","shape":[1],"datatype":"BOOL","data":[1]})", "booleans"},
      {R"({"name":"x","shape":[1],"datatype":"FP32","data":["a"]})", "numbers, as the datatype says"},
      {R"({"name":"x","shape":[1],"datatype":"FP16","data":[1]})", "FP16 and BF16 come as bytes"},
      {R"({"name":"x","shape":[1],"datatype":"INT4","data":[1]})", "expected BYTES, BOOL"},
      {R"({"name":"x","shape":[1],"datatype":"BYTES","data":[1]})", "texts, as the datatype BYTES says"},
      {R"({"name":"x","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4}})", "0 bytes are left"},
      {R"({"name":"x","shape":[1],"datatype":"FP32","parameters":{"shared_memory_region":"r"}})", "shared memory is not offered"},
  };
  for (const auto& each : cases) {
    const std::string message = refusal(std::string(R"({"inputs":[)") + each.input + "]}");
    EXPECT_NE(message.find(each.reason), std::string::npos) << each.input << "\n" << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
  EXPECT_NE(refusal("{}").find("inputs is missing"), std::string::npos);
  EXPECT_NE(refusal("[]").find("expected a JSON object"), std::string::npos);
  EXPECT_NE(refusal("").find("the body"), std::string::npos);
  const std::string bytes = R"({"inputs":[{"name":"t","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":6}}]})";
  EXPECT_NE(refusal(bytes + std::string("\xff\xff\xff\xff"
                                        "ab",
                                        6),
                    bytes.size())
                .find("and 2 are left"),
            std::string::npos);
  EXPECT_NE(refusal(bytes + std::string("\x00\x00\x00\x00\x01\x00", 6), bytes.size()).find("end within the length of element 1"),
            std::string::npos);
}

TEST(KserveTensors, WritesJsonAndBytes) {
  const std::vector<float> values{0.5F, 1};
  const std::vector<NamedTensor> outputs{{.name = "e", .shape = {1, 2}, .numbers = Tensor::from<float>(values, {1, 2})},
                                         {.name = "t", .shape = {1}, .texts = {"é"}, .is_text = true}};
  const InferResponse json = infer_response({.id = "7", .inputs = {}}, "m", outputs);
  EXPECT_FALSE(json.json_bytes);
  EXPECT_EQ(json.body,
            R"({"model_name":"m","model_version":"1","id":"7","outputs":[{"name":"e","datatype":"FP32","shape":[1,2],"data":[0.5,1]},)"
            R"({"name":"t","datatype":"BYTES","shape":[1],"data":["é"]}]})");
  const InferResponse bytes =
      infer_response({.inputs = {}, .outputs = {{.name = "t"}, {.name = "e", .binary = false}}, .binary = true}, "m", outputs);
  ASSERT_TRUE(bytes.json_bytes);
  EXPECT_EQ(bytes.body.substr(*bytes.json_bytes), std::string("\x02\0\0\0é", 6));
  EXPECT_NE(bytes.body.find(R"("parameters":{"binary_data_size":6})"), std::string::npos);
  EXPECT_NE(bytes.body.find(R"("data":[0.5,1])"), std::string::npos);
  EXPECT_THROW(infer_response({.inputs = {}, .outputs = {{.name = "other"}}}, "m", outputs), http::HttpError);
}

}  // namespace
}  // namespace accelerate::server::kserve
