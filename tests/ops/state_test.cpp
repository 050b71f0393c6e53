// What a graph remembers between calls: token by token, in chunks, in batches and from forks it must give what it gives for
// a whole text at once.
#include <gtest/gtest.h>

#include <array>
#include <numeric>

#include "backends/backend.h"
#include "ops/case_builder.h"
#include "ops/compare.h"
#include "ops/execution.h"
#include "passes/remember.h"
#include "support/expect_error.h"

namespace accelerate {
namespace {

constexpr std::int64_t hidden = 48;
constexpr std::int64_t vocabulary = 40;

/// Causal layers with all that attention can do for them, and logits: heads that share keys, a window and a bias by distance,
/// capped scores, slopes.
Graph decoder() {
  CaseBuilder builder(7);
  Graph& graph = builder.graph();
  const Dim tokens = Dim::named("tokens");
  const Value ids = graph.input("input_ids", DType::int64, {tokens});
  const Value sequences = graph.input("sequences", DType::int64, {Dim::named("sequences") + 1});
  Value x = gather(builder.weight("words", {vocabulary, hidden}), ids);
  const auto layer = [&](const std::string& name, std::int64_t heads, std::int64_t key_heads, AttentionOptions options, PositionBias bias) {
    const auto projected = [&](const std::string& part, std::int64_t count) {
      const std::int64_t size = hidden / heads;
      return split_heads(linear(x, builder.weight(name + part, {count * size, hidden}, DType::float32, {.spread = 0.2})), count);
    };
    const Value context =
        attention(projected("q", heads), projected("k", key_heads), projected("v", key_heads), sequences, sequences, options, bias);
    x = x + linear(merge_heads(context), builder.weight(name + "o", {hidden, hidden}, DType::float32, {.spread = 0.2}));
  };
  layer("first", 6, 2, {.scale = 0.35F, .causal = true}, {});
  const std::array<std::int64_t, 9> columns{0, 1, 2, 3, 4, 4, 4, 4, 4};
  layer("second", 3, 3, {.scale = 0.25F, .causal = true, .window_left = 70},
        {.of_heads = builder.weight("bias", {3, 5}), .columns = graph.constant(Tensor::from<std::int64_t>(columns, {9}))});
  layer("third", 4, 2, {.scale = 0.29F, .softcap = 4, .causal = true}, {});
  const std::array<float, 3> slopes{0.5F, 0.25F, 0.125F};
  layer("fourth", 3, 3, {.scale = 0.25F, .causal = true}, {.slopes = graph.constant(Tensor::from<float>(slopes, {3}))});
  x = rms_norm(x, builder.weight("scale", {hidden}), {.epsilon = 1e-5F});
  graph.output("logits", linear(x, builder.weight("head", {vocabulary, hidden})));
  return std::move(graph);
}

using Text = std::vector<std::int64_t>;

Text text_of(std::int64_t tokens, std::int64_t seed) {
  Text text;
  for (std::int64_t i = 0; i < tokens; ++i) text.push_back((seed * 31 + i * i + 7 * i) % vocabulary);
  return text;
}

TensorMap inputs_of(std::span<const Text> texts) {
  Text ids;
  Text begins{0};
  for (const Text& text : texts) {
    ids.insert(ids.end(), text.begin(), text.end());
    begins.push_back(static_cast<std::int64_t>(ids.size()));
  }
  return {{"input_ids", Tensor::from<std::int64_t>(ids, {static_cast<std::int64_t>(ids.size())})},
          {"sequences", Tensor::from<std::int64_t>(begins, {static_cast<std::int64_t>(begins.size())})}};
}

/// The same numbers, to the bit where the backend sums in one order whatever is computed beside; the orders of OpenVINO's and
/// NVIDIA's products are by shape.
void expect_same(const std::string& backend, std::span<const float> actual, std::span<const float> expected) {
  const auto row = [](std::span<const float> numbers) { return Tensor::from<float>(numbers, {static_cast<std::int64_t>(numbers.size())}); };
  EXPECT_EQ(difference_between(row(expected), row(actual), backend == "openvino" || backend == "cuda" ? 1e-5 : 0), "");
}

class Remembering : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    backend_ = backend_named(GetParam());
    if (const Devices devices = backend_->devices(); devices.usable.empty()) GTEST_SKIP() << devices.reason;
    executable_ = backend_->compile(remember_context(decoder()), options_for(Precision::fp32));
    state_ = executable_->make_state({.most_bytes = std::int64_t{64} << 20});
  }

