#include <fmt/format.h>

#include "server/conversation.h"
#include "server/endpoint_of.h"
#include "server/openai/openai.h"

namespace accelerate::server::openai {
namespace {

OrderedJson tool_calls_json(const Choice& choice, const std::string& id, std::size_t index, bool indexed) {
  OrderedJson calls = OrderedJson::array();
  for (std::size_t i = 0; i < choice.tool_calls.size(); ++i) {
    OrderedJson call = indexed ? OrderedJson{{"index", i}} : OrderedJson::object();
    call["id"] = fmt::format("call_{}_{}_{}", id, index, i);
    call["type"] = "function";
    call["function"] = {{"name", choice.tool_calls[i].name}, {"arguments", choice.tool_calls[i].arguments}};
    calls.push_back(std::move(call));
  }
  return calls;
}

class ChatAnswer final : public GenerationAnswer {
 public:
  ChatAnswer(Endpoint endpoint, std::string model, std::string id, bool wants_usage, bool wants_logprobs)
      : endpoint_(std::move(endpoint)),
        model_(std::move(model)),
        id_(std::move(id)),
        wants_usage_(wants_usage),
        wants_logprobs_(wants_logprobs) {}

  http::Response whole(const std::vector<Choice>& choices, const GenerationTotals& totals) override {
    OrderedJson list = OrderedJson::array();
    for (std::size_t i = 0; i < choices.size(); ++i) {
      OrderedJson message{{"role", "assistant"}, {"content", choices[i].content}, {"refusal", nullptr}};
      if (!choices[i].tool_calls.empty()) {
        if (choices[i].content.empty()) message["content"] = nullptr;
        message["tool_calls"] = tool_calls_json(choices[i], id_, i, false);
      }
      list.push_back({{"index", i}, {"message", message}, {"logprobs", logprobs(choices[i])}, {"finish_reason", reason(choices[i])}});
    }
    OrderedJson json = envelope("chat.completion");
    json["choices"] = std::move(list);
    json["usage"] = usage_json(totals.prompt_tokens, totals.generated_tokens);
    if (!totals.notes.empty()) json["notes"] = totals.notes;
    return {.body = dump(json)};
  }

  std::string first(std::size_t index) override { return chunk(index, {{"role", "assistant"}, {"content", ""}}, nullptr, nullptr); }

  std::string piece(std::size_t index, std::string_view text) override { return chunk(index, {{"content", text}}, nullptr, nullptr); }

  std::string last(std::size_t index, const Choice& choice) override {
    std::string bytes;
    if (!choice.tool_calls.empty()) bytes += chunk(index, {{"tool_calls", tool_calls_json(choice, id_, index, true)}}, nullptr, nullptr);
    return bytes + chunk(index, OrderedJson::object(), logprobs(choice), reason(choice));
  }

  std::string end(const GenerationTotals& totals) override {
    std::string bytes;
    if (wants_usage_) {
      OrderedJson json = envelope("chat.completion.chunk");
      json["choices"] = OrderedJson::array();
      json["usage"] = usage_json(totals.prompt_tokens, totals.generated_tokens);
      bytes = event(dump(json));
    }
    return bytes + event("[DONE]");
  }

  std::string error(const http::HttpError& error) override { return event(dump(error_json(error))); }

 private:
  OrderedJson envelope(const char* object) const { return {{"id", id_}, {"object", object}, {"created", created_}, {"model", model_}}; }

  std::string chunk(std::size_t index, const OrderedJson& delta, const OrderedJson& probabilities, const OrderedJson& finish) const {
    OrderedJson json = envelope("chat.completion.chunk");
    json["choices"] = OrderedJson::array({{{"index", index}, {"delta", delta}, {"logprobs", probabilities}, {"finish_reason", finish}}});
    return event(dump(json));
  }

  static OrderedJson reason(const Choice& choice) { return choice.tool_calls.empty() ? finish_reason(choice.answer) : "tool_calls"; }

