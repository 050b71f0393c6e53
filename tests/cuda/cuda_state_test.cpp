// What the backend remembers between calls, on a device in host memory: in which numbers, in how many launches, and what
// faults leave of it. That what is remembered gives what whole texts give is in tests/ops/state_test.cpp.
#include <gtest/gtest.h>

#include <array>

#include "cuda/fake_backend.h"
#include "ipfs_accelerate/error.h"
#include "ops/compare.h"
#include "passes/remember.h"

namespace accelerate::cuda {
namespace {

constexpr std::int64_t hidden = 32;
constexpr std::int64_t vocabulary = 40;

/// Two causal layers with rotary positions and grouped heads, of which one sees a window alone.
Graph decoder() {
  CaseBuilder b(5);
  Graph& graph = b.graph();
  const Dim tokens = Dim::named("tokens");
  const Value ids = graph.input("input_ids", DType::int64, {tokens});
  const Value positions = graph.input("positions", DType::int64, {tokens});
  const Value sequences = graph.input("sequences", DType::int64, {Dim::named("sequences") + 1});
  Value x = gather(b.weight("words", {vocabulary, hidden}), ids);
  const Value angles = gather(b.weight("angles", {300, 4}), positions);
  for (const std::int64_t window : {-1, 90}) {
    const std::string name = window < 0 ? "all" : "window";
    const auto dense = [&](const std::string& part, std::int64_t outputs) {
      return linear(x, b.weight(name + part, {outputs, hidden}, DType::float32, {.spread = 0.2}));
    };
    const auto turned = [&](Value heads) {
      return rope(heads, unary(UnaryFunction::cosine, angles), unary(UnaryFunction::sine, angles), {});
    };
    const Value seen = attention(turned(split_heads(dense("q", hidden), 4)), turned(split_heads(dense("k", hidden / 2), 2)),
                                 split_heads(dense("v", hidden / 2), 2), sequences, sequences,
                                 {.scale = 0.35F, .causal = true, .window_left = window}, {});
    x = x + linear(merge_heads(seen), b.weight(name + "o", {hidden, hidden}, DType::float32, {.spread = 0.2}));
  }
  graph.output("logits", linear(x, b.weight("head", {vocabulary, hidden})));
  return std::move(graph);
}

/// The next tokens of sequences that have `before` rows each, `count` of each.
TensorMap next_tokens(std::span<const std::int64_t> before, std::int64_t count) {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> positions;
  std::vector<std::int64_t> begins{0};
  for (std::int64_t first : before) {
    for (std::int64_t i = first; i < first + count; ++i) {
      ids.push_back(i * (i + 3) % vocabulary);
      positions.push_back(i);
    }
    begins.push_back(static_cast<std::int64_t>(ids.size()));
  }
  const auto tensor = [](const std::vector<std::int64_t>& numbers) {
    return Tensor::from<std::int64_t>(numbers, {static_cast<std::int64_t>(numbers.size())});
  };
  return {{"input_ids", tensor(ids)}, {"positions", tensor(positions)}, {"sequences", tensor(begins)}};
}

TensorMap whole_text(std::int64_t tokens) { return next_tokens(std::array<std::int64_t, 1>{0}, tokens); }

/// The last `count` rows of logits.
Tensor last_rows(const Tensor& logits, std::int64_t count) {
  const auto numbers = logits.values<float>();
  return Tensor::from<float>(numbers.last(static_cast<std::size_t>(count * vocabulary)), {count, vocabulary});
}

struct Remembering {
  FakeBackend fake;
  std::unique_ptr<Executable> executable;
  std::unique_ptr<State> state;

  explicit Remembering(Precision precision = Precision::fp32, std::int64_t most_bytes = std::int64_t{64} << 20)
      : executable(fake.compile(remember_context(decoder()), precision)),
        state(executable->make_state(
            {.most_bytes = most_bytes, .precision = precision == Precision::fp32 ? Precision::fp32 : Precision::bf16})) {}

