#include "tasks/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "generation/beam_search.h"
#include "generation/log_probabilities.h"
#include "generation/logits.h"
#include "generation/next_token.h"
#include "generation/text_stream.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

/// What the requests of one ticket share: whether the caller wants no more, and how many still go on.
struct Caller {
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
  std::function<bool()> is_cancelled = {};
  std::function<void()> done = {};
  std::atomic<std::int64_t> going_on = 1;

  void end_one() noexcept {
    if (--going_on == 0 && done) done();
  }
};
using CallerPointer = std::shared_ptr<Caller>;

/// What a text begins with: the tokens that it goes on from and, of a model with an encoder, what it answers.
struct Begun {
  std::vector<std::int64_t> tokens;
  std::shared_ptr<const SourceText> source;
};

Begun beginning_of(const GenerationRequest& request, const GenerationOptions& options, const GenerationSession& session) {
  if (!session.reads_source()) {
    if (!request.source.empty() || !request.begin.empty())
      throw Error(ErrorKind::invalid_argument, "the model has no encoder: a text is continued, not answered");
    return {.tokens = request.prompt, .source = nullptr};
  }
  TensorMap source = request.source;
  const auto count = static_cast<std::int64_t>(request.prompt.size());
  source.insert_or_assign("input_ids", Tensor::from<std::int64_t>(request.prompt, {count}));
  std::vector<std::int64_t> tokens = request.begin;
  if (tokens.empty()) {
    const std::optional<std::int64_t> start = options.decoder_start_token_id ? options.decoder_start_token_id : options.bos_token_id;
    if (!start)
      throw Error(ErrorKind::invalid_file,
                  fmt::format("{}: has no decoder_start_token_id, which an answer begins with", session.folder().path.string()));
    tokens.push_back(*start);
  }
  return {.tokens = std::move(tokens), .source = session.source(std::move(source))};
}

/// What both kinds of request have in common.
class Request : public Generation {
 public:
  Request(Begun begun, GenerationSettings settings, CallerPointer caller)
      : begun_(std::move(begun)), settings_(std::move(settings)), caller_(std::move(caller)) {}

  std::span<const std::int64_t> prompt() const override { return begun_.tokens; }
  std::shared_ptr<const SourceText> source() const override { return begun_.source; }
  std::int64_t most_tokens() const override { return (settings_.prompt_tokens + settings_.max_new_tokens) * settings_.num_beams; }
  bool is_cancelled() const override { return *caller_->cancelled || (caller_->is_cancelled && caller_->is_cancelled()); }
  void note(const std::string& text) override { add_notes(notes_, {text}); }

  std::future<GenerationResult> result() { return promise_.get_future(); }

 protected:
  const GenerationSettings& settings() const { return settings_; }

  /// What decides on logits beside them, of a text with these tokens.
  TokenContext context_of(std::span<const std::int64_t> tokens) const {
    return {
        .tokens = tokens,
        .encoder_tokens = begun_.source ? begun_.source->inputs.at("input_ids").values<std::int64_t>() : std::span<const std::int64_t>{}};
  }

  /// The prompt with tokens after it.
  std::vector<std::int64_t> after_prompt(std::span<const std::int64_t> tokens) const {
    std::vector<std::int64_t> all = begun_.tokens;
    all.insert(all.end(), tokens.begin(), tokens.end());
    return all;
  }

  void note_token() {
    if (!first_token_) first_token_ = std::chrono::steady_clock::now();
  }

  void give(std::vector<GeneratedText> texts) {
    const std::int64_t given = begun_.source ? begun_.source->tokens : static_cast<std::int64_t>(begun_.tokens.size());
    promise_.set_value({.prompt_tokens = given, .texts = std::move(texts), .first_token = first_token_, .notes = notes_});
    caller_->end_one();
  }
  void fail(const std::exception_ptr& error) {
    promise_.set_exception(error);
    caller_->end_one();
  }

 private:
  Begun begun_;
  GenerationSettings settings_;
  CallerPointer caller_;
  std::optional<std::chrono::steady_clock::time_point> first_token_;
  std::vector<std::string> notes_;
  std::promise<GenerationResult> promise_;
};

}  // namespace

std::string_view name_of(FinishReason reason) {
  constexpr std::array<std::string_view, 6> names{"none", "end_token", "stop_token", "stop_string", "length", "cancelled"};
  return names.at(static_cast<std::size_t>(reason));
}

/// One text that grows token by token.
class TextGenerator::Sampled final : public Request {
 public:
  Sampled(Begun begun, GenerationRequest request, const GenerationSettings& settings, const Tokenizer* tokenizer,
          std::optional<Constraint> constraint, CallerPointer caller)
      : Request(begun, settings, std::move(caller)),
        random_(settings.seed, request.number),
        receive_(std::move(request.receive)),
        constraint_(std::move(constraint)),
        all_(std::move(begun.tokens)) {
    if (tokenizer != nullptr) stream_.emplace(*tokenizer, settings, all_);
  }

