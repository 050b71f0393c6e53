// JSON schemas of requests and answers, for /openapi.json. What a schema leaves out is ignored where it comes.
#pragma once

#include <string_view>

namespace accelerate::server::openai::schemas {

inline constexpr std::string_view model = R"({"type":"object","required":["id","object","created","owned_by"],"properties":{
"id":{"type":"string"},"object":{"const":"model"},"created":{"type":"integer"},"owned_by":{"type":"string"}}})";

inline constexpr std::string_view models = R"({"type":"object","required":["object","data"],"properties":{
"object":{"const":"list"},"data":{"type":"array","items":{"type":"object","required":["id","object"]}}}})";

inline constexpr std::string_view embeddings_request = R"({"type":"object","required":["model","input"],"properties":{
"model":{"type":"string"},
"input":{"oneOf":[{"type":"string"},{"type":"array","items":{"type":"string"},"minItems":1}]},
"encoding_format":{"enum":["float","base64"]},
"dimensions":{"type":"integer","minimum":1},
"truncate":{"type":"boolean"},
"prompt_name":{"type":"string"},
"user":{"type":"string"}}})";

inline constexpr std::string_view embeddings = R"({"type":"object","required":["object","data","model","usage"],"properties":{
"object":{"const":"list"},"model":{"type":"string"},
"data":{"type":"array","items":{"type":"object","required":["object","index","embedding"],"properties":{
"object":{"const":"embedding"},"index":{"type":"integer"},"embedding":{"type":["array","string"]}}}},
"usage":{"type":"object","required":["prompt_tokens","total_tokens"]}}})";

inline constexpr std::string_view completions_request = R"({"type":"object","required":["model","prompt"],"properties":{
"model":{"type":"string"},
"prompt":{"oneOf":[{"type":"string"},{"type":"array","items":{"type":"string"},"minItems":1,"maxItems":4}]},
"max_tokens":{"type":"integer","minimum":0,"maximum":64},
"temperature":{"type":"number","minimum":0,"maximum":2},
"top_p":{"type":"number","minimum":0,"maximum":1},
"n":{"type":"integer","minimum":1,"maximum":4},
"stream":{"type":"boolean"},
"logprobs":{"type":"integer","minimum":0,"maximum":20},
"stop":{"oneOf":[{"type":"string","minLength":1},{"type":"array","items":{"type":"string","minLength":1}}]},
"seed":{"type":"integer","minimum":0,"maximum":1000000}}})";

inline constexpr std::string_view chat_request = R"({"type":"object","required":["model","messages"],"properties":{
"model":{"type":"string"},
"messages":{"type":"array","minItems":1,"maxItems":8,"items":{"type":"object","required":["role","content"],"properties":{
"role":{"enum":["system","user","assistant"]},"content":{"type":"string"}}}},
"max_completion_tokens":{"type":"integer","minimum":1,"maximum":64},
"temperature":{"type":"number","minimum":0,"maximum":2},
"top_p":{"type":"number","minimum":0,"maximum":1},
"n":{"type":"integer","minimum":1,"maximum":4},
"stream":{"type":"boolean"},
"stream_options":{"type":"object","properties":{"include_usage":{"type":"boolean"}}},
"logprobs":{"type":"boolean"},
"top_logprobs":{"type":"integer","minimum":0,"maximum":20},
"stop":{"oneOf":[{"type":"string","minLength":1},{"type":"array","items":{"type":"string","minLength":1}}]},
"seed":{"type":"integer","minimum":0,"maximum":1000000}}})";

}  // namespace accelerate::server::openai::schemas
