#include <fmt/format.h>

#include "server/conversation.h"
#include "server/endpoint_of.h"
#include "server/generation_run.h"
#include "server/openai/openai.h"

namespace accelerate::server::openai {
namespace {

class CompletionAnswer final : public GenerationAnswer {
 public:
  CompletionAnswer(Endpoint endpoint, std::string model, std::string id, std::string echoed, bool wants_usage, bool wants_logprobs)
      : endpoint_(std::move(endpoint)),
        model_(std::move(model)),
        id_(std::move(id)),
        echoed_(std::move(echoed)),
        wants_usage_(wants_usage),
        wants_logprobs_(wants_logprobs) {}

  http::Response whole(const std::vector<Choice>& choices, const GenerationTotals& totals) override {
    OrderedJson list = OrderedJson::array();
    for (std::size_t i = 0; i < choices.size(); ++i)
      list.push_back(choice_json(i, echoed_ + choices[i].content, logprobs(choices[i]), finish_reason(choices[i].answer)));
    OrderedJson json = envelope();
    json["choices"] = std::move(list);
    json["usage"] = usage_json(totals.prompt_tokens, totals.generated_tokens);
    if (!totals.notes.empty()) json["notes"] = totals.notes;
    return {.body = dump(json)};
  }

  std::string first(std::size_t index) override { return echoed_.empty() ? std::string() : piece(index, echoed_); }

  std::string piece(std::size_t index, std::string_view text) override { return chunk(choice_json(index, text, nullptr, nullptr)); }

  std::string last(std::size_t index, const Choice& choice) override {
    return chunk(choice_json(index, "", logprobs(choice), finish_reason(choice.answer)));
  }

  std::string end(const GenerationTotals& totals) override {
    std::string bytes;
    if (wants_usage_) {
      OrderedJson json = envelope();
      json["choices"] = OrderedJson::array();
      json["usage"] = usage_json(totals.prompt_tokens, totals.generated_tokens);
      bytes = event(dump(json));
    }
    return bytes + event("[DONE]");
  }

  std::string error(const http::HttpError& error) override { return event(dump(error_json(error))); }

 private:
  OrderedJson envelope() const { return {{"id", id_}, {"object", "text_completion"}, {"created", created_}, {"model", model_}}; }

  static OrderedJson choice_json(std::size_t index, std::string_view text, const OrderedJson& probabilities, const OrderedJson& finish) {
    return {{"index", index}, {"text", text}, {"logprobs", probabilities}, {"finish_reason", finish}};
  }

  std::string chunk(const OrderedJson& choice) const {
    OrderedJson json = envelope();
    json["choices"] = OrderedJson::array({choice});
    return event(dump(json));
  }

  OrderedJson logprobs(const Choice& choice) const {
    if (!wants_logprobs_) return nullptr;
    OrderedJson tokens = OrderedJson::array();
    OrderedJson values = OrderedJson::array();
    OrderedJson tops = OrderedJson::array();
    OrderedJson offsets = OrderedJson::array();
    std::size_t offset = echoed_.size();
    for (const TokenLogProbabilities& each : choice.answer.log_probabilities) {
      const std::string text = endpoint_.detokenize({each.chosen.token}, false);
      OrderedJson top = OrderedJson::object();
      for (const TokenLogProbability& other : each.top) top[endpoint_.detokenize({other.token}, false)] = other.log_probability;
      tokens.push_back(text);
      values.push_back(each.chosen.log_probability);
      tops.push_back(std::move(top));
      offsets.push_back(offset);
      offset += text.size();
    }
    return {{"tokens", tokens}, {"token_logprobs", values}, {"top_logprobs", tops}, {"text_offset", offsets}};
  }

  Endpoint endpoint_;
  std::string model_;
  std::string id_;
  std::string echoed_;
  std::int64_t created_ = now();
  bool wants_usage_;
  bool wants_logprobs_;
};

std::vector<std::int64_t> token_ids(const Body& body, const OrderedJson& list) {
  std::vector<std::int64_t> ids;
  for (const OrderedJson& each : list) {
    if (!each.is_number_integer() || each.get<double>() < 0 || each.get<double>() > 1e9)
      body.refuse("prompt", "token ids that are whole numbers");
    ids.push_back(each.get<std::int64_t>());
  }
  return ids;
}

/// The one prompt of the request: a text or the model's own token ids.
std::variant<std::string, std::vector<std::int64_t>, ChatPrompt> prompt_of(const Body& body) {
  const OrderedJson* prompt = body.find("prompt");
  if (prompt == nullptr) body.refuse("prompt", "a text or token ids");
  if (prompt->is_string()) return prompt->get<std::string>();
  if (!prompt->is_array() || prompt->empty()) body.refuse("prompt", "a text or token ids");
  if (prompt->front().is_number()) return token_ids(body, *prompt);
  if (prompt->size() != 1) body.refuse("prompt", "one text: send a request for each, they are computed together");
  if (prompt->front().is_string()) return prompt->front().get<std::string>();
  if (prompt->front().is_array()) return token_ids(body, prompt->front());
  body.refuse("prompt", "a text or token ids");
}

}  // namespace

void complete(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange) {
  const Body body = Body::parse(exchange->take_body());
  const Endpoint endpoint = endpoint_of(*service, body);
  GenerationCall call{.endpoint = endpoint, .request = {.prompt = prompt_of(body)}};
  GenerationOptions& options = call.request.options;
  options = generation_options(body);
  options.max_new_tokens = body.integer("max_tokens", 1, 1 << 30).value_or(16);
  options.json_schema = response_schema(body);
  options.logprobs = body.integer("logprobs", 0, 20);
  if (body.text("suffix").value_or("") != "") body.refuse("suffix", "none: these models only go on");
  call.texts = static_cast<std::size_t>(body.integer("n", 1, 128).value_or(1));
  if (body.integer("best_of", 1, 128).value_or(1) > static_cast<std::int64_t>(call.texts)) body.refuse("best_of", "as many as n");
  call.stream = body.boolean("stream").value_or(false);

  std::string echoed;
  if (body.boolean("echo").value_or(false)) {
    if (options.logprobs)
      throw http::HttpError(501, "echo together with logprobs is not there yet: the prompt's own are not kept", "unsupported", "logprobs");
    const auto* text = std::get_if<std::string>(&call.request.prompt);
    echoed = text != nullptr ? *text : endpoint.detokenize(std::get<std::vector<std::int64_t>>(call.request.prompt), false);
  }
  const auto stream_options = body.object("stream_options");
  const bool wants_usage = stream_options && stream_options->boolean("include_usage").value_or(false);
  const bool wants_logprobs = options.logprobs.has_value();
  generate(service, dialect, exchange, std::move(call),
           std::make_unique<CompletionAnswer>(endpoint, body.required_text("model"), answer_id("cmpl-", exchange->request()),
                                              std::move(echoed), wants_usage, wants_logprobs));
}

}  // namespace accelerate::server::openai
