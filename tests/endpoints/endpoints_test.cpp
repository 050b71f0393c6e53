// Endpoints from adding to removing: what they answer, and what they refuse.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "base/file.h"
#include "endpoint_testing.h"
#include "ipfs_accelerate/language_model.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

using namespace std::chrono_literals;

/// Texts of 1 to many tokens.
std::vector<std::string> some_texts(std::size_t count) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text = "a";
    for (std::size_t word = 0; word < i * 7 % 23; ++word) text += " boat" + std::to_string(word * i % 5);
    texts.push_back(text);
  }
  return texts;
}

void expect_equal(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(shape_text(a.shape()), shape_text(b.shape()));
  EXPECT_EQ(std::memcmp(a.bytes().data(), b.bytes().data(), a.byte_size()), 0) << "to the last bit";
}

TEST(Endpoints, EmbedAsTheLibraryDoesToTheLastBitWhateverElseIsInTheBatch) {
  const CreatedModelFolder folder(Task::embed);
  const std::vector<std::string> texts = some_texts(64);
  const Model model = Model::load(folder.path(), exactly());
  const Tensor expected = model.embed(texts).vectors;

  Endpoints endpoints;
  const Endpoint endpoint = endpoints.add("embedder", {.folder = folder.path(), .load = exactly(), .queue = {.batch_tokens = 200}});
  expect_equal(endpoint.invoke(EmbedRequest{.texts = texts}).vectors, expected);
  std::vector<std::future<TaskResult>> results;
  {
    const Held held(endpoint);  // so that they meet in batches
    for (const std::string& text : texts) results.push_back(begin(endpoint, EmbedRequest{.texts = {text}}, {.client = text}));
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    TaskResult result = results[i].get();
    const EmbedResult answer = result.take<EmbedRequest>();
    const Tensor one = model.embed(std::span(&texts[i], 1)).vectors;
    expect_equal(answer.vectors, one);
    EXPECT_EQ(std::memcmp(one.bytes().data(), expected.bytes().data() + i * one.byte_size(), one.byte_size()), 0);
    EXPECT_EQ(result.report.prompt_tokens, answer.tokens.front());
    EXPECT_EQ(result.report.batches, 1U);
  }
  const EndpointStatistics counts = endpoint.status().statistics;
  EXPECT_EQ(counts.requests.ok, 66U);
  EXPECT_LT(counts.batches, 64U);
  EXPECT_EQ(counts.waiting_requests, 0U);
  EXPECT_EQ(counts.waiting_tokens, 0);
  EXPECT_EQ(counts.running_requests, 0U);
}

TEST(Endpoints, LeaveOutEachRequestsOwnPrompt) {
  const CreatedModelFolder folder(Task::embed,
                                  {.sentence = SentenceShape{.pooling = PoolingMode::mean, .normalize = true, .max_seq_length = 40}});
  std::filesystem::path pooling;
  for (const auto& each : std::filesystem::recursive_directory_iterator(folder.path()))
    if (each.path().parent_path().filename() == "1_Pooling") pooling = each.path();
  Json config = parse_json(read_text_file(pooling, 10000), "pooling");
  config["include_prompt"] = false;
  std::ofstream(pooling) << config.dump();

  const Model model = Model::load(folder.path(), exactly());
  Endpoints endpoints;
  const Endpoint endpoint = endpoints.add("e", {.folder = folder.path(), .load = exactly()});
  const std::vector<std::string> prompts{"", "q: ", "a longer prompt: "};
  std::vector<std::future<TaskResult>> results;
  {
    const Held held(endpoint);
    for (const std::string& prompt : prompts)
      results.push_back(begin(endpoint, EmbedRequest{.texts = some_texts(5), .options = {.prompt = prompt}}));
  }
  for (std::size_t i = 0; i < prompts.size(); ++i)
    expect_equal(results[i].get().take<EmbedRequest>().vectors, model.embed(some_texts(5), {.prompt = prompts[i]}).vectors);
}