  OrderedJson token_json(const TokenLogProbability& token) const {
    const std::string text = endpoint_.detokenize({token.token}, false);
    OrderedJson bytes = OrderedJson::array();
    for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
    return {{"token", text}, {"logprob", token.log_probability}, {"bytes", bytes}};
  }

  OrderedJson logprobs(const Choice& choice) const {
    if (!wants_logprobs_) return nullptr;
    OrderedJson content = OrderedJson::array();
    for (const TokenLogProbabilities& each : choice.answer.log_probabilities) {
      OrderedJson token = token_json(each.chosen);
      token["top_logprobs"] = OrderedJson::array();
      for (const TokenLogProbability& other : each.top) token["top_logprobs"].push_back(token_json(other));
      content.push_back(std::move(token));
    }
    return {{"content", content}};
  }

  Endpoint endpoint_;
  std::string model_;
  std::string id_;
  std::int64_t created_ = now();
  bool wants_usage_;
  bool wants_logprobs_;
};

/// The functions that the model may call, or must: "tool_choice" is "none", "auto", "required" or one function.
ToolRules tool_rules(const Body& body) {
  ToolRules rules{.tools = tools_of(body)};
  rules.parallel = body.boolean("parallel_tool_calls").value_or(true);
  const OrderedJson* choice = body.find("tool_choice");
  if (choice == nullptr) return rules;
  if (choice->is_object()) {
    const auto function = body.object("tool_choice")->object("function");
    const std::string name = function ? function->required_text("name") : "";
    std::erase_if(rules.tools, [&](const Tool& tool) { return tool.name != name; });
    if (rules.tools.empty()) body.refuse("tool_choice", "a function among tools");
    rules.forced = true;
    rules.parallel = false;
    return rules;
  }
  const std::string word = choice->is_string() ? choice->get<std::string>() : "";
  if (word == "none") return {};
  if (word == "required") {
    if (rules.tools.empty()) body.refuse("tool_choice", "tools to choose from");
    rules.forced = true;
  } else if (word != "auto") {
    body.refuse("tool_choice", "none, auto, required or a function");
  }
  return rules;
}

}  // namespace

void chat(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange) {
  const Body body = Body::parse(exchange->take_body());
  const Endpoint endpoint = endpoint_of(*service, body);
  GenerationCall call{.endpoint = endpoint, .request = {}, .tools = tool_rules(body)};

  ChatPrompt prompt{.messages = messages_of(body)};
  if (!call.tools.tools.empty()) prompt.tools = dump(*body.find("tools"));
  if (const auto variables = body.object("chat_template_kwargs")) prompt.variables = dump(variables->json());
  call.request.prompt = std::move(prompt);

  GenerationOptions& options = call.request.options;
  options = generation_options(body);
  options.max_new_tokens = body.integer("max_completion_tokens", 1, 1 << 30);
  if (!options.max_new_tokens) options.max_new_tokens = body.integer("max_tokens", 1, 1 << 30);
  options.json_schema = call.tools.forced ? tools_schema(call.tools.tools, call.tools.parallel) : response_schema(body);
  const bool wants_logprobs = body.boolean("logprobs").value_or(false);
  const auto top = body.integer("top_logprobs", 0, 20);
  if (top.value_or(0) > 0 && !wants_logprobs) body.refuse("top_logprobs", "it together with logprobs: true");
  if (wants_logprobs) options.logprobs = top.value_or(0);
  call.texts = static_cast<std::size_t>(body.integer("n", 1, 128).value_or(1));
  call.stream = body.boolean("stream").value_or(false);
  const auto stream_options = body.object("stream_options");
  const bool wants_usage = stream_options && stream_options->boolean("include_usage").value_or(false);
  generate(service, dialect, exchange, std::move(call),
           std::make_unique<ChatAnswer>(endpoint, body.required_text("model"), answer_id("chatcmpl-", exchange->request()), wants_usage,
                                        wants_logprobs));
}

}  // namespace accelerate::server::openai
