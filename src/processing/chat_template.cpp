#include "processing/chat_template.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/file.h"
#include "base/json.h"
#include "formats/gguf/model.h"
#include "processing/text_ffi/calls.h"
#include "processing/text_ffi/templates_ffi.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_template_bytes = 4U << 20U;
constexpr std::size_t max_config_bytes = 64U << 20U;
constexpr const char* default_name = "default";
constexpr const char* tool_name = "tool_use";

/// Writes the time at `owner` as strftime does; the other end allows for 256 bytes.
std::size_t write_time(const void* owner, text_ffi_view format, char* text, std::size_t size) {
  const std::time_t now = std::chrono::system_clock::to_time_t(*static_cast<const std::chrono::system_clock::time_point*>(owner));
  std::tm local{};
  if (localtime_r(&now, &local) == nullptr) return 0;
  return std::strftime(text, size, std::string(format.data, format.size).c_str(), &local);
}

/// Throws unless `text` is JSON of the wanted kind.
void expect_json(std::string_view text, std::string_view name, bool (Json::*is_wanted)() const noexcept, bool or_null,
                 std::string_view expected) {
  Json value;
  try {
    value = parse_json(text, name);
  } catch (const Error& error) {
    throw Error(ErrorKind::invalid_argument, error.what());
  }
  if ((value.*is_wanted)() || (or_null && value.is_null())) return;
  throw Error(ErrorKind::invalid_argument, fmt::format("{} is {}, expected {}", name, excerpt(value), expected));
}

/// The variables of a template as one JSON object. Given names win over those that every template has, as in transformers.
std::string variables_json(const ChatInput& input, const TokenizerConfig& config) {
  expect_json(input.messages, "messages", &Json::is_array, false, "a list of messages");
  expect_json(input.tools, "tools", &Json::is_array, true, "a list or null");
  expect_json(input.documents, "documents", &Json::is_array, true, "a list or null");
  expect_json(input.variables, "variables", &Json::is_object, false, "an object");
  std::string json = fmt::format(R"({{"messages": {}, "tools": {}, "documents": {}, "add_generation_prompt": {})", input.messages,
                                 input.tools, input.documents, input.add_generation_prompt);
  for (std::size_t i = 0; i < special_token_count; ++i) {
    const std::optional<std::string>& token = config.special_tokens[i];
    if (token) json += fmt::format(R"(, "{}": {})", field_of(static_cast<SpecialToken>(i)), Json(*token).dump());
  }
  const std::size_t begin = input.variables.find('{') + 1;
  const std::string_view further = input.variables.substr(begin, input.variables.rfind('}') - begin);
  const bool has_further = further.find_first_not_of(" \t\r\n") != std::string_view::npos;
  return json + (has_further ? fmt::format(", {}}}", further) : "}");
}

/// The text of "chat_template" in a JSON file; null where there is no such file or field.
Json field_of_file(const fs::path& file, std::size_t max_bytes) {
  if (!fs::exists(file)) return nullptr;
  Json value = parse_json(read_text_file(file, max_bytes), file.string());
  if (!value.is_object())
    throw Error(ErrorKind::invalid_file, fmt::format("{}: expected an object, not {}", file.string(), excerpt(value)));
  const auto found = value.find("chat_template");
  return found == value.end() ? Json(nullptr) : std::move(*found);
}

}  // namespace

std::string messages_json(std::span<const ChatMessage> messages) {
  std::string json = "[";
  for (const ChatMessage& message : messages) {
    auto fields = nlohmann::ordered_json{{"role", message.role}, {"content", message.content}};
    std::string text;
    try {
      text = fields.dump();
    } catch (const nlohmann::json::exception&) {
      throw Error(ErrorKind::invalid_argument, fmt::format("message {}: not UTF-8", &message - messages.data()));
    }
    if (!message.fields.empty()) {
      const std::string name = fmt::format("fields of message {}", &message - messages.data());
      expect_json(message.fields, name, &Json::is_object, false, "an object");
      const auto further = nlohmann::ordered_json::parse(message.fields);
      for (const auto& [key, value] : further.items()) {
        if (fields.contains(key)) throw Error(ErrorKind::invalid_argument, fmt::format("{}: {} is given by itself", name, in_quotes(key)));
        fields[key] = value;
      }
      text = fields.dump();
    }
    if (json.size() > 1) json += ", ";
    json += text;
  }
  return json + "]";
}