  /// The logits of new tokens for one remembered sequence.
  Tensor step(SequenceId sequence, const Text& tokens) {
    return executable_->run(inputs_of(std::array{tokens}), {*state_, std::array{sequence}}).at("logits");
  }

  /// The logits of a whole text in chunks of those lengths, the last of which repeats.
  std::vector<float> in_chunks(const Text& text, std::span<const std::int64_t> lengths) {
    const SequenceId sequence = state_->create();
    std::vector<float> logits;
    std::size_t chunk = 0;
    for (std::size_t begin = 0; begin < text.size();) {
      const auto length = std::min(text.size() - begin, static_cast<std::size_t>(lengths[std::min(chunk++, lengths.size() - 1)]));
      const Tensor part = step(
          sequence, Text(text.begin() + static_cast<std::ptrdiff_t>(begin), text.begin() + static_cast<std::ptrdiff_t>(begin + length)));
      logits.insert(logits.end(), part.values<float>().begin(), part.values<float>().end());
      begin += length;
    }
    state_->remove(sequence);
    return logits;
  }

  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Executable> executable_;
  std::unique_ptr<State> state_;
};

INSTANTIATE_TEST_SUITE_P(All, Remembering, testing::Values("cpu", "reference", "openvino", "cuda"),
                         [](const auto& test) { return test.param; });

Tensor as_rows(std::span<const float> logits) {
  return Tensor::from<float>(logits, {static_cast<std::int64_t>(logits.size()) / vocabulary, vocabulary});
}

TEST_P(Remembering, AWholeTextGivesWhatItGivesWithoutState) {
  const Text text = text_of(150, 1);
  const TensorMap plain = run_on_reference(decoder(), inputs_of(std::array{text}));
  EXPECT_EQ(difference_between(plain.at("logits"), as_rows(in_chunks(text, std::array<std::int64_t, 1>{150})), 1e-5), "");
}

TEST_P(Remembering, ChunksChangeNothing) {
  const Text text = text_of(150, 2);
  const std::vector<float> whole = in_chunks(text, std::array<std::int64_t, 1>{150});
  expect_same(GetParam(), in_chunks(text, std::array<std::int64_t, 1>{1}), whole);
  expect_same(GetParam(), in_chunks(text, std::array<std::int64_t, 4>{64, 1, 32, 7}), whole);
  expect_same(GetParam(), in_chunks(text, std::array<std::int64_t, 3>{31, 33, 65}), whole);
}

TEST_P(Remembering, NeighboursInABatchChangeNothing) {
  const std::array texts{text_of(70, 3), text_of(5, 4), text_of(129, 5)};
  const std::array sequences{state_->create(), state_->create(), state_->create()};
  std::vector<std::vector<float>> together(texts.size());
  for (std::size_t begin = 0; begin < 129; begin += 43) {
    // Those that have ended bring nothing more.
    std::vector<Text> news;
    std::vector<SequenceId> going;
    std::vector<std::size_t> which;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (begin >= texts[i].size()) continue;
      news.emplace_back(texts[i].begin() + static_cast<std::ptrdiff_t>(begin),
                        texts[i].begin() + static_cast<std::ptrdiff_t>(std::min(texts[i].size(), begin + 43)));
      going.push_back(sequences[i]);
      which.push_back(i);
    }
    const Tensor logits = executable_->run(inputs_of(news), {*state_, going}).at("logits");
    auto next = logits.values<float>().begin();
    for (std::size_t i = 0; i < news.size(); ++i) {
      const auto end = next + static_cast<std::ptrdiff_t>(news[i].size()) * vocabulary;
      together[which[i]].insert(together[which[i]].end(), next, end);
      next = end;
    }
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    SCOPED_TRACE(i);
    expect_same(GetParam(), together[i], in_chunks(texts[i], std::array<std::int64_t, 1>{200}));
  }
}

TEST_P(Remembering, AForkGoesItsOwnWay) {
  const Text text = text_of(100, 6);
  const SequenceId first = state_->create();
  step(first, text);
  const SequenceId second = state_->fork(first, "context", 90);
  EXPECT_EQ(state_->rows(second, "context"), 90);
  const Text other = text_of(30, 8);
  step(first, text_of(3, 9));
  const Tensor logits = step(second, other);
  Text joined(text.begin(), text.begin() + 90);
  joined.insert(joined.end(), other.begin(), other.end());
  const std::vector<float> expected = in_chunks(joined, std::array<std::int64_t, 1>{200});
  expect_same(GetParam(), logits.values<float>(), std::span(expected).last(30 * vocabulary));
  state_->remove(first);
  joined.insert(joined.end(), other.begin(), other.end());
  const Tensor later = step(second, other);
  const std::vector<float> longer = in_chunks(joined, std::array<std::int64_t, 1>{200});
  expect_same(GetParam(), later.values<float>(), std::span(longer).last(30 * vocabulary));
  state_->remove(second);
  EXPECT_EQ(state_->use().bytes, 0);
  EXPECT_EQ(state_->use().sequences, 0);
}