TEST(Endpoints, DoEveryTaskAsTheLibraryDoes) {
  const std::vector<std::string> texts{"a boat", "the ferry leaves"};
  {
    const CreatedModelFolder folder(Task::fill_mask);
    Endpoints endpoints;
    const Endpoint endpoint = endpoints.add("e", {.folder = folder.path(), .load = exactly()});
    const std::vector<std::string> masked{"a [MASK] boat"};
    const auto filled = endpoint.invoke(FillMaskRequest{.texts = masked});
    const auto expected = Model::load(folder.path(), exactly()).fill_mask(masked);
    ASSERT_EQ(filled.size(), 1U);
    ASSERT_EQ(filled[0].masks.size(), 1U);
    for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(filled[0].masks[0][i].token_id, expected[0].masks[0][i].token_id);
    EXPECT_EQ(endpoint.status().tasks, (std::vector<std::string>{"fill-mask", "embed"}));
    // The other part of the model is loaded when it is first asked for.
    EXPECT_EQ(endpoint.invoke(EmbedRequest{.texts = texts}).vectors.dim(0), 2);
  }
  {
    const CreatedModelFolder folder(Task::classify);
    Endpoints endpoints;
    const Endpoint endpoint = endpoints.add("e", {.folder = folder.path(), .load = exactly()});
    const std::vector<TextInput> inputs{{.text = "a boat", .pair = "a ferry"}};
    const auto classified = endpoint.invoke(ClassifyRequest{.inputs = {{.text = "a boat", .pair = "a ferry"}}});
    const auto expected = Model::load(folder.path(), exactly()).classify(inputs);
    ASSERT_EQ(classified[0].labels.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(classified[0].labels[i].label, expected[0].labels[i].label);
      EXPECT_EQ(classified[0].labels[i].score, expected[0].labels[i].score);
    }
    expect_error(ErrorKind::unsupported, "endpoint 'e': does classify, embed, not rerank",
                 [&] { endpoint.invoke(RankRequest{.query = "a", .documents = texts}); });
  }
  {
    const CreatedModelFolder folder(Task::tag);
    Endpoints endpoints;
    const Endpoint endpoint = endpoints.add("e", {.folder = folder.path(), .load = exactly()});
    const auto tagged = endpoint.invoke(TagRequest{.texts = texts, .options = {.aggregation = Aggregation::none}});
    const auto expected = Model::load(folder.path(), exactly()).tag(texts, {.aggregation = Aggregation::none});
    for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(tagged[i].entities.size(), expected[i].entities.size());
  }
  {
    const CreatedModelFolder folder(Task::answer);
    Endpoints endpoints;
    const Endpoint endpoint = endpoints.add("e", {.folder = folder.path(), .load = exactly()});
    const std::vector<Question> questions{{.question = "what leaves", .context = "the ferry leaves at noon"}};
    const auto answers = endpoint.invoke(AnswerRequest{.questions = questions});
    EXPECT_EQ(answers[0].text, Model::load(folder.path(), exactly()).answer(questions)[0].text);
  }
}

TEST(Endpoints, RunTokenIdsAsTheLibraryDoes) {
  const CreatedModelFolder folder(Task::tag);
  Endpoints endpoints;
  const Endpoint endpoint = endpoints.add("e", {.folder = folder.path(), .load = exactly()});
  const std::vector<std::int64_t> ids{5, 6, 7, 8, 9, 0};
  const std::vector<std::int64_t> mask{1, 1, 1, 1, 1, 0};
  const TensorMap inputs{{"input_ids", Tensor::from<std::int64_t>(ids, {2, 3})},
                         {"attention_mask", Tensor::from<std::int64_t>(mask, {2, 3})}};
  std::future<TaskResult> result;
  {
    const Held held(endpoint);  // which is of another part of the model
    result = begin(endpoint, ForwardRequest{.inputs = inputs});
  }
  const ForwardResult answer = result.get().take<ForwardRequest>();
  expect_equal(answer.outputs.at("logits"), Model::load(folder.path(), exactly()).forward(inputs).outputs.at("logits"));
  EXPECT_EQ(shape_text(answer.outputs.at("logits").shape()), "[2, 3, 3]");

  const auto refuse = [&](std::string_view reason, TensorMap other) {
    expect_error(ErrorKind::invalid_argument, reason, [&] { (void)endpoint.invoke(ForwardRequest{.inputs = std::move(other)}); });
  };
  const std::vector<std::int64_t> behind{1, 1, 1, 0, 1, 1};
  refuse("row 1 has zeros before ones",
         {{"input_ids", inputs.at("input_ids")}, {"attention_mask", Tensor::from<std::int64_t>(behind, {2, 3})}});
  refuse("input 'pixel_values' is not one of", {{"input_ids", inputs.at("input_ids")}, {"pixel_values", inputs.at("input_ids")}});
  refuse("row 0 has 41 tokens, more than the model's 40", {{"input_ids", Tensor::zeros(DType::int64, {1, 41})}});
  const Endpoint generator = endpoints.add("g", {.folder = decoder_folder(), .load = exactly()});
  expect_error(ErrorKind::unsupported, "not forward", [&] { (void)generator.invoke(ForwardRequest{.inputs = inputs}); });
}

