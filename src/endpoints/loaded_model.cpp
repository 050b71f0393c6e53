#include "endpoints/loaded_model.h"

#include <fmt/format.h>

#include "endpoints/forward_call.h"
#include "tasks/model_info.h"

namespace accelerate {
namespace {

std::size_t index_of(ModelPart part) { return static_cast<std::size_t>(part); }

FairQueue::Limits limits_of(const QueueOptions& queue) { return {.tokens = queue.batch_tokens, .sequences = queue.batch_texts}; }

/// A task's call with its answer as one of all tasks'.
template <typename Answer>
PreparedTask as_task(PreparedCall<Answer> prepared) {
  return {.call = std::move(prepared.call), .answer = [answer = std::move(prepared.answer)] { return TaskAnswer(answer()); }};
}

std::vector<TextInput> inputs_of(const std::vector<OwnedInput>& owned) {
  std::vector<TextInput> inputs;
  for (const OwnedInput& input : owned) {
    inputs.push_back({.text = input.text});
    if (input.pair) inputs.back().pair = *input.pair;
  }
  return inputs;
}

}  // namespace

LoadedModel::LoadedModel(ModelFolder folder, const LoadOptions& options, const QueueOptions& queue, std::int64_t state_bytes)
    : folder_(std::move(folder)), options_(session_options(options)), queue_(queue), state_bytes_(state_bytes) {}

LoadedModel::~LoadedModel() = default;

void LoadedModel::load(ModelPart part) {
  if (has(part)) return;
  switch (part) {
    case ModelPart::embedding:
      embedder_.emplace(folder_, options_);
      break;
    case ModelPart::head:
      head_ = std::make_shared<const Session>(folder_, options_);
      break;
    case ModelPart::generation:
      generator_.emplace(folder_, GenerationSessionOptions{.session = options_, .state_bytes = state_bytes_});
      break;
  }
  const std::lock_guard lock(limits_mutex_);
  if (part == ModelPart::generation)
    generation_queue_ = std::make_unique<GenerationQueue>(*generator_, queue_.most_running);
  else
    batchers_[index_of(part)] = std::make_unique<TextBatcher>(session(part), limits_of(queue_));
  has_[index_of(part)] = true;
}

void LoadedModel::set_limits(const QueueOptions& queue) {
  const std::lock_guard lock(limits_mutex_);
  queue_ = queue;
  for (const ModelPart part : {ModelPart::embedding, ModelPart::head})
    if (has(part)) batcher(part).set_limits(limits_of(queue));
  if (has(ModelPart::generation)) generation_queue_->set_most_running(queue.most_running);
}

ModelInfo LoadedModel::info(ModelPart part) const {
  return part == ModelPart::generation ? model_info(generator_->session()) : model_info(session(part));
}

const Session& LoadedModel::session(ModelPart part) const { return part == ModelPart::embedding ? embedder_->model().session() : *head_; }

PreparedTask LoadedModel::prepare(const TaskRequest& request, ModelPart part) {
  if (const auto* forward = std::get_if<ForwardRequest>(&request)) return as_task(forward_call(session(part), forward->inputs));
  return std::visit([&](const auto& each) { return prepare_task(each); }, request);
}

PreparedTask LoadedModel::prepare_task(const EmbedRequest& request) {
  PreparedCall<Embeddings> prepared = embedder_->prepare(request.texts, {.truncate = request.options.truncate,
                                                                         .prompt_name = request.options.prompt_name,
                                                                         .prompt = request.options.prompt,
                                                                         .dimensions = request.options.dimensions});
  return {.call = std::move(prepared.call), .answer = [answer = std::move(prepared.answer)] { return TaskAnswer(result_of(answer())); }};
}

PreparedTask LoadedModel::prepare_task(const FillMaskRequest& request) {
  return as_task(mask_filler_.get([&] { return MaskFiller(head()); })
                     .prepare(request.texts, request.options.top_k, {.truncate = request.options.truncate}));
}

PreparedTask LoadedModel::prepare_task(const ClassifyRequest& request) {
  return as_task(classifier_.get([&] { return Classifier(head()); })
                     .prepare(inputs_of(request.inputs), request.options.top_k, {.truncate = request.options.truncate}));
}

PreparedTask LoadedModel::prepare_task(const ZeroShotRequest& request) {
  return as_task(zero_shot_.get([&] { return ZeroShotClassifier(head()); }).prepare(request.texts, request.options));
}

PreparedTask LoadedModel::prepare_task(const TagRequest& request) {
  return as_task(tagger_.get([&] { return Tagger(head()); }).prepare(request.texts, request.options));
}

PreparedTask LoadedModel::prepare_task(const AnswerRequest& request) {
  return as_task(answerer_.get([&] { return Answerer(head()); }).prepare(request.questions));
}

PreparedTask LoadedModel::prepare_task(const RankRequest& request) {
  const RankInput input{.query = request.query, .documents = request.documents};
  PreparedCall<std::vector<Ranking>> prepared =
      reranker_.get([&] { return Reranker(head()); }).prepare(std::span(&input, 1), request.options);
  return {.call = std::move(prepared.call),
          .answer = [answer = std::move(prepared.answer)] { return TaskAnswer(std::move(answer().front())); }};
}

PreparedTask LoadedModel::prepare_task(const GenerateRequest& /*request*/) {
  throw Error(ErrorKind::internal, "texts that go on are not computed in batches of texts");
}

PreparedTask LoadedModel::prepare_task(const ForwardRequest& /*request*/) {
  throw Error(ErrorKind::internal, "a pass over token ids needs to know of which part of the model");
}

std::vector<std::int64_t> LoadedModel::prompt_of(const GenerateRequest& request) {
  if (const auto* ids = std::get_if<std::vector<std::int64_t>>(&request.prompt)) return *ids;
  if (const auto* text = std::get_if<std::string>(&request.prompt)) return generator_->encode(*text);
  // The template writes the special tokens itself.
  const std::string rendered = render(std::get<ChatPrompt>(request.prompt));
  const TextInput input{.text = rendered};
  return generator_->tokenizer().encode(std::span(&input, 1), {.add_special_tokens = false}).ids;
}

const Tokenizer& LoadedModel::tokenizer() {
  if (has(ModelPart::embedding)) return embedder_->model().tokenizer();
  if (has(ModelPart::generation)) return generator_->tokenizer();
  return tokenizer_.get([&] { return Tokenizer::load(folder_.transformer); });
}

std::string LoadedModel::render(const ChatPrompt& prompt) {
  const ChatTemplates& templates = templates_.get([&] { return ChatTemplates::load(folder_.transformer); });
  if (templates.empty())
    throw Error(ErrorKind::unsupported, fmt::format("the model {} has no chat template: it takes a prompt, no messages", folder_.name()));
  const std::string messages = messages_json(prompt.messages);
  return templates.render(
      {.messages = messages, .tools = prompt.tools, .variables = prompt.variables, .add_generation_prompt = prompt.add_generation_prompt},
      tokenizer().config());
}

}  // namespace accelerate
