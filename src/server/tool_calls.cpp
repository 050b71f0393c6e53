#include "server/tool_calls.h"

#include <algorithm>
#include <array>

#include "ipfs_accelerate/error.h"
#include "server/body.h"

namespace accelerate::server {
namespace {

constexpr std::string_view hermes_begin = "<tool_call>";
constexpr std::string_view hermes_end = "</tool_call>";
constexpr std::string_view mistral_begin = "[TOOL_CALLS]";
constexpr std::string_view llama_begin = "<|python_tag|>";
constexpr std::array markers{hermes_begin, mistral_begin, llama_begin};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view spaces = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(spaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(spaces) - begin + 1);
}

std::optional<OrderedJson> json_of(std::string_view text) {
  try {
    return parse_ordered_json(text, "a call");
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// {"name": …, "arguments": …} or, as Llama has it, "parameters".
std::optional<ToolCall> call_of(const OrderedJson& json, const std::vector<Tool>& tools) {
  if (!json.is_object() || !json.contains("name") || !json["name"].is_string()) return std::nullopt;
  ToolCall call{.name = json["name"].get<std::string>(), .arguments = "{}"};
  if (std::ranges::none_of(tools, [&](const Tool& tool) { return tool.name == call.name; })) return std::nullopt;
  for (const char* key : {"arguments", "parameters"}) {
    if (!json.contains(key)) continue;
    call.arguments = json[key].is_string() ? json[key].get<std::string>() : dump(json[key]);
    break;
  }
  return call;
}

/// The calls of a text that is one, or a list of them; none where any of it is something else.
std::vector<ToolCall> calls_of(std::string_view text, const std::vector<Tool>& tools) {
  const std::optional<OrderedJson> json = json_of(trimmed(text));
  if (!json) return {};
  std::vector<ToolCall> calls;
  const OrderedJson list = json->is_array() ? *json : OrderedJson::array({*json});
  for (const OrderedJson& each : list) {
    std::optional<ToolCall> call = call_of(each, tools);
    if (!call) return {};
    calls.push_back(std::move(*call));
  }
  return calls;
}

/// How much of the text's end may be the beginning of a marker.
std::size_t possible_marker(std::string_view text) {
  std::size_t most = 0;
  for (const std::string_view marker : markers)
    for (std::size_t length = std::min(marker.size() - 1, text.size()); length > most; --length)
      if (text.ends_with(marker.substr(0, length))) most = length;
  return most;
}

}  // namespace

std::size_t ToolSplitter::certain() const {
  if (rules_.tools.empty()) return text_.size();
  if (rules_.forced) return 0;
  const std::string_view begin = trimmed(text_);
  if (begin.empty() || begin.front() == '{' || begin.front() == '[') return 0;  // the whole text may be a call
  for (const std::string_view marker : markers)
    if (const std::size_t found = text_.find(marker); found != std::string::npos) return found;
  return text_.size() - possible_marker(text_);
}

std::string ToolSplitter::put(std::string_view piece) {
  text_ += piece;
  const std::size_t end = certain();
  if (end <= shown_) return {};
  const std::size_t begin = std::exchange(shown_, end);
  return text_.substr(begin, end - begin);
}

SplitText ToolSplitter::finish() {
  SplitText result{.content = text_, .rest = text_.substr(shown_), .calls = {}};
  if (rules_.tools.empty()) return result;

  std::string content;
  std::vector<ToolCall> calls;
  if (const std::size_t found = text_.find(hermes_begin); found != std::string::npos && !rules_.forced) {
    std::string_view rest = text_;
    while (true) {
      const std::size_t begin = rest.find(hermes_begin);
      content += rest.substr(0, begin);
      if (begin == std::string_view::npos) break;
      rest.remove_prefix(begin + hermes_begin.size());
      const std::size_t end = std::min(rest.find(hermes_end), rest.size());
      std::vector<ToolCall> found_calls = calls_of(rest.substr(0, end), rules_.tools);
      if (found_calls.empty()) return result;
      std::ranges::move(found_calls, std::back_inserter(calls));
      rest.remove_prefix(std::min(end + hermes_end.size(), rest.size()));
    }
  } else {
    std::string_view text = text_;
    for (const std::string_view marker : {mistral_begin, llama_begin}) {
      const std::size_t begin = text.find(marker);
      if (begin == std::string_view::npos) continue;
      content = text.substr(0, begin);
      text.remove_prefix(begin + marker.size());
      break;
    }
    calls = calls_of(text, rules_.tools);
  }
  if (calls.empty()) return result;
  if (!rules_.parallel) calls.resize(1);
  if (trimmed(content).empty()) content.clear();
  // What was shown cannot be taken back: it is all in front of the first call.
  return {.content = content, .rest = content.size() > shown_ ? content.substr(shown_) : std::string(), .calls = std::move(calls)};
}

std::string tools_schema(const std::vector<Tool>& tools, bool parallel) {
  OrderedJson any = OrderedJson::array();
  for (const Tool& tool : tools) {
    const OrderedJson parameters = tool.parameters.is_object() ? tool.parameters : OrderedJson{{"type", "object"}};
    any.push_back({{"type", "object"},
                   {"properties", {{"name", {{"const", tool.name}}}, {"arguments", parameters}}},
                   {"required", {"name", "arguments"}},
                   {"additionalProperties", false}});
  }
  const OrderedJson one = any.size() == 1 ? any[0] : OrderedJson{{"anyOf", any}};
  if (!parallel) return dump(one);
  return dump({{"type", "array"}, {"items", one}, {"minItems", 1}});
}

}  // namespace accelerate::server