TEST(Endpoints, GoOnWithTextsAsOneAloneDoes) {
  Endpoints endpoints;
  const Endpoint endpoint = endpoints.add("g", {.folder = decoder_folder(), .load = exactly(), .queue = {.most_running = 3}});
  EXPECT_EQ(endpoint.status().task, "generate");
  GenerationOptions options;
  options.max_new_tokens = 12;
  options.ignore_eos = true;
  const auto request = [&](std::int64_t i) {
    return GenerateRequest{.prompt = std::vector<std::int64_t>{5, 6, 7 + i, 8}, .options = options};
  };
  std::vector<std::vector<std::int64_t>> alone;
  for (std::int64_t i = 0; i < 8; ++i) alone.push_back(endpoint.invoke(request(i)).texts.front().tokens);
  std::vector<std::future<TaskResult>> together;
  for (std::int64_t i = 0; i < 8; ++i) together.push_back(begin(endpoint, request(i)));
  for (std::size_t i = 0; i < 8; ++i) {
    TaskResult result = together[i].get();
    EXPECT_EQ(result.report.prompt_tokens, 4);
    EXPECT_EQ(result.report.generated_tokens, 12);
    EXPECT_GT(result.report.first_token_seconds, 0);
    EXPECT_LE(result.report.first_token_seconds, result.report.total_seconds);
    EXPECT_EQ(result.take<GenerateRequest>().texts.front().tokens, alone[i]);
  }
  const EndpointStatistics counts = endpoint.status().statistics;
  EXPECT_EQ(counts.generated_tokens, 16U * 12U);
  EXPECT_EQ(counts.first_token_seconds.count(), 16U);
  EXPECT_EQ(counts.running_requests, 0U);
}

TEST(Endpoints, AnswerTextsWithEncoderDecoders) {
  const CreatedModelFolder folder(Task::translate, {.model_type = "t5"});
  Endpoints endpoints;
  const Endpoint endpoint = endpoints.add("t5", {.folder = folder.path(), .load = exactly()});
  EXPECT_EQ(endpoint.status().task, "generate");
  EXPECT_FALSE(endpoint.does("embed"));
  GenerationOptions options;
  options.max_new_tokens = 9;
  options.ignore_eos = true;
  for (const std::int64_t beams : {1, 3}) {
    options.num_beams = beams;
    const GenerateResult expected = LanguageModel::load(folder.path(), exactly()).generate("a boat leaves", options);
    TaskResult result = begin(endpoint, GenerateRequest{.prompt = "a boat leaves", .options = options}).get();
    EXPECT_EQ(result.report.prompt_tokens, expected.prompt_tokens);
    EXPECT_EQ(result.report.generated_tokens, 9);
    EXPECT_EQ(result.take<GenerateRequest>().texts.front().tokens, expected.texts.front().tokens);
  }
  expect_error(ErrorKind::unsupported, "does generate, not embed", [&] { (void)endpoint.invoke(EmbedRequest{.texts = {"a boat"}}); });
}

TEST(Endpoints, StreamEndAtTheCallersWishOrDeadline) {
  Endpoints endpoints;
  const Endpoint endpoint = endpoints.add("g", {.folder = decoder_folder(), .load = exactly()});
  GenerateRequest request{.prompt = "a boat"};
  request.options.max_new_tokens = 400;
  request.options.ignore_eos = true;

  std::string streamed;
  request.receive = [&](std::string_view piece) {
    streamed += piece;
    return streamed.size() < 30;
  };
  const GenerateAnswer cut = endpoint.invoke(request);
  EXPECT_EQ(cut.texts.front().finish_reason, FinishReason::cancelled);
  EXPECT_EQ(cut.texts.front().text, streamed);

  const CallOptions options;
  request.receive = [&](std::string_view) {
    options.cancellation.cancel();
    return true;
  };
  expect_error(ErrorKind::cancelled, "cancelled by its caller", [&] { endpoint.invoke(request, options); });

  request.receive = [](std::string_view) {
    std::this_thread::sleep_for(20ms);
    return true;
  };
  expect_error(ErrorKind::timed_out, "deadline", [&] { endpoint.invoke(request, {.deadline = std::chrono::steady_clock::now() + 100ms}); });
  expect_error(ErrorKind::timed_out, "deadline", [&] { endpoint.invoke(request, {.deadline = std::chrono::steady_clock::now()}); });
}