TEST_P(Remembering, ARunThatFailsAddsNothing) {
  const SequenceId sequence = state_->create();
  step(sequence, text_of(10, 1));
  EXPECT_THROW(step(sequence, {1, 2, vocabulary}), Error);
  EXPECT_EQ(state_->rows(sequence, "context"), 10);
  const Tensor after = step(sequence, {3});
  Text text = text_of(10, 1);
  text.push_back(3);
  const std::vector<float> expected = in_chunks(text, std::array<std::int64_t, 1>{11});
  expect_same(GetParam(), after.values<float>(), std::span(expected).last(vocabulary));
}

TEST_P(Remembering, ASequenceTwiceInOneCallIsRefused) {
  const SequenceId sequence = state_->create();
  expect_error(ErrorKind::invalid_argument, "occurs twice",
               [&] { executable_->run(inputs_of(std::array{Text{1}, Text{2}}), {*state_, std::array{sequence, sequence}}); });
}

TEST_P(Remembering, WithoutAStateItIsRefused) { EXPECT_THROW(executable_->run(inputs_of(std::array{Text{1}})), Error); }

class PagedStates : public Remembering {};

INSTANTIATE_TEST_SUITE_P(All, PagedStates, testing::Values("cpu", "openvino", "cuda"), [](const auto& test) { return test.param; });

TEST_P(PagedStates, WhatHasNoRoomIsRefusedAndTheRestGoesOn) {
  const auto& executable = executable_;
  const auto state = executable->make_state({.most_bytes = 2 * state_->bytes_for("context", 1)});
  const SequenceId first = state->create();
  const SequenceId second = state->create();
  executable->run(inputs_of(std::array{text_of(64, 1)}), {*state, std::array{first}});
  executable->run(inputs_of(std::array{text_of(60, 1)}), {*state, std::array{second}});
  expect_error(ErrorKind::out_of_memory, "remembered sequences take", [&] {
    const std::array sequences{first, second};
    executable->run(inputs_of(std::array{Text{1}, Text{1}}), {*state, sequences});
  });
  EXPECT_EQ(state->rows(first, "context"), 64);
  executable->run(inputs_of(std::array{text_of(4, 1)}), {*state, std::array{second}});
  EXPECT_EQ(state->rows(second, "context"), 64);
  state->remove(second);
  executable->run(inputs_of(std::array{Text{1}}), {*state, std::array{first}});
}

/// Two causal layers that see the 70 tokens before each.
Graph windowed_decoder() {
  CaseBuilder builder(9);
  Graph& graph = builder.graph();
  const Value ids = graph.input("input_ids", DType::int64, {Dim::named("tokens")});
  const Value sequences = graph.input("sequences", DType::int64, {Dim::named("sequences") + 1});
  Value x = gather(builder.weight("words", {vocabulary, hidden}), ids);
  for (const char* const layer : {"first", "second"}) {
    const auto projected = [&](const std::string& part) {
      return split_heads(linear(x, builder.weight(layer + part, {hidden, hidden}, DType::float32, {.spread = 0.2})), 3);
    };
    const Value seen = attention(projected("q"), projected("k"), projected("v"), sequences, sequences,
                                 {.scale = 0.25F, .causal = true, .window_left = 70}, {});
    x = x + linear(merge_heads(seen), builder.weight(std::string(layer) + "o", {hidden, hidden}, DType::float32, {.spread = 0.2}));
  }
  graph.output("logits", linear(x, builder.weight("head", {vocabulary, hidden})));
  return std::move(graph);
}

class Windows : public Remembering {};

INSTANTIATE_TEST_SUITE_P(All, Windows, testing::Values("cpu", "cuda"), [](const auto& test) { return test.param; });

