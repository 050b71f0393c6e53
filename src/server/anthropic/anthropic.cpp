#include "server/anthropic/anthropic.h"

#include <fmt/format.h>

#include "server/body.h"
#include "server/endpoint_of.h"
#include "server/generation_run.h"

namespace accelerate::server::anthropic {
namespace {

constexpr std::string_view request_schema = R"({"type":"object","required":["model","max_tokens","messages"],"properties":{
"model":{"type":"string"},"max_tokens":{"type":"integer","minimum":1,"maximum":64},
"messages":{"type":"array","minItems":1,"items":{"type":"object","required":["role","content"],"properties":{
"role":{"enum":["user","assistant"]},"content":{"type":"string"}}}},
"system":{"type":"string"},"stream":{"type":"boolean"},"temperature":{"type":"number","minimum":0,"maximum":1}}})";

std::string type_of(const http::HttpError& error) {
  switch (error.status()) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
    case 529:
      return "overloaded_error";
    case 504:
      return "timeout_error";
    default:
      return error.status() < 500 ? "invalid_request_error" : "api_error";
  }
}

OrderedJson error_json(const http::HttpError& error) {
  return {{"type", "error"}, {"error", {{"type", type_of(error)}, {"message", error.what()}}}};
}

OrderedJson tool_use_json(const ToolCall& call, const std::string& id) {
  OrderedJson input = OrderedJson::parse(call.arguments, nullptr, false);
  if (!input.is_object()) input = OrderedJson::object();
  return {{"type", "tool_use"}, {"id", id}, {"name", call.name}, {"input", input}};
}

class MessageAnswer final : public GenerationAnswer {
 public:
  MessageAnswer(std::string model, std::string id, std::int64_t prompt_tokens)
      : model_(std::move(model)), id_(std::move(id)), prompt_tokens_(prompt_tokens) {}

  http::Response whole(const std::vector<Choice>& choices, const GenerationTotals& totals) override {
    const Choice& choice = choices.front();
    OrderedJson content = OrderedJson::array();
    if (!choice.content.empty() || choice.tool_calls.empty()) content.push_back({{"type", "text"}, {"text", choice.content}});
    for (std::size_t i = 0; i < choice.tool_calls.size(); ++i) content.push_back(tool_use_json(choice.tool_calls[i], call_id(i)));
    OrderedJson json = envelope(content, reason(choice), totals.prompt_tokens, totals.generated_tokens);
    if (!totals.notes.empty()) json["notes"] = totals.notes;
    return {.body = dump(json)};
  }

  std::string first(std::size_t) override {
    return event(dump({{"type", "message_start"}, {"message", envelope(OrderedJson::array(), nullptr, prompt_tokens_, 0)}}),
                 "message_start") +
           begin_block({{"type", "text"}, {"text", ""}});
  }

  std::string piece(std::size_t, std::string_view text) override { return delta({{"type", "text_delta"}, {"text", text}}); }

  std::string last(std::size_t, const Choice& choice) override {
    std::string bytes = end_block();
    for (std::size_t i = 0; i < choice.tool_calls.size(); ++i) {
      ++block_;
      OrderedJson block = tool_use_json(choice.tool_calls[i], call_id(i));
      block["input"] = OrderedJson::object();
      bytes += begin_block(block);
      bytes += delta({{"type", "input_json_delta"}, {"partial_json", choice.tool_calls[i].arguments}});
      bytes += end_block();
    }
    reason_ = reason(choice);
    return bytes;
  }

  std::string end(const GenerationTotals& totals) override {
    const OrderedJson changed{{"type", "message_delta"},
                              {"delta", {{"stop_reason", reason_}, {"stop_sequence", nullptr}}},
                              {"usage", {{"input_tokens", totals.prompt_tokens}, {"output_tokens", totals.generated_tokens}}}};
    return event(dump(changed), "message_delta") + event(R"({"type":"message_stop"})", "message_stop");
  }

  std::string error(const http::HttpError& error) override { return event(dump(error_json(error)), "error"); }