TEST(Endpoints, RefuseWholeRequestsWhenTooMuchWaits) {
  const CreatedModelFolder folder(Task::embed);
  Endpoints endpoints;
  const Endpoint endpoint =
      endpoints.add("e", {.folder = folder.path(), .load = exactly(), .queue = {.most_requests = 4, .most_tokens = 100}});
  std::vector<std::future<TaskResult>> admitted;
  {
    const Held held(endpoint);
    for (int i = 0; i < 3; ++i) admitted.push_back(begin(endpoint, EmbedRequest{.texts = {"a boat"}}));
    // Many texts are one request: in whole, or not at all.
    expect_error(ErrorKind::overloaded, "has no room behind", [&] { endpoint.invoke(EmbedRequest{.texts = some_texts(64)}); });
    EXPECT_EQ(endpoint.status().statistics.waiting_requests, 3U);
    admitted.push_back(begin(endpoint, EmbedRequest{.texts = {"a boat"}}));
    try {
      endpoint.invoke(EmbedRequest{.texts = {"a boat"}});
      ADD_FAILURE() << "a fifth request was admitted";
    } catch (const OverloadedError& error) {
      EXPECT_GE(error.retry_after_seconds(), 1);
    }
  }
  for (auto& each : admitted) EXPECT_FALSE(each.get().error);
  const EndpointStatistics counts = endpoint.status().statistics;
  EXPECT_EQ(counts.requests.overloaded, 2U);
  EXPECT_EQ(counts.requests.ok, 5U);
  EXPECT_EQ(counts.waiting_tokens, 0);
}

TEST(Endpoints, ComputeNothingForCallersWhoAreGone) {
  const CreatedModelFolder folder(Task::embed);
  Endpoints endpoints;
  const Endpoint endpoint = endpoints.add("e", {.folder = folder.path(), .load = exactly()});
  std::future<TaskResult> late;
  std::future<TaskResult> cancelled;
  std::future<TaskResult> served;
  {
    const Held held(endpoint);
    const CallOptions options;
    cancelled = begin(endpoint, EmbedRequest{.texts = some_texts(9)}, options);
    late = begin(endpoint, EmbedRequest{.texts = some_texts(9)}, {.deadline = std::chrono::steady_clock::now() + 30ms});
    served = begin(endpoint, EmbedRequest{.texts = some_texts(9)}, {.deadline = std::chrono::steady_clock::now() + 1h});
    options.cancellation.cancel();
    std::this_thread::sleep_for(40ms);
  }
  expect_error(ErrorKind::cancelled, "cancelled by its caller", [&] { cancelled.get().take<EmbedRequest>(); });
  expect_error(ErrorKind::timed_out, "deadline", [&] { late.get().take<EmbedRequest>(); });
  EXPECT_EQ(served.get().take<EmbedRequest>().vectors.dim(0), 9);
  EXPECT_EQ(endpoint.status().statistics.texts, 10U);
}

TEST(Endpoints, ServeThePriorityFirst) {
  const CreatedModelFolder folder(Task::embed);
  Endpoints endpoints;
  const Endpoint endpoint = endpoints.add("e", {.folder = folder.path(), .load = exactly(), .queue = {.batch_texts = 1}});
  std::mutex mutex;
  std::vector<std::string> order;
  std::vector<std::promise<void>> ends(3);
  {
    const Held held(endpoint);
    const auto ask = [&](std::size_t i, const std::string& name, Priority priority) {
      endpoint.submit(EmbedRequest{.texts = {"a"}}, {.client = name, .priority = priority}, [&, i, name](const TaskResult&) {
        const std::lock_guard lock(mutex);
        order.push_back(name);
        ends[i].set_value();
      });
    };
    ask(0, "low", Priority::low);
    ask(1, "normal", Priority::normal);
    ask(2, "high", Priority::high);
  }
  for (auto& end : ends) end.get_future().wait();
  EXPECT_EQ(order, (std::vector<std::string>{"high", "normal", "low"}));
}