  std::vector<Continuation> advance(std::span<float> logits) override {
    const NextToken next =
        next_token(settings(), context_of(all_), random_, logits, constraint_ ? constraint_->allowed() : std::span<const std::uint32_t>{});
    note_token();
    all_.push_back(next.token);
    text_.tokens.push_back(next.token);
    if (next.log_probabilities) text_.log_probabilities.push_back(*next.log_probabilities);
    text_.finish_reason = reason_after(next.token);
    if (text_.finish_reason != FinishReason::none) return {};
    if (constraint_) constraint_->accept(next.token);
    return {{.parent = 0, .token = next.token}};
  }

  void finish(std::exception_ptr error) noexcept override {
    if (error) return fail(error);
    try {
      if (text_.finish_reason == FinishReason::none) {
        text_.finish_reason = FinishReason::cancelled;
        if (stream_) show(stream_->end(FinishReason::cancelled));
      }
      give({std::move(text_)});
    } catch (...) {
      fail(std::current_exception());
    }
  }

 private:
  FinishReason reason_after(std::int64_t token) {
    if (stream_) {
      const bool goes_on = show(stream_->push(token));
      if (stream_->finish_reason() != FinishReason::none) return stream_->finish_reason();
      return goes_on ? FinishReason::none : FinishReason::cancelled;
    }
    if (std::ranges::count(settings().eos_token_id, token) > 0) return FinishReason::end_token;
    if (std::ranges::count(settings().stop_token_ids, token) > 0) return FinishReason::stop_token;
    return static_cast<std::int64_t>(text_.tokens.size()) >= settings().max_new_tokens ? FinishReason::length : FinishReason::none;
  }

  bool show(const std::string& piece) {
    text_.text += piece;
    return piece.empty() || !receive_ || receive_(piece);
  }

  RandomStream random_;
  ReceiveText receive_;
  std::optional<Constraint> constraint_;
  std::optional<TextStream> stream_;
  std::vector<std::int64_t> all_;  ///< the prompt's tokens and those generated
  GeneratedText text_;
};

/// Several texts that grow side by side, of which the best are kept.
class TextGenerator::Searched final : public Request {
 public:
  Searched(Begun begun, const GenerationRequest& request, const GenerationSettings& settings, const Tokenizer* tokenizer,
           std::int64_t vocabulary, CallerPointer caller)
      : Request(std::move(begun), settings, std::move(caller)),
        tokenizer_(tokenizer),
        vocabulary_(static_cast<std::size_t>(vocabulary)),
        search_(settings, vocabulary, RandomStream(settings.seed, request.number),
                [this](std::span<const std::int64_t> tokens) { return ends(tokens); }) {}

  std::vector<Continuation> advance(std::span<float> logits) override {
    note_token();
    for (std::int64_t beam = 0; beam < search_.beams(); ++beam) {
      const auto row = logits.subspan(static_cast<std::size_t>(beam) * vocabulary_, vocabulary_);
      to_log_probabilities(row);
      const std::vector<std::int64_t> all = after_prompt(search_.tokens(beam));
      process_logits(settings(), context_of(all), row);
    }
    const std::int64_t last = search_.beams() - 1;
    search_.advance(logits);
    if (search_.done()) return {};
    std::vector<Continuation> continuations;
    for (std::int64_t beam = 0; beam < search_.beams(); ++beam) {
      // Where all but one token are forbidden, the first beams go on from others than the prompt's one, which are as it is.
      const std::int64_t parent = std::min(search_.parents()[static_cast<std::size_t>(beam)], last);
      continuations.push_back({.parent = static_cast<std::size_t>(parent), .token = search_.tokens(beam).back()});
    }
    return continuations;
  }

  void finish(std::exception_ptr error) noexcept override {
    if (error) return fail(error);
    try {
      std::vector<GeneratedText> texts;
      if (!search_.done()) {
        texts.push_back({.tokens = {}, .text = {}, .finish_reason = FinishReason::cancelled});
        return give(std::move(texts));
      }
      for (Hypothesis& hypothesis : search_.hypotheses()) {
        GeneratedText text{
            .tokens = std::move(hypothesis.tokens), .text = {}, .finish_reason = FinishReason::length, .score = hypothesis.score};
        if (!text.tokens.empty() && std::ranges::count(settings().eos_token_id, text.tokens.back()) > 0)
          text.finish_reason = FinishReason::end_token;
        if (tokenizer_ != nullptr) {
          TextStream stream(*tokenizer_, settings(), prompt());
          for (std::int64_t token : text.tokens) text.text += stream.push(token);
          if (stream.finish_reason() == FinishReason::none) text.text += stream.end(FinishReason::length);
          text.finish_reason = stream.finish_reason();
        }
        texts.push_back(std::move(text));
      }
      give(std::move(texts));
    } catch (...) {
      fail(std::current_exception());
    }
  }