void ChatTemplates::Free::operator()(templates_ffi_template* opened) const { templates_ffi_free(opened); }

ChatTemplates ChatTemplates::load(const fs::path& folder) {
  ChatTemplates result;
  if (gguf::is_gguf_file(folder)) {
    const gguf::File file = gguf::File::open(folder);
    constexpr std::string_view key = "tokenizer.chat_template";
    if (const auto text = file.header.metadata.find_text(key)) result.add(default_name, *text, fmt::format("{}: {}", file.source, key));
    return result;
  }
  if (const fs::path file = folder / "chat_template.jinja"; fs::exists(file))
    result.add(default_name, read_text_file(file, max_template_bytes), file.string());
  if (const fs::path further = folder / "additional_chat_templates"; fs::is_directory(further)) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(further)) {
      if (entry.path().extension() == ".jinja") files.push_back(entry.path());
    }
    for (const fs::path& file : files) result.add(file.stem().string(), read_text_file(file, max_template_bytes), file.string());
  }
  for (const char* name : {"chat_template.json", "tokenizer_config.json"}) {
    if (!result.empty()) break;
    const fs::path file = folder / name;
    const Json value = field_of_file(file, max_config_bytes);
    const std::string field = fmt::format("{}: chat_template", file.string());
    const auto refuse = [&](std::string_view expected) {
      throw Error(ErrorKind::invalid_file, fmt::format("{} is {}, expected {}", field, excerpt(value), expected));
    };
    if (value.is_string()) {
      result.add(default_name, value.get_ref<const std::string&>(), field);
    } else if (value.is_array()) {
      for (const Json& entry : value) {
        const bool is_named = entry.is_object() && entry.contains("name") && entry["name"].is_string() && entry.contains("template") &&
                              entry["template"].is_string();
        if (!is_named) refuse("a list of objects with texts \"name\" and \"template\"");
        const std::string& entry_name = entry["name"].get_ref<const std::string&>();
        result.add(entry_name, entry["template"].get_ref<const std::string&>(), fmt::format("{} {}", field, in_quotes(entry_name)));
      }
    } else if (!value.is_null()) {
      refuse("a text or a list of named templates");
    }
  }
  return result;
}

ChatTemplates ChatTemplates::parse(std::string_view text, const std::string& source) {
  ChatTemplates result;
  result.add(default_name, text, source);
  return result;
}

std::vector<std::string> ChatTemplates::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : templates_) names.push_back(name);
  return names;
}

std::string ChatTemplates::render(const ChatInput& input, const TokenizerConfig& config) const {
  const Entry& entry = chosen(input);
  const std::string variables = variables_json(input, config);
  const templates_ffi_clock clock{.write = write_time, .owner = &input.now};
  text_ffi_string text{};
  expect_success(templates_ffi_render(entry.opened.get(), view_of(variables), &clock, &text), ErrorKind::invalid_argument,
                 fmt::format("{}: ", entry.source));
  return take(text);
}

void ChatTemplates::add(const std::string& name, std::string_view text, const std::string& source) {
  templates_ffi_template* opened = nullptr;
  expect_success(templates_ffi_open(view_of(name), view_of(text), &opened), ErrorKind::invalid_file, fmt::format("{}: ", source));
  templates_.insert_or_assign(name, Entry{.source = source, .opened = {opened, Free()}});
}

const ChatTemplates::Entry& ChatTemplates::chosen(const ChatInput& input) const {
  const bool has_tools = input.tools != "null";
  const std::string_view name = !input.name.empty()                           ? input.name
                                : has_tools && templates_.contains(tool_name) ? std::string_view(tool_name)
                                                                              : std::string_view(default_name);
  const auto found = templates_.find(name);
  if (found != templates_.end()) return found->second;
  if (templates_.empty()) throw Error(ErrorKind::invalid_argument, "the model folder has no chat template");
  throw Error(ErrorKind::invalid_argument,
              fmt::format("there is no chat template {}, expected one of {}", in_quotes(name), fmt::join(names(), ", ")));
}

}  // namespace accelerate
