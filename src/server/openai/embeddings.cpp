#include <fmt/format.h>

#include "server/endpoint_of.h"
#include "server/http/base64.h"
#include "server/numbers.h"
#include "server/openai/openai.h"
#include "server/submit.h"

namespace accelerate::server::openai {
namespace {

/// The texts of "input". Token ids are refused: clients that send them count with another model's tokenizer.
std::vector<std::string> inputs_of(const Body& body) {
  const OrderedJson* input = body.find("input");
  if (input != nullptr && input->is_array() && !input->empty() && (input->front().is_number() || input->front().is_array()))
    throw http::HttpError(400,
                          "input is token ids, expected a text or a list of texts: ids of another model's tokenizer would give vectors "
                          "without meaning (with LangChain's OpenAIEmbeddings: check_embedding_ctx_length=False)",
                          "token_ids_not_accepted", "input");
  std::vector<std::string> texts = body.required_texts("input");
  if (texts.empty()) body.refuse("input", "at least one text");
  return texts;
}

http::Response response_of(const EmbedResult& result, const CallReport& report, const std::string& model, bool as_base64) {
  const std::int64_t width = result.vectors.dim(-1);
  const std::span<const float> all = result.vectors.values<float>();
  std::string body = R"({"object":"list","data":[)";
  body.reserve(all.size() * (as_base64 ? 6 : 12) + 256);
  for (std::size_t i = 0; i * static_cast<std::size_t>(width) < all.size(); ++i) {
    const std::span<const float> row = all.subspan(i * static_cast<std::size_t>(width), static_cast<std::size_t>(width));
    body += fmt::format(R"({}{{"object":"embedding","index":{},"embedding":)", i > 0 ? "," : "", i);
    if (as_base64)
      body += '"' + http::base64(std::as_bytes(row)) + '"';
    else
      append_floats(body, row);
    body += '}';
  }
  const OrderedJson usage{{"prompt_tokens", report.prompt_tokens}, {"total_tokens", report.prompt_tokens}};
  body += fmt::format(R"(],"model":{},"usage":{})", dump(model), dump(usage));
  if (!result.notes.empty()) body += fmt::format(R"(,"notes":{})", dump(result.notes));
  return {.body = body + "}"};
}

}  // namespace

void embed(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange) {
  const Body body = Body::parse(exchange->take_body());
  const std::string model = body.required_text("model");
  const Endpoint endpoint = endpoint_of(*service, body);
  EmbedRequest request{.texts = inputs_of(body)};
  request.options.truncate = body.boolean("truncate").value_or(true);
  request.options.prompt_name = body.text("prompt_name");
  request.options.dimensions = body.integer("dimensions", 1, 1 << 24);
  const std::string format = body.text("encoding_format").value_or("float");
  if (format != "float" && format != "base64") body.refuse("encoding_format", "float or base64");
  submit(service, dialect, exchange, endpoint, std::move(request),
         [model, as_base64 = format == "base64"](const EmbedResult& result, const CallReport& report) {
           return response_of(result, report, model, as_base64);
         });
}

}  // namespace accelerate::server::openai