  Tensor step(SequenceId sequence, std::int64_t count) {
    const std::array before{state->rows(sequence, "context")};
    return executable->run(next_tokens(before, count), {*state, std::array{sequence}}).at("logits");
  }
};

TEST(CudaState, EachPrecisionKeepsItsOwnNumbersAndAgrees) {
  struct Row {
    Precision precision;
    double tolerance;
    std::int64_t bytes_of_number;
  };
  for (const Row& row :
       {Row{Precision::fp32, 1e-5, 4}, Row{Precision::fp16, 5e-3, 2}, Row{Precision::bf16, 4e-2, 2}, Row{Precision::int8, 8e-2, 2}}) {
    SCOPED_TRACE(name_of(row.precision));
    Remembering r(row.precision);
    const SequenceId sequence = r.state->create();
    r.step(sequence, 130);
    for (int i = 0; i < 9; ++i) r.step(sequence, 1);
    const Tensor last = r.step(sequence, 1);
    const Tensor expected = run_on_reference(decoder(), whole_text(140), row.precision).at("logits");
    EXPECT_EQ(difference_between(last_rows(expected, 1), last, row.tolerance), "");
    // Keys and values of two layers, 64 rows of 16 numbers a page: of all three pages, for the window still reaches the first.
    EXPECT_EQ(r.state->use().bytes, 3 * 2 * 2 * 64 * 16 * row.bytes_of_number);
  }
}

TEST(CudaState, AStepOfARepeatedShapeIsOneLaunch) {
  Remembering r;
  const std::array sequences{r.state->create(), r.state->create(), r.state->create()};
  r.step(sequences[0], 60);
  r.step(sequences[1], 5);
  r.step(sequences[2], 70);
  std::array<std::int64_t, 3> before{60, 5, 70};
  const auto step = [&] {
    const Tensor logits = r.executable->run(next_tokens(before, 1), {*r.state, sequences}).at("logits");
    for (std::int64_t& rows : before) ++rows;
    return logits;
  };
  step();
  step();
  auto& calls = r.fake.state->calls;
  const int kernels = calls["kernel"] + calls["product"];
  const int launches = calls["launch"];
  const int to_device = calls["copy_to_device"];
  const int allocations = calls["allocate"];
  for (int i = 0; i < 20; ++i) step();
  EXPECT_EQ(calls["launch"] - launches, 20);
  EXPECT_EQ(calls["kernel"] + calls["product"], kernels) << "what is launched is not put on the stream again";
  EXPECT_EQ(calls["copy_to_device"] - to_device, 20) << "one copy brings tokens and tables of pages";
  EXPECT_EQ(calls["allocate"] - allocations, 2) << "a page of each window, for the text that grows past its first";
  const Tensor logits = step();
  for (std::size_t i = 0; i < before.size(); ++i) {
    const Tensor expected = run_on_reference(decoder(), whole_text(before[i])).at("logits");
    const auto row = logits.values<float>().subspan(i * vocabulary, vocabulary);
    EXPECT_EQ(difference_between(last_rows(expected, 1), Tensor::from<float>(row, {1, vocabulary}), 1e-5), "") << i;
  }
}

TEST(CudaState, AForkCopiesThePageThatItGoesOnIn) {
  Remembering r;
  const SequenceId first = r.state->create();
  r.step(first, 70);
  const std::int64_t bytes = r.state->use().bytes;
  const SequenceId second = r.state->fork(first, "context", 66);
  EXPECT_EQ(r.state->use().bytes, bytes) << "shared until one grows";
  const Tensor logits = r.step(second, 2);
  EXPECT_EQ(r.state->use().bytes, bytes + bytes / 2) << "the second page twice";
  EXPECT_EQ(difference_between(last_rows(run_on_reference(decoder(), whole_text(68)).at("logits"), 2), logits, 1e-5), "");
  EXPECT_EQ(difference_between(last_rows(run_on_reference(decoder(), whole_text(71)).at("logits"), 1), r.step(first, 1), 1e-5), "");
  r.state->remove(first);
  r.state->remove(second);
  EXPECT_EQ(r.state->use().bytes, 0);
}

TEST(CudaState, NothingIsLeftOnTheDevice) {
  const std::shared_ptr<FakeState> device = [] {
    Remembering r;
    const SequenceId sequence = r.state->create();
    r.step(sequence, 100);
    r.state->fork(sequence, "context", 10);
    return r.fake.state;
  }();
  EXPECT_TRUE(device->is_clean());
}

TEST(CudaState, PagesThatTheDeviceHasNoRoomForAreSaidAndAddNothing) {
  Remembering r;
  const SequenceId sequence = r.state->create();
  r.step(sequence, 64);
  r.fake.state->capacity = r.fake.state->used;
  try {
    r.step(sequence, 1);
    FAIL() << "ran";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::out_of_memory) << error.what();
  }
  EXPECT_EQ(r.state->rows(sequence, "context"), 64);
  r.fake.state->capacity = std::size_t{4} << 30;
  EXPECT_EQ(difference_between(last_rows(run_on_reference(decoder(), whole_text(65)).at("logits"), 1), r.step(sequence, 1), 1e-5), "");
}

TEST(CudaState, ALostDeviceAtAnyCallOfAStepIsSaid) {
  const auto work = [](Remembering& r) {
    const SequenceId first = r.state->create();
    r.step(first, 65);
    const SequenceId second = r.state->fork(first, "context", 65);
    for (int i = 0; i < 3; ++i) r.step(second, 1);
  };
  Remembering whole;
  const auto calls_of = [](FakeState& state) {
    int calls = 0;
    for (const auto& [name, count] : state.calls) calls += count;
    return calls;
  };
  const int before = calls_of(*whole.fake.state);
  work(whole);
  const int calls = calls_of(*whole.fake.state) - before;
  ASSERT_GT(calls, 40);
  for (int at = 0; at < calls; ++at) {
    Remembering r;
    r.fake.state->plan = {.name = "", .after = at, .status = cudaErrorIllegalAddress};
    try {
      work(r);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::device_lost) << at << ": " << error.what();
    }
    r.state.reset();  // its pages went with the device
    r.executable.reset();
    const auto fresh = make_cuda_backend(r.fake.devices)->compile(remember_context(decoder()), options_for(Precision::fp32));
    const auto state = fresh->make_state({.most_bytes = 64 << 20});
    const Tensor logits = fresh->run(whole_text(3), {*state, std::array{state->create()}}).at("logits");
    EXPECT_EQ(difference_between(run_on_reference(decoder(), whole_text(3)).at("logits"), logits, 1e-5), "") << at;
  }
}

TEST(CudaState, RowsAreKeptInFloatsThatAttentionMultiplies) {
  const Remembering r;
  EXPECT_THROW(r.executable->make_state({.most_bytes = 1, .precision = Precision::int8}), Error);
}

TEST(CudaState, WhatElseReadsRememberedRowsIsRefused) {
  CaseBuilder b(1);
  Graph& graph = b.graph();
  const Value x = b.floats("x", {b.size("tokens", 3), 2, 8});
  const Value sequences = b.sequences("sequences", {3});
  const Value context = b.sequences("context_sequences", {3});
  const Value rows = append(x, sequences, context, {.name = "rows", .rows = Dim::named("context")});
  graph.output("y", tanh(rows));
  const FakeBackend fake;
  EXPECT_EQ(fake.backend->supports(graph, graph.producer(rows.id())).reason,
            "[append] rows are read otherwise than as keys or values of one attention within the same sequences");
}

}  // namespace
}  // namespace accelerate::cuda