TEST(Endpoints, RefuseWhatCannotBeAndSayWhy) {
  const CreatedModelFolder folder(Task::embed);
  const TemporaryFolder empty;
  Endpoints endpoints({.memory_bytes = 20 << 20});
  const Endpoint endpoint = endpoints.add("e", {.folder = folder.path(), .aliases = {"alias"}, .load = exactly()});
  EXPECT_EQ(endpoints.get("alias").name(), "e");
  EXPECT_EQ(endpoints.only().name(), "e");
  expect_error(ErrorKind::invalid_argument, "'alias' is that of endpoint 'e'", [&] { endpoints.add("alias", {.folder = folder.path()}); });
  expect_error(ErrorKind::invalid_argument, "name is empty", [&] { endpoints.add("", {.folder = folder.path()}); });
  expect_error(ErrorKind::invalid_argument, "batch_tokens: 0",
               [&] { endpoints.add("b", {.folder = folder.path(), .queue = {.batch_tokens = 0}}); });
  expect_error(ErrorKind::invalid_argument, "task 'tag': the model", [&] { endpoints.add("t", {.folder = folder.path(), .task = "tag"}); });
  expect_error(ErrorKind::not_found, "has no config.json", [&] { endpoints.add("x", {.folder = empty.path()}); });
  expect_error(ErrorKind::not_found, "endpoint 'y' is not one of these: e", [&] { (void)endpoints.get("y"); });
  expect_error(ErrorKind::unsupported, "does embed, not tag", [&] { endpoint.invoke(TagRequest{.texts = {"a"}}); });
  expect_error(ErrorKind::invalid_argument, "prompt 'q' is not one of the model's",
               [&] { endpoint.invoke(EmbedRequest{.texts = {"a"}, .options = {.prompt_name = "q"}}); });
  expect_error(ErrorKind::invalid_argument, "UTF-8", [&] { endpoint.invoke(EmbedRequest{.texts = {"\xff"}}); });
  EXPECT_EQ(endpoint.invoke(EmbedRequest{.texts = {}}).vectors.dim(0), 0);
  EXPECT_EQ(endpoint.status().statistics.waiting_requests, 0U);

  // A model that cannot be loaded: the reason stands in the state, and the next request tries again.
  std::filesystem::rename(folder.path() / "model.safetensors", folder.path() / "away");
  EXPECT_TRUE(endpoints.unload("e"));
  expect_error(ErrorKind::not_found, "", [&] { endpoint.init(); });
  EXPECT_EQ(endpoint.status().state, EndpointState::failed);
  EXPECT_NE(endpoint.status().reason, "");
  std::filesystem::rename(folder.path() / "away", folder.path() / "model.safetensors");
  EXPECT_EQ(endpoint.invoke(EmbedRequest{.texts = {"a"}}).vectors.dim(0), 1);
  EXPECT_EQ(endpoint.status().state, EndpointState::ready);
}

TEST(Endpoints, DrainAndResume) {
  const CreatedModelFolder folder(Task::embed);
  Endpoints endpoints;
  const Endpoint endpoint = endpoints.add("e", {.folder = folder.path(), .load = exactly()});
  std::future<TaskResult> waiting;
  {
    const Held held(endpoint);
    waiting = begin(endpoint, EmbedRequest{.texts = {"a"}});
    EXPECT_FALSE(endpoints.drain("e", 10ms));
    EXPECT_EQ(endpoint.status().state, EndpointState::draining);
    expect_error(ErrorKind::unavailable, "drains", [&] { endpoint.invoke(EmbedRequest{.texts = {"a"}}); });
  }
  EXPECT_TRUE(endpoints.drain("e", 60s));
  EXPECT_FALSE(waiting.get().error);
  endpoints.resume("e");
  EXPECT_EQ(endpoint.invoke(EmbedRequest{.texts = {"a"}}).vectors.dim(0), 1);
}

TEST(Endpoints, EndWhatWaitsWhenTheyAreRemoved) {
  const CreatedModelFolder folder(Task::embed);
  Endpoints endpoints;
  const Endpoint endpoint = endpoints.add("e", {.folder = folder.path(), .load = exactly()});
  auto held = std::make_unique<Held>(endpoint);
  std::future<TaskResult> waiting = begin(endpoint, EmbedRequest{.texts = {"a"}});
  std::thread removing([&] { endpoints.remove("e"); });
  while (endpoint.status().state != EndpointState::removed) std::this_thread::sleep_for(1ms);
  held.reset();
  removing.join();
  expect_error(ErrorKind::cancelled, "removed", [&] { waiting.get().take<EmbedRequest>(); });
  expect_error(ErrorKind::not_found, "was removed", [&] { endpoint.invoke(EmbedRequest{.texts = {"a"}}); });
  EXPECT_TRUE(endpoints.list().empty());
  EXPECT_EQ(endpoints.memory_bytes(), 0);
  endpoints.add("e", {.folder = folder.path(), .load = exactly()});  // the name is free again
}

