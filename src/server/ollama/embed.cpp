#include "server/numbers.h"
#include "server/ollama/ollama.h"
#include "server/submit.h"

namespace accelerate::server::ollama {
namespace {

std::string vectors_json(const EmbedResult& result, bool only_first) {
  const auto width = static_cast<std::size_t>(result.vectors.dim(-1));
  const std::span<const float> all = result.vectors.values<float>();
  std::string text = only_first ? "" : "[";
  for (std::size_t begin = 0; begin < all.size(); begin += width) {
    if (begin > 0) text += ',';
    append_floats(text, all.subspan(begin, width));
    if (only_first) return text;
  }
  return only_first ? "[]" : text + "]";
}

}  // namespace

void embed(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange, bool legacy) {
  const Body body = Body::parse(exchange->take_body());
  const Endpoint endpoint = ollama::endpoint_of(*service, body);
  EmbedRequest request;
  if (legacy)
    request.texts = {body.text("prompt").value_or("")};
  else
    request.texts = body.texts("input").value_or(std::vector<std::string>());
  request.options.truncate = body.boolean("truncate").value_or(true);
  request.options.dimensions = body.integer("dimensions", 1, 1 << 24);
  const auto respond = [legacy, model = body.text("model").value_or(endpoint.name())](const EmbedResult& result, const CallReport& report) {
    if (legacy) return http::Response{.body = R"({"embedding":)" + vectors_json(result, true) + "}"};
    const OrderedJson tail{
        {"total_duration", nanoseconds(report.total_seconds)}, {"load_duration", 0}, {"prompt_eval_count", report.prompt_tokens}};
    return http::Response{.body = R"({"model":)" + dump(model) + R"(,"embeddings":)" + vectors_json(result, false) + "," +
                                  dump(tail).substr(1)};
  };
  if (request.texts.empty() || (legacy && request.texts.front().empty())) {  // asks for the model to be loaded, and nothing else
    return exchange->answer(respond({.vectors = Tensor::zeros(DType::float32, {0, 1}), .truncated = {}, .notes = {}}, CallReport()));
  }
  submit(service, dialect, exchange, endpoint, std::move(request), respond);
}

}  // namespace accelerate::server::ollama