 private:
  OrderedJson envelope(const OrderedJson& content, const OrderedJson& stop, std::int64_t read, std::int64_t written) const {
    return {{"id", id_},
            {"type", "message"},
            {"role", "assistant"},
            {"model", model_},
            {"content", content},
            {"stop_reason", stop},
            {"stop_sequence", nullptr},
            {"usage", {{"input_tokens", read}, {"output_tokens", written}}}};
  }

  static OrderedJson reason(const Choice& choice) {
    if (!choice.tool_calls.empty()) return "tool_use";
    switch (choice.answer.finish_reason) {
      case FinishReason::length:
        return "max_tokens";
      case FinishReason::stop_string:
        return "stop_sequence";
      default:
        return "end_turn";
    }
  }

  std::string call_id(std::size_t i) const { return fmt::format("toolu_{}_{}", id_, i); }

  std::string begin_block(const OrderedJson& block) const {
    return event(dump({{"type", "content_block_start"}, {"index", block_}, {"content_block", block}}), "content_block_start");
  }
  std::string delta(const OrderedJson& change) const {
    return event(dump({{"type", "content_block_delta"}, {"index", block_}, {"delta", change}}), "content_block_delta");
  }
  std::string end_block() const { return event(dump({{"type", "content_block_stop"}, {"index", block_}}), "content_block_stop"); }

  std::string model_;
  std::string id_;
  std::int64_t prompt_tokens_;
  int block_ = 0;
  OrderedJson reason_;
};

/// The texts of a message or of "system": a text, or a list of blocks. Tools' calls and results become what chat templates read.
void add_message(std::vector<ChatMessage>& messages, const Body& message, const std::string& role, std::string_view field) {
  const OrderedJson* content = message.find(field);
  if (content == nullptr) message.refuse(field, "a text or a list of blocks");
  if (content->is_string()) return messages.push_back({.role = role, .content = content->get<std::string>()});
  std::string text;
  OrderedJson calls = OrderedJson::array();
  for (const Body& block : message.required_objects(field)) {
    const std::string type = block.required_text("type");
    if (type == "text") {
      text += block.required_text("text");
    } else if (type == "tool_use") {
      const auto input = block.object("input");
      calls.push_back(
          {{"id", block.required_text("id")},
           {"type", "function"},
           {"function", {{"name", block.required_text("name")}, {"arguments", input ? input->json() : OrderedJson::object()}}}});
    } else if (type == "tool_result") {
      std::vector<ChatMessage> result;
      if (block.has("content")) add_message(result, block, "tool", "content");
      const OrderedJson fields{{"tool_call_id", block.required_text("tool_use_id")}};
      messages.push_back({.role = "tool", .content = result.empty() ? "" : result.front().content, .fields = dump(fields)});
    } else if (type == "image" || type == "document") {
      refuse_medium(block.path_of("type"), type == "image" ? "an image" : "a document");
    } else if (type != "thinking" && type != "redacted_thinking") {
      block.refuse("type", "text, tool_use, tool_result or image");
    }
  }
  ChatMessage joined{.role = role, .content = text};
  if (!calls.empty()) joined.fields = dump({{"tool_calls", calls}});
  if (!text.empty() || !calls.empty() || messages.empty()) messages.push_back(std::move(joined));
}

ChatPrompt prompt_of(const Body& body, std::vector<Tool>& tools) {
  ChatPrompt prompt;
  if (body.has("system")) add_message(prompt.messages, body, "system", "system");
  for (const Body& each : body.required_objects("messages")) {
    const std::string role = each.required_text("role");
    if (role != "user" && role != "assistant" && role != "system") each.refuse("role", "user or assistant");
    add_message(prompt.messages, each, role, "content");
  }
  if (prompt.messages.empty()) body.refuse("messages", "at least one message");
  OrderedJson functions = OrderedJson::array();
  for (const Body& each : body.objects("tools").value_or(std::vector<Body>())) {
    const auto schema = each.object("input_schema");
    Tool tool{.name = each.required_text("name"), .parameters = schema ? schema->json() : OrderedJson{{"type", "object"}}};
    functions.push_back(
        {{"type", "function"},
         {"function", {{"name", tool.name}, {"description", each.text("description").value_or("")}, {"parameters", tool.parameters}}}});
    tools.push_back(std::move(tool));
  }
  if (!functions.empty()) prompt.tools = dump(functions);
  return prompt;
}

