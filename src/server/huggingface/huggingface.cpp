#include "server/huggingface/huggingface.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "server/body.h"
#include "server/endpoint_of.h"
#include "server/media.h"
#include "server/submit.h"
#include "server/vectors.h"
#include "tasks/tag.h"

namespace accelerate::server::huggingface {
namespace {

using http::HttpError;
using SharedExchange = std::shared_ptr<http::Exchange>;

/// A request of any task: "inputs", and the options that stand in "parameters" or beside it.
struct Asked {
  SharedService service;
  SharedExchange exchange;
  Endpoint endpoint;
  Body body;
  Body parameters;

  /// Whether "inputs" is a list, whose answer is one.
  bool is_list() const { return body.has("inputs") && body.find("inputs")->is_array(); }

  std::vector<std::string> texts() const { return body.required_texts("inputs"); }

  /// The object that "inputs" is.
  Body object(std::string_view expected) const {
    const OrderedJson* inputs = body.find("inputs");
    if (inputs == nullptr || !inputs->is_object()) body.refuse("inputs", expected);
    return *body.object("inputs");
  }

  bool truncate() const { return parameters.boolean("truncate").value_or(body.boolean("truncate").value_or(true)); }
  std::size_t top_k(std::size_t otherwise) const {
    return static_cast<std::size_t>(parameters.integer("top_k", 1, 1 << 20).value_or(static_cast<std::int64_t>(otherwise)));
  }
};

template <typename Request, typename Respond>
void ask(const Asked& asked, Request request, Respond respond) {
  submit(asked.service, dialect, asked.exchange, asked.endpoint, std::move(request),
         [respond](const typename Request::Answer& answer, const CallReport&) { return http::Response{.body = respond(answer)}; });
}

/// The answers to a list as a list, or the one answer.
template <typename Answer, typename ToJson>
std::string one_or_list(const std::vector<Answer>& answers, bool is_list, const ToJson& to_json) {
  if (!is_list) return dump(to_json(answers.front(), 0));
  OrderedJson list = OrderedJson::array();
  for (std::size_t i = 0; i < answers.size(); ++i) list.push_back(to_json(answers[i], i));
  return dump(list);
}

OrderedJson labels_json(const Classification& classification) {
  OrderedJson list = OrderedJson::array();
  for (const LabelScore& label : classification.labels) list.push_back({{"label", label.label}, {"score", label.score}});
  return list;
}

void embed(const Asked& asked) {
  EmbedRequest request{.texts = {}};
  const OrderedJson* inputs = asked.body.find("inputs");
  const bool compares = inputs != nullptr && inputs->is_object();
  if (compares) {
    const Body pair = asked.object("an object with source_sentence and sentences");
    request.texts = pair.required_texts("sentences");
    request.texts.insert(request.texts.begin(), pair.required_text("source_sentence"));
  } else {
    request.texts = asked.texts();
  }
  request.options.truncate = asked.truncate();
  request.options.prompt_name = asked.body.text("prompt_name");
  ask(asked, std::move(request), [compares, normalize = asked.body.boolean("normalize").value_or(false)](const EmbedResult& result) {
    return compares ? similarities_json(result.vectors) : rows_json(result.vectors, normalize);
  });
}

void classify(const Asked& asked) {
  if (asked.parameters.has("function_to_apply")) asked.parameters.refuse("function_to_apply", "none: the model's own function is applied");
  ClassifyRequest request{.inputs = {},
                          .options = {.top_k = static_cast<std::size_t>(asked.parameters.integer("top_k", 1, 1 << 20).value_or(0)),
                                      .truncate = asked.truncate()}};
  const OrderedJson* inputs = asked.body.find("inputs");
  if (inputs != nullptr && inputs->is_object()) {
    const Body pair = asked.object("a text, a list of texts, or an object with text and text_pair");
    request.inputs.push_back({.text = pair.required_text("text"), .pair = pair.text("text_pair")});
  } else {
    for (std::string& text : asked.texts()) request.inputs.push_back({.text = std::move(text)});
  }
  // A list of each text's labels for one text too: huggingface_hub's client takes the first of what it gets.
  ask(asked, std::move(request), [](const std::vector<Classification>& results) {
    return one_or_list(results, true, [](const Classification& result, std::size_t) { return labels_json(result); });
  });
}

void zero_shot(const Asked& asked) {
  ZeroShotRequest request{.texts = asked.texts(), .options = {.labels = asked.parameters.required_texts("candidate_labels")}};
  request.options.multi_label = asked.parameters.boolean("multi_label").value_or(false);
  if (const auto hypothesis = asked.parameters.text("hypothesis_template")) request.options.hypothesis = *hypothesis;
  request.options.truncate = asked.truncate();
  ask(asked, std::move(request), [is_list = asked.is_list()](const std::vector<Classification>& results) {
    return one_or_list(results, is_list, [](const Classification& result, std::size_t) { return labels_json(result); });
  });
}

/// The text with the token in place of its mask number `mask`.
std::string filled(const std::string& text, const std::string& mask_token, std::size_t mask, const std::string& token) {
  std::size_t place = text.find(mask_token);
  for (std::size_t i = 0; i < mask && place != std::string::npos; ++i) place = text.find(mask_token, place + mask_token.size());
  if (place == std::string::npos) return text;
  return text.substr(0, place) + token + text.substr(place + mask_token.size());
}

void fill_mask(const Asked& asked) {
  if (asked.parameters.has("targets")) asked.parameters.refuse("targets", "none: all tokens of the vocabulary are candidates");
  FillMaskRequest request{.texts = asked.texts(), .options = {.top_k = asked.top_k(5), .truncate = asked.truncate()}};
  ask(asked, request,
      [texts = request.texts, endpoint = asked.endpoint, is_list = asked.is_list()](const std::vector<FilledMasks>& results) {
        const std::string mask_token = endpoint.mask_token();
        return one_or_list(results, is_list, [&](const FilledMasks& result, std::size_t i) {
          OrderedJson masks = OrderedJson::array();
          for (std::size_t mask = 0; mask < result.masks.size(); ++mask) {
            OrderedJson list = OrderedJson::array();
            for (const MaskCandidate& candidate : result.masks[mask])
              list.push_back({{"score", candidate.score},
                              {"token", candidate.token_id},
                              {"token_str", candidate.token},
                              {"sequence", filled(texts[i], mask_token, mask, candidate.token)}});
            masks.push_back(std::move(list));
          }
          return masks.size() == 1 ? OrderedJson(masks.front()) : masks;
        });
      });
}

void tag(const Asked& asked) {
  const std::string strategy = asked.parameters.text("aggregation_strategy").value_or("simple");
  TagRequest request{.texts = asked.texts(), .options = {.aggregation = aggregation_named(strategy), .truncate = asked.truncate()}};
  const std::string label_name = strategy == "none" ? "entity" : "entity_group";
  ask(asked, std::move(request), [label_name, is_list = asked.is_list()](const std::vector<TaggedText>& results) {
    return one_or_list(results, is_list, [&](const TaggedText& result, std::size_t) {
      OrderedJson list = OrderedJson::array();
      for (const Entity& entity : result.entities)
        list.push_back({{label_name, entity.label},
                        {"score", entity.score},
                        {"word", entity.text},
                        {"start", entity.span.begin},
                        {"end", entity.span.end}});
      return list;
    });
  });
}

void answer(const Asked& asked) {
  const Body inputs = asked.object("an object with question and context");
  AnswerRequest request{.questions = {{.question = inputs.required_text("question"), .context = inputs.required_text("context")}}};
  ask(asked, std::move(request), [](const std::vector<Answer>& answers) {
    const Answer& best = answers.front();
    return dump({{"answer", best.text}, {"score", best.score}, {"start", best.span.begin}, {"end", best.span.end}});
  });
}

void rerank(const Asked& asked) {
  const Body inputs = asked.object("an object with query and texts, or text and text_pair");
  if (inputs.has("text")) return classify(asked);
  RankRequest request{
      .query = inputs.required_text("query"), .documents = inputs.required_texts("texts"), .options = {.truncate = asked.truncate()}};
  ask(asked, std::move(request), [](const Ranking& ranking) {
    OrderedJson list = OrderedJson::array();
    for (const RankedDocument& document : ranking.documents) list.push_back({{"index", document.index}, {"score", document.score}});
    return dump(list);
  });
}

void generate(const Asked& asked) {
  if (asked.body.boolean("stream").value_or(false))
    asked.body.refuse("stream", "false: texts stream from /v1/chat/completions and /v1/completions");
  if (asked.parameters.boolean("details").value_or(false)) asked.parameters.refuse("details", "false");
  const std::string prompt = asked.body.required_text("inputs");
  GenerateRequest request{.prompt = prompt};
  GenerationOptions& options = request.options;
  const Body& given = asked.parameters;
  options.max_new_tokens = given.integer("max_new_tokens", 1, 1 << 30);
  options.do_sample = given.boolean("do_sample");
  options.temperature = given.number("temperature", 0, 100);
  options.top_k = given.integer("top_k", 0, 1'000'000);
  options.top_p = given.number("top_p", 0, 1);
  options.typical_p = given.number("typical_p", 1e-6, 1);
  options.repetition_penalty = given.number("repetition_penalty", 0.01, 100);
  options.frequency_penalty = given.number("frequency_penalty", -2, 2);
  options.stop_strings = given.texts(given.has("stop") ? "stop" : "stop_sequences");
  if (options.stop_strings && options.stop_strings->empty()) options.stop_strings.reset();
  if (const auto seed = given.integer("seed", 0, std::int64_t{1} << 53)) options.seed = static_cast<std::uint64_t>(*seed);
  const std::string before = given.boolean("return_full_text").value_or(false) ? prompt : std::string();
  ask(asked, std::move(request), [before](const GenerateAnswer& answer) {
    OrderedJson list = OrderedJson::array();
    for (const GeneratedText& text : answer.texts) list.push_back({{"generated_text", before + text.text}});
    return dump(list);
  });
}

/// Throws HttpError 501 where `medium` says that what was sent is no text.
void expect_no_medium(const Endpoint& endpoint, std::string_view where, std::string_view medium) {
  if (medium.empty()) return;
  throw HttpError(501,
                  fmt::format("{} is {}, and model {} is for task {}: this build's models take text alone", where, medium,
                              in_quotes(endpoint.name()), endpoint.status().task),
                  "unsupported_medium");
}

void run(const SharedService& service, const SharedExchange& exchange) {
  const Endpoint endpoint = endpoint_named(*service, exchange->request().parameter("endpoint"));
  const std::string text = exchange->take_body();
  expect_no_medium(endpoint, "the body", medium_of(text));
  const Body body = Body::parse(text);
  if (const OrderedJson* inputs = body.find("inputs")) {
    const OrderedJson& medium = inputs->is_object() && inputs->contains("image") ? inputs->at("image") : *inputs;
    if (medium.is_string()) expect_no_medium(endpoint, "inputs", medium_of_base64(medium.get_ref<const std::string&>()));
  }
  const Asked asked{.service = service,
                    .exchange = exchange,
                    .endpoint = endpoint,
                    .body = body,
                    .parameters = body.object("parameters").value_or(Body::parse("{}"))};
  const std::string task = endpoint.status().task;
  if (asked.parameters.has("candidate_labels")) return zero_shot(asked);
  if (task == "embed") return embed(asked);
  if (task == "classify") return classify(asked);
  if (task == "rerank") return rerank(asked);
  if (task == "fill-mask") return fill_mask(asked);
  if (task == "tag") return tag(asked);
  if (task == "answer") return answer(asked);
  if (task == "generate") return generate(asked);
  throw HttpError(501, fmt::format("task {} has no form in this dialect", task));
}

}  // namespace

const http::Dialect dialect{.name = "huggingface", .error = [](const HttpError& error) {
                              return http::Response{.status = error.status(), .body = dump({{"error", error.what()}})};
                            }};

void add_routes(std::vector<http::Route>& routes, const SharedService& service) {
  routes.push_back({.method = "POST",
                    .pattern = "/hf/{endpoint}",
                    .place = http::Place::worker,
                    .dialect = &dialect,
                    .summary = "Does the endpoint's task, as Hugging Face's inference clients ask for it.",
                    .handler = [service](const auto& exchange) { run(service, exchange); }});
}

}  // namespace accelerate::server::huggingface
