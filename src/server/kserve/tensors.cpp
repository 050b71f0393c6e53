#include "server/kserve/tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "base/json.h"
#include "server/http/error.h"
#include "server/numbers.h"

namespace accelerate::server::kserve {
namespace {

using http::HttpError;

struct Datatype {
  std::string_view name;
  DType dtype;
};

constexpr std::array datatypes{Datatype{"BOOL", DType::boolean}, Datatype{"UINT8", DType::uint8},   Datatype{"INT8", DType::int8},
                               Datatype{"INT16", DType::int16},  Datatype{"INT32", DType::int32},   Datatype{"INT64", DType::int64},
                               Datatype{"FP16", DType::float16}, Datatype{"BF16", DType::bfloat16}, Datatype{"FP32", DType::float32},
                               Datatype{"FP64", DType::float64}};

constexpr std::string_view bytes_datatype = "BYTES";

[[noreturn]] void refuse(const std::string& message) { throw HttpError(400, message, "invalid_tensor"); }

/// The shape of an input, and how many elements that is.
std::pair<std::vector<std::int64_t>, std::size_t> shape_of(const Body& input) {
  const OrderedJson* list = input.find("shape");
  constexpr const char* expected = "a list of sizes, whole numbers that are not negative";
  if (list == nullptr || !list->is_array()) input.refuse("shape", expected);
  std::vector<std::int64_t> shape;
  std::size_t elements = 1;
  for (const OrderedJson& size : *list) {
    if (!size.is_number_integer() || size.get<std::int64_t>() < 0) input.refuse("shape", expected);
    shape.push_back(size.get<std::int64_t>());
    if (__builtin_mul_overflow(elements, static_cast<std::size_t>(shape.back()), &elements)) input.refuse("shape", "fewer elements");
  }
  return {shape, elements};
}

/// Collects the elements of "data", nested or not. Throws where there are more than `most`.
void flatten(const OrderedJson& data, std::size_t most, std::vector<const OrderedJson*>& elements, const Body& input) {
  if (!data.is_array()) {
    elements.push_back(&data);
  } else {
    for (const OrderedJson& each : data) flatten(each, most, elements, input);
  }
  if (elements.size() > most) input.refuse("data", fmt::format("{} elements, as the shape says", most));
}

template <typename T>
T element_of(const OrderedJson& value, const Body& input) {
  if constexpr (std::is_same_v<T, bool>) {
    if (value.is_boolean()) return value.get<bool>();
    input.refuse("data", "booleans, as the datatype says");
  } else if constexpr (std::is_floating_point_v<T>) {
    if (value.is_number()) return value.get<T>();
    input.refuse("data", "numbers, as the datatype says");
  } else {
    const auto fits = [&](auto number) { return std::in_range<T>(number); };
    const bool ok =
        value.is_number_unsigned() ? fits(value.get<std::uint64_t>()) : value.is_number_integer() && fits(value.get<std::int64_t>());
    if (ok) return static_cast<T>(value.get<std::int64_t>());
    input.refuse("data", "whole numbers that the datatype holds");
  }
}

template <typename T>
Tensor numbers_of(std::span<const OrderedJson* const> elements, const std::vector<std::int64_t>& shape, const Body& input) {
  Tensor tensor = Tensor::zeros(DTypeOf<T>::value, shape);
  const std::span<T> values = tensor.mutable_values<T>();
  for (std::size_t i = 0; i < elements.size(); ++i) values[i] = element_of<T>(*elements[i], input);
  return tensor;
}

Tensor numbers_of(DType dtype, std::span<const OrderedJson* const> elements, const std::vector<std::int64_t>& shape, const Body& input) {
  switch (dtype) {
    case DType::boolean:
      return numbers_of<bool>(elements, shape, input);
    case DType::uint8:
      return numbers_of<std::uint8_t>(elements, shape, input);
    case DType::int8:
      return numbers_of<std::int8_t>(elements, shape, input);
    case DType::int16:
      return numbers_of<std::int16_t>(elements, shape, input);
    case DType::int32:
      return numbers_of<std::int32_t>(elements, shape, input);
    case DType::int64:
      return numbers_of<std::int64_t>(elements, shape, input);
    case DType::float32:
      return numbers_of<float>(elements, shape, input);
    case DType::float64:
      return numbers_of<double>(elements, shape, input);
    default:
      input.refuse("datatype", "one that JSON has numbers for: FP16 and BF16 come as bytes");
  }
}

/// The tensor that the client sends as JSON.
void read_json(const Body& input, const Datatype* datatype, std::size_t elements, NamedTensor& tensor) {
  const OrderedJson* data = input.find("data");
  if (data == nullptr) input.refuse("data", "the elements, or binary_data_size among the parameters");
  std::vector<const OrderedJson*> flat;
  flatten(*data, elements, flat, input);
  if (flat.size() != elements)
    refuse(fmt::format("{} has {} elements, expected {} as the shape says", input.path_of("data"), flat.size(), elements));
  if (datatype != nullptr) {
    tensor.numbers = numbers_of(datatype->dtype, flat, tensor.shape, input);
    return;
  }
  for (const OrderedJson* each : flat) {
    if (!each->is_string()) input.refuse("data", "texts, as the datatype BYTES says");
    tensor.texts.push_back(each->get<std::string>());
  }
}

/// BYTES: each a length in four bytes, and so many bytes.
std::vector<std::string> texts_of(std::string_view bytes, std::size_t elements, const Body& input) {
  std::vector<std::string> texts;
  while (!bytes.empty()) {
    std::uint32_t length = 0;
    if (bytes.size() < sizeof length)
      refuse(fmt::format("{}: its bytes end within the length of element {}", input.path_of("name"), texts.size()));
    std::memcpy(&length, bytes.data(), sizeof length);
    bytes.remove_prefix(sizeof length);
    if (length > bytes.size())
      refuse(fmt::format("{}: element {} has {} bytes, and {} are left", input.path_of("name"), texts.size(), length, bytes.size()));
    texts.emplace_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
    if (texts.size() > elements) break;
  }
  if (texts.size() != elements)
    refuse(fmt::format("{}: its bytes hold {} elements, expected {} as the shape says", input.path_of("name"), texts.size(), elements));
  return texts;
}

/// The tensor whose bytes stand behind the JSON; takes them off `rest`.
void read_bytes(const Body& input, std::size_t size, const Datatype* datatype, std::size_t elements, std::string_view& rest,
                NamedTensor& tensor) {
  if (size > rest.size())
    refuse(fmt::format("{}binary_data_size is {}, and {} bytes are left of the body", input.path_of("parameters."), size, rest.size()));
  const std::string_view own = rest.substr(0, size);
  rest.remove_prefix(size);
  if (datatype == nullptr) {
    tensor.texts = texts_of(own, elements, input);
    return;
  }
  const std::size_t expected = elements * size_of(datatype->dtype);
  if (elements > std::numeric_limits<std::size_t>::max() / size_of(datatype->dtype) || size != expected)
    refuse(fmt::format("{}binary_data_size is {}, expected {}: {} elements of {}", input.path_of("parameters."), size, expected, elements,
                       datatype->name));
  tensor.numbers = Tensor::zeros(datatype->dtype, tensor.shape);
  if (size > 0) std::memcpy(tensor.numbers.mutable_bytes().data(), own.data(), size);
}

NamedTensor input_of(const Body& input, std::string_view& rest) {
  NamedTensor tensor{.name = input.required_text("name"), .shape = {}};
  const std::string datatype_name = input.required_text("datatype");
  const auto datatype = std::ranges::find(datatypes, datatype_name, &Datatype::name);
  tensor.is_text = datatype_name == bytes_datatype;
  if (datatype == datatypes.end() && !tensor.is_text)
    input.refuse("datatype", "BYTES, BOOL, UINT8, INT8, INT16, INT32, INT64, FP16, BF16, FP32 or FP64");
  std::size_t elements = 0;
  std::tie(tensor.shape, elements) = shape_of(input);
  const Datatype* known = tensor.is_text ? nullptr : &*datatype;
  const auto parameters = input.object("parameters");
  if (parameters && parameters->has("shared_memory_region"))
    parameters->refuse("shared_memory_region", "tensors in the request: shared memory is not offered");
  const auto size = parameters ? parameters->integer("binary_data_size", 0, std::int64_t{1} << 40) : std::nullopt;
  if (size)
    read_bytes(input, static_cast<std::size_t>(*size), known, elements, rest, tensor);
  else
    read_json(input, known, elements, tensor);
  return tensor;
}

void append_bytes(std::string& to, const NamedTensor& tensor) {
  if (!tensor.is_text) {
    to.append(reinterpret_cast<const char*>(tensor.numbers.bytes().data()), tensor.numbers.byte_size());
    return;
  }
  for (const std::string& text : tensor.texts) {
    const auto length = static_cast<std::uint32_t>(text.size());
    to.append(reinterpret_cast<const char*>(&length), sizeof length);
    to += text;
  }
}

/// "[0.5,1]" or ["a"].
std::string data_json(const NamedTensor& tensor) {
  if (tensor.is_text) return dump(OrderedJson(tensor.texts));
  std::string text;
  if (tensor.numbers.dtype() == DType::float32) {
    append_floats(text, tensor.numbers.values<float>());
    return text;
  }
  if (tensor.numbers.dtype() == DType::int64) {
    const std::span<const std::int64_t> values = tensor.numbers.values<std::int64_t>();
    return dump(OrderedJson(std::vector<std::int64_t>(values.begin(), values.end())));
  }
  throw HttpError(400, fmt::format("output '{}' is of {}, which comes as bytes alone", tensor.name, tensor.datatype()));
}

/// The outputs that the client wants, in its order.
std::vector<std::pair<const NamedTensor*, bool>> wanted(const InferRequest& request, const std::vector<NamedTensor>& outputs) {
  std::vector<std::pair<const NamedTensor*, bool>> result;
  if (request.outputs.empty())
    for (const NamedTensor& output : outputs) result.emplace_back(&output, request.binary);
  for (const WantedOutput& want : request.outputs) {
    const auto found = std::ranges::find(outputs, want.name, &NamedTensor::name);
    if (found == outputs.end()) {
      std::string names;
      for (const NamedTensor& output : outputs) names += (names.empty() ? "" : ", ") + output.name;
      throw HttpError(400, fmt::format("output {} is not one of {}", in_quotes(want.name), names), "invalid_value", "outputs");
    }
    result.emplace_back(&*found, want.binary.value_or(request.binary));
  }
  return result;
}

}  // namespace

std::string_view NamedTensor::datatype() const {
  if (is_text) return bytes_datatype;
  return std::ranges::find(datatypes, numbers.dtype(), &Datatype::dtype)->name;
}

InferRequest parse_infer(std::string_view body, std::optional<std::size_t> json_bytes) {
  if (json_bytes && *json_bytes > body.size())
    refuse(fmt::format("Inference-Header-Content-Length is {}, and the body has {} bytes", *json_bytes, body.size()));
  const Body json = Body::parse(body.substr(0, json_bytes.value_or(body.size())));
  std::string_view rest = body.substr(json_bytes.value_or(body.size()));
  InferRequest request{.id = json.text("id").value_or(""), .inputs = {}};
  for (const Body& input : json.required_objects("inputs")) request.inputs.push_back(input_of(input, rest));
  if (!rest.empty()) refuse(fmt::format("the body has {} bytes more than its inputs", rest.size()));
  for (const Body& output : json.objects("outputs").value_or(std::vector<Body>())) {
    WantedOutput want{.name = output.required_text("name")};
    if (const auto parameters = output.object("parameters")) {
      want.binary = parameters->boolean("binary_data");
      if (parameters->integer("classification", 0, 1 << 20).value_or(0) > 0)
        parameters->refuse("classification", "none: the outputs of a classifying endpoint have labels");
      if (parameters->has("shared_memory_region"))
        parameters->refuse("shared_memory_region", "tensors in the answer: shared memory is not offered");
    }
    request.outputs.push_back(std::move(want));
  }
  if (const auto parameters = json.object("parameters")) {
    request.binary = parameters->boolean("binary_data_output").value_or(false);
    request.priority = parameters->integer("priority", 0, std::numeric_limits<std::int32_t>::max());
    request.timeout_microseconds = parameters->integer("timeout", 0, std::int64_t{1} << 50);
  }
  return request;
}

InferResponse infer_response(const InferRequest& request, const std::string& model, const std::vector<NamedTensor>& outputs) {
  std::string json = fmt::format(R"({{"model_name":{},"model_version":"1")", dump(model));
  if (!request.id.empty()) json += fmt::format(R"(,"id":{})", dump(request.id));
  json += R"(,"outputs":[)";
  std::string bytes;
  bool is_first = true;
  bool has_bytes = false;
  for (const auto& [output, binary] : wanted(request, outputs)) {
    json += fmt::format(R"({}{{"name":{},"datatype":"{}","shape":{})", is_first ? "" : ",", dump(output->name), output->datatype(),
                        dump(OrderedJson(output->shape)));
    is_first = false;
    if (binary) {
      const std::size_t before = bytes.size();
      append_bytes(bytes, *output);
      has_bytes = true;
      json += fmt::format(R"(,"parameters":{{"binary_data_size":{}}}}})", bytes.size() - before);
    } else {
      json += fmt::format(R"(,"data":{}}})", data_json(*output));
    }
  }
  json += "]}";
  InferResponse response{.body = std::move(json)};
  if (has_bytes) response.json_bytes = response.body.size();
  response.body += bytes;
  return response;
}

}  // namespace accelerate::server::kserve