ToolRules tool_rules(const Body& body, std::vector<Tool> tools) {
  ToolRules rules{.tools = std::move(tools)};
  const auto choice = body.object("tool_choice");
  if (!choice) return rules;
  const std::string type = choice->required_text("type");
  rules.parallel = !choice->boolean("disable_parallel_tool_use").value_or(false);
  if (type == "none") return {};
  if (type == "tool") {
    const std::string name = choice->required_text("name");
    std::erase_if(rules.tools, [&](const Tool& tool) { return tool.name != name; });
  } else if (type != "any" && type != "auto") {
    choice->refuse("type", "auto, any, tool or none");
  }
  rules.forced = type != "auto";
  if (rules.forced && rules.tools.empty()) body.refuse("tool_choice", "a tool among tools");
  return rules;
}

void messages(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange) {
  const Body body = Body::parse(exchange->take_body());
  const Endpoint endpoint = endpoint_of(*service, body);
  std::vector<Tool> tools;
  ChatPrompt prompt = prompt_of(body, tools);
  GenerationCall call{.endpoint = endpoint, .request = {}, .tools = tool_rules(body, std::move(tools))};
  GenerationOptions& options = call.request.options;
  options.max_new_tokens = body.integer("max_tokens", 1, 1 << 30);
  if (!options.max_new_tokens) body.refuse("max_tokens", "a whole number");
  options.temperature = body.number("temperature", 0, 2);
  if (options.temperature) options.do_sample = *options.temperature > 0;
  if (const auto top_p = body.number("top_p", 0, 1)) options.top_p = std::max(*top_p, 1e-6);
  options.top_k = body.integer("top_k", 0, 1'000'000);
  options.stop_strings = body.texts("stop_sequences");
  if (options.stop_strings && options.stop_strings->empty()) options.stop_strings.reset();
  if (call.tools.forced) options.json_schema = tools_schema(call.tools.tools, call.tools.parallel);
  call.stream = body.boolean("stream").value_or(false);
  std::int64_t prompt_tokens = 0;  // a stream tells them first
  if (call.stream) prompt_tokens = static_cast<std::int64_t>(endpoint.tokenize({endpoint.render(prompt)}, false).front().ids.size());
  call.request.prompt = std::move(prompt);
  generate(service, dialect, exchange, std::move(call),
           std::make_unique<MessageAnswer>(body.required_text("model"), "msg_" + exchange->request().id, prompt_tokens));
}

void count_tokens(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange) {
  const Body body = Body::parse(exchange->take_body());
  const Endpoint endpoint = endpoint_of(*service, body);
  std::vector<Tool> tools;
  const std::string prompt = endpoint.render(prompt_of(body, tools));
  exchange->note_endpoint(endpoint.name());
  exchange->answer({.body = dump({{"input_tokens", endpoint.tokenize({prompt}, false).front().ids.size()}})});
}

}  // namespace

const http::Dialect dialect{.name = "anthropic", .error = [](const http::HttpError& error) {
                              return http::Response{.status = error.status(), .body = dump(error_json(error))};
                            }};

void add_routes(std::vector<http::Route>& routes, const SharedService& service) {
  using http::Place;
  routes.push_back({.method = "POST",
                    .pattern = "/v1/messages",
                    .place = Place::slow,
                    .dialect = &dialect,
                    .summary = "Answers a conversation.",
                    .request = request_schema,
                    .handler = [service](const auto& exchange) { messages(service, exchange); }});
  routes.push_back({.method = "POST",
                    .pattern = "/v1/messages/count_tokens",
                    .place = Place::slow,
                    .dialect = &dialect,
                    .summary = "Counts a conversation's tokens.",
                    .request = request_schema,
                    .handler = [service](const auto& exchange) { count_tokens(service, exchange); }});
}

}  // namespace accelerate::server::anthropic
