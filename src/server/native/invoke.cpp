// Every task by one verb: the request has the fields that the task's own options have, the answer is what `run --json` prints.
#include <fmt/format.h>

#include "server/endpoint_of.h"
#include "server/native/native.h"
#include "server/numbers.h"
#include "server/submit.h"
#include "tasks/answers_json.h"

namespace accelerate::server::native {
namespace {

using Exchange = std::shared_ptr<http::Exchange>;

/// {"task":…,"model":…,"answers":[…]}, whose answers are JSON already.
http::Response response_of(std::string_view task, const std::string& model, const std::string& answers) {
  return {.body = fmt::format(R"({{"task":{},"model":{},"answers":[{}]}})", dump(std::string(task)), dump(model), answers)};
}

template <typename Answers>
std::string joined(const Answers& answers) {
  std::string text;
  for (const auto& answer : answers) text += (text.empty() ? "" : ",") + line_of(to_json(answer));
  return text;
}

/// Asks for a task whose answers are a list of one type.
template <typename Request>
void ask(const SharedService& service, const Exchange& exchange, const Endpoint& endpoint, std::string_view task, Request request) {
  submit(service, dialect, exchange, endpoint, std::move(request),
         [task, name = endpoint.name()](const typename Request::Answer& answers, const CallReport&) {
           return response_of(task, name, joined(answers));
         });
}

std::vector<std::string> texts_of(const Body& body) {
  std::vector<std::string> texts = body.required_texts("text");
  if (texts.empty()) body.refuse("text", "at least one text");
  return texts;
}

bool truncates(const Body& body) { return body.boolean("truncate").value_or(true); }

std::size_t top_k(const Body& body, std::size_t otherwise) {
  return static_cast<std::size_t>(body.integer("top_k", 0, 1 << 30).value_or(static_cast<std::int64_t>(otherwise)));
}

void embed(const SharedService& service, const Exchange& exchange, const Endpoint& endpoint, const Body& body) {
  EmbedRequest request{.texts = texts_of(body)};
  request.options = {
      .truncate = truncates(body), .prompt_name = body.text("prompt_name"), .dimensions = body.integer("dimensions", 1, 1 << 24)};
  submit(service, dialect, exchange, endpoint, std::move(request), [name = endpoint.name()](const EmbedResult& result, const CallReport&) {
    const auto width = static_cast<std::size_t>(result.vectors.dim(-1));
    std::string answers;
    for (std::size_t i = 0; i < result.truncated.size(); ++i) {
      answers += i > 0 ? ",{\"embedding\":" : "{\"embedding\":";
      append_floats(answers, result.vectors.values<float>().subspan(i * width, width));
      answers += fmt::format(",\"truncated\":{}}}", static_cast<bool>(result.truncated[i]));
    }
    return response_of("embed", name, answers);
  });
}

void classify(const SharedService& service, const Exchange& exchange, const Endpoint& endpoint, const Body& body) {
  ClassifyRequest request{.inputs = {}, .options = {.top_k = top_k(body, 0), .truncate = truncates(body)}};
  const std::vector<std::string> texts = texts_of(body);
  const std::vector<std::string> pairs = body.texts("text_pair").value_or(std::vector<std::string>{});
  if (!pairs.empty() && pairs.size() != texts.size()) body.refuse("text_pair", "as many texts as \"text\" has");
  for (std::size_t i = 0; i < texts.size(); ++i)
    request.inputs.push_back({texts[i], pairs.empty() ? std::nullopt : std::optional(pairs[i])});
  ask(service, exchange, endpoint, "classify", std::move(request));
}

void zero_shot(const SharedService& service, const Exchange& exchange, const Endpoint& endpoint, const Body& body) {
  ZeroShotRequest request{.texts = texts_of(body), .options = {.labels = body.required_texts("labels")}};
  if (request.options.labels.empty()) body.refuse("labels", "at least one label");
  request.options.hypothesis = body.text("hypothesis").value_or(request.options.hypothesis);
  request.options.multi_label = body.boolean("multi_label").value_or(false);
  request.options.truncate = truncates(body);
  ask(service, exchange, endpoint, "zero-shot", std::move(request));
}

void answer(const SharedService& service, const Exchange& exchange, const Endpoint& endpoint, const Body& body) {
  ask(service, exchange, endpoint, "answer",
      AnswerRequest{.questions = {{.question = body.required_text("question"), .context = body.required_text("context")}}});
}

void rerank(const SharedService& service, const Exchange& exchange, const Endpoint& endpoint, const Body& body) {
  RankRequest request{.query = body.required_text("query"), .documents = body.required_texts("documents")};
  if (request.documents.empty()) body.refuse("documents", "at least one document");
  request.options = {.top_k = top_k(body, 0), .truncate = truncates(body)};
  submit(service, dialect, exchange, endpoint, std::move(request), [name = endpoint.name()](const Ranking& ranking, const CallReport&) {
    return response_of("rerank", name, line_of(to_json(ranking)));
  });
}

void generate(const SharedService& service, const Exchange& exchange, const Endpoint& endpoint, const Body& body) {
  GenerateRequest request{.prompt = body.required_text("prompt")};
  request.options.max_new_tokens = body.integer("max_new_tokens", 1, 1 << 30);
  request.options.temperature = body.number("temperature", 0, 100);
  if (request.options.temperature) request.options.do_sample = *request.options.temperature > 0;
  request.options.top_p = body.number("top_p", 0, 1);
  request.options.top_k = body.integer("top_k", 0, 1 << 30);
  if (const auto seed = body.integer("seed", 0, std::int64_t{1} << 53)) request.options.seed = static_cast<std::uint64_t>(*seed);
  submit(service, dialect, exchange, endpoint, std::move(request),
         [name = endpoint.name()](const GenerateAnswer& generated, const CallReport& report) {
           OrderedJson answers = OrderedJson::array();
           for (const GeneratedText& text : generated.texts)
             answers.push_back({{"text", text.text}, {"tokens", text.tokens}, {"finish_reason", name_of(text.finish_reason)}});
           OrderedJson answer{{"task", "generate"},
                              {"model", name},
                              {"answers", answers},
                              {"usage", {{"prompt_tokens", report.prompt_tokens}, {"generated_tokens", report.generated_tokens}}}};
           if (!generated.notes.empty()) answer["notes"] = generated.notes;
           return http::Response{.body = dump(answer)};
         });
}

struct Task {
  std::string_view name;
  void (*ask)(const SharedService&, const Exchange&, const Endpoint&, const Body&);
};

constexpr Task tasks[] = {
    {"embed", embed},
    {"classify", classify},
    {"zero-shot", zero_shot},
    {"answer", answer},
    {"rerank", rerank},
    {"generate", generate},
    {"tag",
     [](const SharedService& service, const Exchange& exchange, const Endpoint& endpoint, const Body& body) {
       ask(service, exchange, endpoint, "tag", TagRequest{.texts = texts_of(body), .options = {.truncate = truncates(body)}});
     }},
    {"fill-mask",
     [](const SharedService& service, const Exchange& exchange, const Endpoint& endpoint, const Body& body) {
       ask(service, exchange, endpoint, "fill-mask",
           FillMaskRequest{.texts = texts_of(body), .options = {.top_k = top_k(body, 5), .truncate = truncates(body)}});
     }},
};

}  // namespace

void invoke(const SharedService& service, const Exchange& exchange) {
  const Endpoint endpoint = endpoint_named(*service, exchange->request().parameter("name"));
  const Body body = Body::parse(exchange->take_body());
  const std::string wanted = body.text("task").value_or(endpoint.status().task);
  for (const Task& task : tasks)
    if (task.name == wanted) return task.ask(service, exchange, endpoint, body);
  body.refuse("task", fmt::format("one of: {}", fmt::join(endpoint.status().tasks, ", ")));
}

}  // namespace accelerate::server::native
