#include "server/conversation.h"
#include "server/endpoint_of.h"
#include "server/generation_run.h"
#include "server/ollama/ollama.h"

namespace accelerate::server::ollama {
namespace {

std::string line(const OrderedJson& json) { return dump(json) + "\n"; }

std::string reason_of(const GeneratedText& text) { return text.finish_reason == FinishReason::length ? "length" : "stop"; }

/// Lines of JSON, of /api/generate and of /api/chat.
class OllamaAnswer final : public GenerationAnswer {
 public:
  OllamaAnswer(std::string model, bool is_chat) : model_(std::move(model)), is_chat_(is_chat) {}

  http::Response whole(const std::vector<Choice>& choices, const GenerationTotals& totals) override {
    return {.body = dump(last_json(choices.front().content, choices.front(), totals))};
  }

  std::string first(std::size_t) override { return {}; }

  std::string piece(std::size_t, std::string_view text) override {
    OrderedJson json = part(text, {});
    json["done"] = false;
    return line(json);
  }

  std::string last(std::size_t, const Choice& choice) override {
    choice_ = choice;
    return {};
  }

  std::string end(const GenerationTotals& totals) override { return line(last_json("", choice_, totals)); }

  std::string error(const http::HttpError& error) override { return line({{"error", error.what()}}); }

 private:
  OrderedJson part(std::string_view text, const std::vector<ToolCall>& calls) const {
    OrderedJson json{{"model", model_}, {"created_at", timestamp(std::chrono::system_clock::now())}};
    if (!is_chat_) {
      json["response"] = text;
      return json;
    }
    json["message"] = {{"role", "assistant"}, {"content", text}};
    for (const ToolCall& call : calls) {
      OrderedJson arguments = OrderedJson::parse(call.arguments, nullptr, false);
      if (!arguments.is_object()) arguments = OrderedJson::object();
      json["message"]["tool_calls"].push_back({{"function", {{"name", call.name}, {"arguments", arguments}}}});
    }
    return json;
  }

  OrderedJson last_json(std::string_view text, const Choice& choice, const GenerationTotals& totals) const {
    OrderedJson json = part(text, choice.tool_calls);
    const CallReport& report = totals.report;
    const double prompt_seconds = std::max(0.0, report.first_token_seconds - report.queue_seconds);
    json.update({{"done", true},
                 {"done_reason", reason_of(choice.answer)},
                 {"total_duration", nanoseconds(report.total_seconds)},
                 {"load_duration", 0},
                 {"prompt_eval_count", totals.prompt_tokens},
                 {"prompt_eval_duration", nanoseconds(prompt_seconds)},
                 {"eval_count", totals.generated_tokens},
                 {"eval_duration", nanoseconds(std::max(0.0, report.compute_seconds - prompt_seconds))}});
    if (!totals.notes.empty()) json["notes"] = totals.notes;
    return json;
  }

  std::string model_;
  bool is_chat_;
  Choice choice_;
};

GenerationOptions options_of(const Body& body) {
  GenerationOptions result;
  if (const OrderedJson* format = body.find("format")) {
    if (*format == "json")
      result.json_schema = any_object_schema();
    else if (format->is_object())
      result.json_schema = dump(*format);
    else if (*format != "")
      body.refuse("format", "json or a JSON schema");
  }
  const auto options = body.object("options");
  if (!options) return result;
  const auto most = options->integer("num_predict", -2, 1 << 30);
  if (most && *most > 0) result.max_new_tokens = most;
  result.temperature = options->number("temperature", 0, 100);
  if (result.temperature) result.do_sample = *result.temperature > 0;
  result.top_k = options->integer("top_k", 0, 1'000'000);
  if (const auto top_p = options->number("top_p", 0, 1)) result.top_p = std::max(*top_p, 1e-6);
  result.min_p = options->number("min_p", 0, 1);
  result.repetition_penalty = options->number("repeat_penalty", 0.01, 100);
  result.presence_penalty = options->number("presence_penalty", -2, 2);
  result.frequency_penalty = options->number("frequency_penalty", -2, 2);
  if (const auto seed = options->integer("seed", -1, std::int64_t{1} << 53); seed && *seed >= 0)
    result.seed = static_cast<std::uint64_t>(*seed);
  result.stop_strings = options->texts("stop");
  if (result.stop_strings && result.stop_strings->empty()) result.stop_strings.reset();
  return result;
}

/// A request without a prompt loads the model, or unloads it.
void load_or_unload(const SharedService& service, http::Exchange& exchange, const Endpoint& endpoint, const Body& body, bool is_chat) {
  const bool unload = wants_unload(body);
  if (unload)
    service->endpoints.unload(endpoint.name());
  else
    endpoint.init();
  OrderedJson json{{"model", body.text("model").value_or(endpoint.name())}, {"created_at", timestamp(std::chrono::system_clock::now())}};
  if (is_chat)
    json["message"] = {{"role", "assistant"}, {"content", ""}};
  else
    json["response"] = "";
  json["done"] = true;
  json["done_reason"] = unload ? "unload" : "load";
  exchange.answer({.body = line(json)});
}

void run(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange, const Body& body, GenerationCall call,
         bool is_chat) {
  call.request.options = options_of(body);
  call.stream = body.boolean("stream").value_or(true);
  call.kind = http::StreamKind::lines;
  auto answer = std::make_unique<OllamaAnswer>(body.text("model").value_or(call.endpoint.name()), is_chat);
  generate(service, dialect, exchange, std::move(call), std::move(answer));
}

}  // namespace

void generate_text(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange) {
  const Body body = Body::parse(exchange->take_body());
  const Endpoint endpoint = ollama::endpoint_of(*service, body);
  const std::string prompt = body.text("prompt").value_or("");
  if (const OrderedJson* images = body.find("images"); images != nullptr && !images->empty()) refuse_medium("images", "images");
  if (!body.text("suffix").value_or("").empty()) body.refuse("suffix", "none: these models only go on");
  if (!body.text("template").value_or("").empty()) body.refuse("template", "none: the model's own is used");
  if (prompt.empty()) return load_or_unload(service, *exchange, endpoint, body, false);

  GenerationCall call{.endpoint = endpoint, .request = {}};
  call.request.prompt = prompt;
  if (!body.boolean("raw").value_or(false)) {
    // Where the model has a chat template, the prompt is what a user says; elsewhere it stands as it is.
    ChatPrompt chat;
    if (const auto system = body.text("system"); system && !system->empty())
      chat.messages.push_back({.role = "system", .content = *system});
    chat.messages.push_back({.role = "user", .content = prompt});
    try {
      (void)endpoint.render(chat);
      call.request.prompt = std::move(chat);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unsupported) throw;
    }
  }
  run(service, exchange, body, std::move(call), false);
}

void chat(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange) {
  const Body body = Body::parse(exchange->take_body());
  const Endpoint endpoint = ollama::endpoint_of(*service, body);
  const OrderedJson* messages = body.find("messages");
  if (messages == nullptr || messages->empty()) return load_or_unload(service, *exchange, endpoint, body, true);
  GenerationCall call{.endpoint = endpoint, .request = {}, .tools = {.tools = tools_of(body)}};
  ChatPrompt prompt{.messages = messages_of(body)};
  if (!call.tools.tools.empty()) prompt.tools = dump(*body.find("tools"));
  if (const auto think = body.boolean("think")) prompt.variables = dump({{"enable_thinking", *think}});
  call.request.prompt = std::move(prompt);
  run(service, exchange, body, std::move(call), true);
}

}  // namespace accelerate::server::ollama