TEST_P(Windows, PagesThatNoneReachesAreGivenBack) {
  const auto executable = backend_->compile(remember_context(windowed_decoder()), options_for(Precision::fp32));
  const auto state = executable->make_state({.most_bytes = std::int64_t{64} << 20});
  const Text text = text_of(900, 1);
  const TensorMap plain = run_on_reference(windowed_decoder(), inputs_of(std::array{text}));
  const std::int64_t page_bytes = state->bytes_for("context", 1);
  const SequenceId sequence = state->create();
  const auto step = [&](SequenceId of, const Text& tokens) {
    return executable->run(inputs_of(std::array{tokens}), {*state, std::array{of}}).at("logits");
  };
  std::vector<float> logits;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t length = begin < 300 ? 50 : 1;
    const Tensor rows =
        step(sequence, Text(text.begin() + static_cast<std::ptrdiff_t>(begin), text.begin() + static_cast<std::ptrdiff_t>(begin + length)));
    logits.insert(logits.end(), rows.values<float>().begin(), rows.values<float>().end());
    begin += length;
    EXPECT_LE(state->use().bytes, 4 * page_bytes) << begin;  // the window's two or three, and one for forks
  }
  EXPECT_EQ(difference_between(plain.at("logits"), as_rows(logits), 1e-5), "");
  EXPECT_EQ(state->rows(sequence, "context"), 900);
  EXPECT_LT(state->bytes_for("context", 1 << 20), 16 * page_bytes);

  EXPECT_TRUE(state->can_fork(sequence, "context", 890));
  EXPECT_FALSE(state->can_fork(sequence, "context", 500));
  EXPECT_FALSE(state->can_fork(sequence, "context", 901));
  expect_error(ErrorKind::internal, "500 rows", [&] { state->fork(sequence, "context", 500); });
  const SequenceId fork = state->fork(sequence, "context", 890);
  const Tensor again = step(fork, Text(text.end() - 10, text.end()));
  expect_same(GetParam(), again.values<float>(), std::span(logits).last(10 * vocabulary));
  state->remove(sequence);
  state->remove(fork);
  EXPECT_EQ(state->use().bytes, 0);
}

TEST_P(PagedStates, KeysAndValuesInBfloat16StayNear) {
  const auto& executable = executable_;
  const auto state = executable->make_state({.most_bytes = 64 << 20, .precision = Precision::bf16});
  const Text text = text_of(140, 3);
  const TensorMap plain = run_on_reference(decoder(), inputs_of(std::array{text}));
  const SequenceId sequence = state->create();
  std::vector<float> logits;
  for (std::int64_t token : text) {
    const Tensor row = executable->run(inputs_of(std::array{Text{token}}), {*state, std::array{sequence}}).at("logits");
    logits.insert(logits.end(), row.values<float>().begin(), row.values<float>().end());
  }
  EXPECT_EQ(difference_between(plain.at("logits"), as_rows(logits), 4e-2), "");
  const SequenceId other = state->create();
  const Tensor whole = executable->run(inputs_of(std::array{text}), {*state, std::array{other}}).at("logits");
  if (GetParam() == "cpu") {
    EXPECT_TRUE(std::ranges::equal(whole.values<float>(), logits));
  }
}

TEST(PickRows, GivesThoseRowsAlone) {
  const Graph whole = decoder();
  const Graph picked = pick_rows(whole, "logits");
  TensorMap inputs = inputs_of(std::array{text_of(20, 1), text_of(9, 2)});
  const Tensor all = run_on_reference(whole, inputs).at("logits");
  inputs.emplace("rows", Tensor::from<std::int64_t>(std::array<std::int64_t, 3>{28, 0, 19}, {3}));
  const Tensor some = run_on_reference(picked, inputs).at("logits");
  ASSERT_EQ(shape_text(some.shape()), "[3, 40]");
  for (std::size_t i = 0; i < 3; ++i) {
    const auto row = inputs.at("rows").values<std::int64_t>()[i];
    EXPECT_TRUE(std::ranges::equal(some.values<float>().subspan(i * vocabulary, vocabulary),
                                   all.values<float>().subspan(static_cast<std::size_t>(row * vocabulary), vocabulary)));
  }
}

TEST(RememberContext, RefusesWhatLooksAhead) {
  Graph graph;
  const Value x = graph.input("x", DType::float32, {Dim::named("tokens"), 1, 4});
  const Value sequences = graph.input("sequences", DType::int64, {Dim::named("sequences") + 1});
  graph.output("y", attention(x, x, x, sequences, sequences, {.scale = 1}));
  expect_error(ErrorKind::unsupported, "not causal", [&] { remember_context(graph); });
}

}  // namespace
}  // namespace accelerate
