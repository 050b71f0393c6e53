#include "tasks/answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "ipfs_accelerate/error.h"
#include "tasks/scores.h"

namespace accelerate {
namespace {

// The sizes that transformers' pipeline has: tokens of an answer, of a question with its part, and shared by two parts.
constexpr std::size_t most_answer_tokens = 15;
constexpr std::int64_t most_part_tokens = 384;
constexpr std::int64_t overlap_tokens = 128;

bool is_word(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// The span, widened so that it neither begins nor ends within a word of plain letters and digits.
TextSpan whole_words(std::string_view text, TextSpan bytes) {
  const auto at = [&](std::int64_t place) { return text[static_cast<std::size_t>(place)]; };
  while (bytes.begin > 0 && is_word(at(bytes.begin - 1)) && is_word(at(bytes.begin))) --bytes.begin;
  while (bytes.end > 0 && bytes.end < static_cast<std::int64_t>(text.size()) && is_word(at(bytes.end - 1)) && is_word(at(bytes.end)))
    ++bytes.end;
  return bytes;
}

/// Probabilities of the allowed tokens; 0 for the others.
std::vector<float> probabilities(std::span<const float> logits, std::span<const std::uint8_t> allowed) {
  constexpr float never = -10000;  // as in transformers
  std::vector<float> masked(logits.begin(), logits.end());
  for (std::size_t i = 0; i < masked.size(); ++i)
    if (allowed[i] == 0) masked[i] = never;
  masked = softmax(masked);
  for (std::size_t i = 0; i < masked.size(); ++i)
    if (allowed[i] == 0) masked[i] = 0;
  return masked;
}

}  // namespace

AnswerTokens best_answer(std::span<const float> start_logits, std::span<const float> end_logits, std::span<const std::uint8_t> allowed,
                         std::size_t most_tokens) {
  const std::vector<float> start = probabilities(start_logits, allowed);
  const std::vector<float> end = probabilities(end_logits, allowed);
  AnswerTokens best{.score = -1};
  for (std::size_t first = 0; first < start.size(); ++first) {
    if (allowed[first] == 0) continue;
    for (std::size_t last = first; last < std::min(start.size(), first + most_tokens); ++last)
      if (allowed[last] != 0 && start[first] * end[last] > best.score) best = {first, last, start[first] * end[last]};
  }
  return best;
}

/// A piece of a question's context that fits the model together with the question.
struct Answerer::Part {
  std::size_t question;
  std::int64_t begin;  ///< byte of the context
  std::string_view text;
};

Answerer::Answerer(std::shared_ptr<const Session> session) : model_(std::move(session), most_part_tokens) {}

std::vector<Answerer::Part> Answerer::parts_of(std::span<const Question> questions) const {
  std::vector<Part> parts;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const std::string_view context = questions[i].context;
    const TextInput empty_pair{.text = questions[i].question, .pair = ""};
    const std::int64_t room = model_.most_tokens() - model_.tokenizer().encode(std::span(&empty_pair, 1)).tokens();
    if (room < 1)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("input {}: the question leaves no room for its context in the model's {} tokens", i, model_.most_tokens()));

    const TextInput alone{.text = context};
    const Encodings tokens = model_.tokenizer().encode(std::span(&alone, 1), {.add_special_tokens = false});
    if (tokens.tokens() == 0) throw Error(ErrorKind::invalid_argument, fmt::format("input {}: the context is empty", i));
    const std::int64_t step = room - std::min(overlap_tokens, room / 2);
    for (std::int64_t first = 0;; first += step) {
      const std::int64_t last = std::min(first + room, tokens.tokens()) - 1;
      const std::int64_t begin = tokens.offsets[static_cast<std::size_t>(first)].begin;
      const std::int64_t end = tokens.offsets[static_cast<std::size_t>(last)].end;
      parts.push_back({i, begin, context.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin))});
      if (last + 1 == tokens.tokens()) break;
    }
  }
  return parts;
}

/// What the parts of the questions refer to, and the best answers so far.
struct Answerer::Work {
  std::vector<Question> questions;
  std::vector<Part> parts;
  std::vector<Answer> answers;
};

PreparedCall<std::vector<Answer>> Answerer::prepare(std::span<const Question> questions) const {
  const auto work =
      std::make_shared<Work>(Work{.questions = {questions.begin(), questions.end()},
                                  .parts = {},
                                  .answers = std::vector<Answer>(questions.size(), Answer{.text = {}, .score = -1, .span = {}})});
  work->parts = parts_of(work->questions);
  std::vector<TextInput> inputs;
  for (const Part& part : work->parts) inputs.push_back({.text = work->questions[part.question].question, .pair = part.text});

  const auto read = [work](const BatchResult& batch) {
    for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
      const Part& part = work->parts[batch.inputs[i]];
      Answer& answer = work->answers[part.question];
      const auto begin = static_cast<std::size_t>(batch.encodings.begins[i]);
      const auto count = static_cast<std::size_t>(batch.encodings.begins[i + 1]) - begin;
      answer.tokens += static_cast<std::int64_t>(count);
      add_notes(answer.notes, batch.notes);

      std::vector<std::uint8_t> in_context(count);
      for (std::size_t t = 0; t < count; ++t) in_context[t] = batch.encodings.texts[begin + t] == 1 ? 1 : 0;
      const AnswerTokens best =
          best_answer(batch.token_rows("start_logits", i), batch.token_rows("end_logits", i), in_context, most_answer_tokens);
      if (best.score <= answer.score) continue;

      const std::string_view context = work->questions[part.question].context;
      const TextSpan bytes = whole_words(context, {part.begin + batch.encodings.offsets[begin + best.first].begin,
                                                   part.begin + batch.encodings.offsets[begin + best.last].end});
      answer.text = context.substr(static_cast<std::size_t>(bytes.begin), static_cast<std::size_t>(bytes.end - bytes.begin));
      answer.score = best.score;
      answer.span = {characters_in(context, bytes.begin), characters_in(context, bytes.end)};
    }
  };
  return {.call = {.encodings = model_.encode(inputs, {.truncation = TruncationStrategy::only_second}), .receive = read},
          .answer = [work] { return std::move(work->answers); }};
}

}  // namespace accelerate