TEST(Endpoints, OfOneModelShareItAndKeepTheirOwnAccounts) {
  const CreatedModelFolder folder(Task::classify);
  Endpoints endpoints;
  const Endpoint a = endpoints.add("a", {.folder = folder.path(), .load = exactly()});
  const Endpoint b = endpoints.add("b", {.folder = folder.path(), .load = exactly(), .task = "classify"});
  const Endpoint other = endpoints.add("other", {.folder = folder.path(), .load = {.backend = "reference", .precision = "fp32"}});
  a.invoke(ClassifyRequest{.inputs = {{.text = "a boat"}}});
  EXPECT_EQ(a.status().shared_with, 1U);
  EXPECT_EQ(b.status().state, EndpointState::ready);
  EXPECT_EQ(other.status().state, EndpointState::unloaded);
  EXPECT_EQ(b.status().statistics.requests.ok, 0U);
  EXPECT_TRUE(a.does("embed"));
  EXPECT_FALSE(b.does("embed"));
  endpoints.remove("a");
  EXPECT_EQ(b.status().state, EndpointState::ready);
  EXPECT_EQ(b.status().shared_with, 0U);
  b.invoke(ClassifyRequest{.inputs = {{.text = "a boat"}}});
}

TEST(Endpoints, GiveWayToOthersWhereMemoryIsBounded) {
  const CreatedModelFolder first(Task::embed);
  const CreatedModelFolder second(Task::embed);
  const std::int64_t one = 4 * 200 * 32;  // less than the weights of either
  {
    Endpoints endpoints({.memory_bytes = one});
    const Endpoint endpoint = endpoints.add("e", {.folder = first.path(), .load = exactly()});
    expect_error(ErrorKind::out_of_memory, "more than the 0.0 MiB that loaded models may hold", [&] { endpoint.init(); });
    EXPECT_EQ(endpoint.status().state, EndpointState::failed);
  }
  Endpoints endpoints({.memory_bytes = 160 << 10});
  const Endpoint a = endpoints.add("a", {.folder = first.path(), .load = exactly()});
  const Endpoint b = endpoints.add("b", {.folder = second.path(), .load = exactly()});
  a.init();
  b.init();  // unloads a, whatever it was measured to hold, where both do not fit
  EXPECT_EQ(b.status().state, EndpointState::ready);
  a.init();
  EXPECT_EQ(a.status().state, EndpointState::ready);
}

TEST(Endpoints, UnloadWhatIsIdle) {
  const CreatedModelFolder folder(Task::embed);
  Endpoints endpoints;
  const Endpoint endpoint = endpoints.add("e", {.folder = folder.path(), .load = exactly(), .keep_alive = 50ms});
  endpoint.init();
  for (int i = 0; i < 600 && endpoint.status().state != EndpointState::unloaded; ++i) std::this_thread::sleep_for(20ms);
  EXPECT_EQ(endpoint.status().state, EndpointState::unloaded);
  EXPECT_EQ(endpoints.memory_bytes(), 0);
  EXPECT_EQ(endpoint.invoke(EmbedRequest{.texts = {"a"}}).vectors.dim(0), 1);
}

TEST(Endpoints, TellTokensAndTexts) {
  const CreatedModelFolder folder(Task::embed);
  Endpoints endpoints;
  const Endpoint endpoint = endpoints.add("e", {.folder = folder.path(), .load = exactly()});
  const std::vector<TokenizedText> tokens = endpoint.tokenize({"a b", ""});
  ASSERT_EQ(tokens.size(), 2U);
  EXPECT_EQ(tokens[0].tokens.front(), "[CLS]");
  EXPECT_TRUE(tokens[0].special.front());
  EXPECT_EQ(tokens[0].ids.size(), tokens[0].tokens.size());
  EXPECT_EQ(tokens[0].spans[1], (TextSpan{0, 1}));
  EXPECT_EQ(endpoint.detokenize(tokens[0].ids), "a b");
  EXPECT_EQ(endpoint.tokenize({"a b"}, false)[0].ids.size() + 2, tokens[0].ids.size());
  expect_error(ErrorKind::unsupported, "has no chat template",
               [&] { (void)endpoint.render({.messages = {{.role = "user", .content = "hi"}}}); });
}

}  // namespace
}  // namespace accelerate
