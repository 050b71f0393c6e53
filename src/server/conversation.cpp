#include "server/conversation.h"

#include "base/json.h"
#include "ipfs_accelerate/error.h"
#include "server/endpoint_of.h"

namespace accelerate::server {
namespace {

/// "content": a text, nothing, or the texts of its parts, one after the other.
std::string content_of(const Body& message) {
  const OrderedJson* content = message.find("content");
  if (content == nullptr) return {};
  if (content->is_string()) return content->get<std::string>();
  if (!content->is_array()) message.refuse("content", "a text or a list of parts");
  std::string result;
  for (const Body& part : message.required_objects("content")) {
    const std::string type = part.required_text("type");
    if (type == "text" || type == "input_text" || type == "output_text")
      result += part.required_text("text");
    else if (type == "refusal")
      result += part.required_text("refusal");
    else if (type == "image_url" || type == "image" || type == "input_image")
      refuse_medium(part.path_of("type"), "an image");
    else if (type == "input_audio" || type == "audio")
      refuse_medium(part.path_of("type"), "sound");
    else
      part.refuse("type", "text, image_url or input_audio");
  }
  return result;
}

/// The calls as templates read them: their arguments are objects, where a client sends them as JSON in a text.
OrderedJson tool_calls_of(const Body& message) {
  OrderedJson calls = OrderedJson::array();
  for (const Body& each : message.required_objects("tool_calls")) {
    OrderedJson call = each.json();
    const auto function = each.object("function");
    if (!function) each.refuse("function", "an object with name and arguments");
    (void)function->required_text("name");
    if (const OrderedJson* arguments = function->find("arguments"); arguments != nullptr && arguments->is_string()) {
      try {
        call["function"]["arguments"] = parse_ordered_json(arguments->get_ref<const std::string&>(), "arguments");
      } catch (const Error&) {
        function->refuse("arguments", "JSON in a text");
      }
    }
    calls.push_back(std::move(call));
  }
  return calls;
}

}  // namespace

std::vector<ChatMessage> messages_of(const Body& body) {
  std::vector<ChatMessage> messages;
  for (const Body& each : body.required_objects("messages")) {
    ChatMessage message{.role = each.required_text("role"), .content = content_of(each)};
    if (message.role == "developer") message.role = "system";
    if (message.role == "function") message.role = "tool";
    if (message.role != "system" && message.role != "user" && message.role != "assistant" && message.role != "tool")
      each.refuse("role", "system, developer, user, assistant or tool");
    if (const OrderedJson* images = each.find("images"); images != nullptr && !images->empty())
      refuse_medium(each.path_of("images"), "images");
    OrderedJson fields = OrderedJson::object();
    for (const char* name : {"name", "tool_call_id", "tool_name"})
      if (const auto text = each.text(name)) fields[name] = *text;
    if (const OrderedJson* calls = each.find("tool_calls"); calls != nullptr && !calls->empty()) fields["tool_calls"] = tool_calls_of(each);
    if (!fields.empty()) message.fields = dump(fields);
    messages.push_back(std::move(message));
  }
  if (messages.empty()) body.refuse("messages", "at least one message");
  return messages;
}

std::vector<Tool> tools_of(const Body& body) {
  std::vector<Tool> tools;
  for (const Body& each : body.objects("tools").value_or(std::vector<Body>())) {
    const auto function = each.object("function");
    if (!function) each.refuse("function", "an object with name and parameters");
    Tool tool{.name = function->required_text("name"), .parameters = nullptr};
    if (const auto parameters = function->object("parameters")) tool.parameters = parameters->json();
    tools.push_back(std::move(tool));
  }
  return tools;
}

std::string any_object_schema() { return R"({"type":"object"})"; }

std::optional<std::string> response_schema(const Body& body) {
  const auto format = body.object("response_format");
  if (!format) return std::nullopt;
  const std::string type = format->required_text("type");
  if (type == "text") return std::nullopt;
  if (type == "json_object") return any_object_schema();
  if (type != "json_schema") format->refuse("type", "text, json_object or json_schema");
  const auto outer = format->object("json_schema");
  if (!outer) format->refuse("json_schema", "an object with schema");
  const auto schema = outer->object("schema");
  if (!schema) outer->refuse("schema", "a JSON schema");
  return dump(schema->json());
}

}  // namespace accelerate::server