 private:
  bool ends(std::span<const std::int64_t> tokens) const {
    if (std::ranges::count(settings().stop_token_ids, tokens.back()) > 0) return true;
    if (tokenizer_ == nullptr || settings().stop_strings.empty()) return false;
    const std::string text = tokenizer_->decode(tokens);
    return std::ranges::any_of(settings().stop_strings, [&](const std::string& stop) { return text.find(stop) != std::string::npos; });
  }

  const Tokenizer* tokenizer_;
  std::size_t vocabulary_;
  BeamSearch search_;
};

TextGenerator::TextGenerator(const ModelFolder& folder, const GenerationSessionOptions& options, const SchedulerOptions& scheduling)
    : session_(folder, options), defaults_(read_generation_config(folder.transformer)), scheduler_(session_, scheduling) {
  if (Tokenizer::is_in(folder.transformer)) tokenizer_.emplace(Tokenizer::load(folder.transformer));
}

TextGenerator::~TextGenerator() = default;

const Tokenizer& TextGenerator::tokenizer() const {
  if (!tokenizer_)
    throw Error(ErrorKind::not_found, fmt::format("{}: has no tokenizer, which text needs", session_.folder().path.string()));
  return *tokenizer_;
}

std::vector<std::int64_t> TextGenerator::encode(std::string_view prompt) const {
  const TextInput input{.text = prompt};
  return tokenizer().encode(std::span(&input, 1)).ids;
}

TextGenerator::Ticket TextGenerator::submit(GenerationRequest request) {
  const GenerationOptions options = merged(request.options, defaults_.options);
  const Begun begun = beginning_of(request, options, session_);
  const GenerationSettings settings = resolve(options, {.prompt_tokens = static_cast<std::int64_t>(begun.tokens.size()),
                                                        .context_tokens = session_.most_tokens(),
                                                        .vocabulary = session_.vocabulary()});
  const Tokenizer* const tokenizer = tokenizer_ ? &*tokenizer_ : nullptr;
  if (tokenizer == nullptr && !settings.stop_strings.empty()) this->tokenizer();
  const auto caller = std::make_shared<Caller>();
  caller->is_cancelled = std::move(request.is_cancelled);
  caller->done = std::move(request.done);
  Ticket ticket;
  ticket.cancelled_ = caller->cancelled;
  const auto begin = [&](const std::shared_ptr<Request>& generation) {
    ticket.results_.push_back(generation->result());
    scheduler_.submit(generation);
  };
  if (settings.num_beams > 1) {
    if (settings.grammar) throw Error(ErrorKind::unsupported, "a grammar goes with one beam, not with a beam search");
    begin(std::make_shared<Searched>(begun, request, settings, tokenizer, session_.vocabulary(), caller));
    return ticket;
  }
  caller->going_on = settings.num_return_sequences;
  for (std::int64_t text = 0; text < settings.num_return_sequences; ++text) {
    GenerationRequest own = request;
    own.number += static_cast<std::uint64_t>(text) << 32;
    if (text > 0) own.receive = {};  // pieces of several texts could not be told apart
    begin(std::make_shared<Sampled>(begun, std::move(own), settings, tokenizer, constraint_of(settings), caller));
  }
  return ticket;
}

GenerationResult TextGenerator::Ticket::get() {
  GenerationResult all;
  for (std::future<GenerationResult>& future : results_) {
    GenerationResult one = future.get();
    all.prompt_tokens = one.prompt_tokens;
    if (one.first_token && (!all.first_token || *one.first_token < *all.first_token)) all.first_token = one.first_token;
    std::ranges::move(one.texts, std::back_inserter(all.texts));
    add_notes(all.notes, one.notes);
  }
  return all;
}

bool TextGenerator::Ticket::wait_for(std::chrono::milliseconds time) const {
  const auto end = std::chrono::steady_clock::now() + time;
  return std::ranges::all_of(results_, [&](const auto& future) { return future.wait_until(end) == std::future_status::ready; });
}

std::optional<Constraint> TextGenerator::constraint_of(const GenerationSettings& settings) {
  if (!settings.grammar) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (!constraints_) constraints_.emplace(tokenizer(), settings.eos_token_id);
  return constraints_->compile(*settings.grammar);
}

}  // namespace accelerate
