#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "server/endpoint_of.h"
#include "server/kserve/kserve.h"
#include "server/kserve/tensors.h"
#include "server/submit.h"
#include "tasks/answers_json.h"

namespace accelerate::server::kserve {
namespace {

using http::HttpError;

std::optional<std::size_t> json_bytes_of(const http::Request& request) {
  const std::string* field = request.fields.find("inference-header-content-length");
  if (field == nullptr) return std::nullopt;
  std::size_t bytes = 0;
  const auto [end, error] = std::from_chars(field->data(), field->data() + field->size(), bytes);
  if (error != std::errc() || end != field->data() + field->size())
    throw HttpError(400, fmt::format("Inference-Header-Content-Length is {}, expected a number of bytes", in_quotes(*field)));
  return bytes;
}

const NamedTensor* find(const InferRequest& request, std::string_view name) {
  const auto found = std::ranges::find(request.inputs, name, &NamedTensor::name);
  return found == request.inputs.end() ? nullptr : &*found;
}

/// The texts of an input. Throws HttpError 400 where it is not there or no BYTES.
const std::vector<std::string>& texts_of(const InferRequest& request, std::string_view name) {
  const NamedTensor* input = find(request, name);
  if (input == nullptr) throw HttpError(400, fmt::format("input '{}' is missing, expected BYTES", name), "invalid_value", "inputs");
  if (!input->is_text)
    throw HttpError(400, fmt::format("input '{}' is {}, expected BYTES", name, input->datatype()), "invalid_value", "inputs");
  return input->texts;
}

NamedTensor texts_output(std::string name, std::vector<std::string> texts, std::vector<std::int64_t> shape) {
  return {.name = std::move(name), .shape = std::move(shape), .texts = std::move(texts), .is_text = true};
}

NamedTensor numbers_output(std::string name, Tensor numbers) {
  std::vector<std::int64_t> shape(numbers.shape().begin(), numbers.shape().end());
  return {.name = std::move(name), .shape = std::move(shape), .numbers = std::move(numbers)};
}

template <typename T>
std::int64_t count_of(const std::vector<T>& list) {
  return static_cast<std::int64_t>(list.size());
}

/// One JSON text an answer.
template <typename Answer>
std::vector<NamedTensor> json_outputs(const std::vector<Answer>& answers) {
  std::vector<std::string> texts;
  for (const Answer& answer : answers) texts.push_back(line_of(to_json(answer)));
  return {texts_output("answer", std::move(texts), {count_of(answers)})};
}

std::vector<NamedTensor> label_outputs(const std::vector<Classification>& answers) {
  const std::int64_t labels = answers.empty() ? 0 : count_of(answers.front().labels);
  std::vector<std::string> names;
  std::vector<float> scores;
  for (const Classification& answer : answers)
    for (const LabelScore& label : answer.labels) {
      names.push_back(label.label);
      scores.push_back(label.score);
    }
  const std::vector<std::int64_t> shape{count_of(answers), labels};
  return {texts_output("label", std::move(names), shape), numbers_output("score", Tensor::from<float>(scores, shape))};
}

std::vector<NamedTensor> rank_outputs(const Ranking& ranking) {
  std::vector<float> scores(ranking.documents.size());
  for (const RankedDocument& document : ranking.documents) scores[document.index] = document.score;
  return {numbers_output("score", Tensor::from<float>(scores, {count_of(scores)}))};
}

/// Asks the endpoint, and answers with what `outputs_of` makes of its answer.
template <typename Request, typename OutputsOf>
void ask(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange, const Endpoint& endpoint,
         const std::shared_ptr<const InferRequest>& asked, Request request, OutputsOf outputs_of) {
  const std::string model = exchange->request().parameter("model");
  const auto respond = [asked, model, outputs_of](const typename Request::Answer& answer, const CallReport&) {
    InferResponse response = infer_response(*asked, model, outputs_of(answer));
    http::Response http{.body = std::move(response.body)};
    if (response.json_bytes) {
      http.content_type = "application/octet-stream";
      http.fields.add("Inference-Header-Content-Length", std::to_string(*response.json_bytes));
    }
    return http;
  };
  CallOptions options = call_options(*exchange);
  // 0 is the default, 1 the highest.
  if (asked->priority)
    options.priority = allowed_priority(exchange->request(), *asked->priority == 1  ? Priority::high
                                                             : *asked->priority > 2 ? Priority::low
                                                                                    : Priority::normal);
  if (asked->timeout_microseconds.value_or(0) > 0) {
    const auto deadline = exchange->request().received + std::chrono::microseconds(*asked->timeout_microseconds);
    options.deadline = options.deadline ? std::min(*options.deadline, deadline) : deadline;
  }
  submit(service, dialect, exchange, endpoint, std::move(request), respond, options);
}

}  // namespace

void infer(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange) {
  const Endpoint endpoint = endpoint_of_path(*service, exchange->request());
  const std::string body = exchange->take_body();
  const auto asked = std::make_shared<const InferRequest>(parse_infer(body, json_bytes_of(exchange->request())));
  const EndpointStatus status = endpoint.status();
  const auto all = [&](auto request, auto outputs_of) { ask(service, exchange, endpoint, asked, std::move(request), outputs_of); };

  if (find(*asked, "input_ids") != nullptr) {
    TensorMap inputs;
    for (const NamedTensor& input : asked->inputs) {
      if (input.is_text) throw HttpError(400, fmt::format("input {} is BYTES, expected integers beside input_ids", in_quotes(input.name)));
      inputs.emplace(input.name, input.numbers);
    }
    return all(ForwardRequest{.inputs = std::move(inputs)}, [](const ForwardResult& result) {
      std::vector<NamedTensor> outputs;
      for (const auto& [name, tensor] : result.outputs) outputs.push_back(numbers_output(name, tensor));
      return outputs;
    });
  }
  if (status.task == "rerank") {
    const std::vector<std::string>& query = texts_of(*asked, "query");
    if (query.size() != 1) throw HttpError(400, fmt::format("input 'query' has {} elements, expected 1", query.size()));
    return all(RankRequest{.query = query.front(), .documents = texts_of(*asked, "text")}, rank_outputs);
  }
  if (status.task == "answer") {
    const std::vector<std::string>& contexts = texts_of(*asked, "context");
    AnswerRequest request;
    for (const std::string& question : texts_of(*asked, "question")) {
      if (request.questions.size() == contexts.size()) throw HttpError(400, "inputs 'question' and 'context' are of different lengths");
      request.questions.push_back({.question = question, .context = contexts[request.questions.size()]});
    }
    return all(std::move(request), json_outputs<Answer>);
  }
  const std::vector<std::string>& texts = texts_of(*asked, "text");
  if (status.task == "embed")
    return all(EmbedRequest{.texts = texts},
               [](const EmbedResult& result) { return std::vector<NamedTensor>{numbers_output("embedding", result.vectors)}; });
  if (status.task == "classify") {
    ClassifyRequest request;
    for (const std::string& text : texts) request.inputs.push_back({.text = text});
    return all(std::move(request), label_outputs);
  }
  if (status.task == "tag") return all(TagRequest{.texts = texts}, json_outputs<TaggedText>);
  if (status.task == "fill-mask") return all(FillMaskRequest{.texts = texts}, json_outputs<FilledMasks>);
  if (status.task == "generate") {
    if (texts.size() != 1) throw HttpError(400, fmt::format("input 'text' has {} elements, expected 1 where a text goes on", texts.size()));
    return all(GenerateRequest{.prompt = texts.front()}, [](const GenerateAnswer& answer) {
      return std::vector<NamedTensor>{texts_output("text_output", {answer.texts.front().text}, {1})};
    });
  }
  throw HttpError(501, fmt::format("a model of task {} is not served as tensors", status.task));
}

}  // namespace accelerate::server::kserve
