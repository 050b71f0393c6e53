#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "ipfs_accelerate/language_model.h"
#include "runtime/recovery.h"
#include "tasks/generate.h"
#include "tasks/model_info.h"
#include "tasks/prompt_reader.h"

namespace accelerate {

/// The model, and what makes prompts of texts.
class LanguageModel::State {
 public:
  State(const ModelFolder& folder, const LoadOptions& options)
      : generator_(folder, {.session = session_options(options), .state_bytes = options.state_bytes}),
        prompts_(folder, generator_.has_tokenizer() ? &generator_.tokenizer() : nullptr),
        info_(model_info(generator_.session())),
        notes_(generator_.session().notes()) {
    add_notes(notes_, generator_.notes());
  }

  TextGenerator& generator() { return generator_; }
  const PromptReader& prompts() const { return prompts_; }
  const ModelInfo& info() const { return info_; }

  GenerateResult result_of(GenerationResult generated) const {
    GenerateResult result{
        .texts = std::move(generated.texts), .prompt_tokens = generated.prompt_tokens, .generated_tokens = 0, .notes = notes_};
    for (const GeneratedText& text : result.texts) result.generated_tokens += static_cast<std::int64_t>(text.tokens.size());
    return result;
  }

 private:
  TextGenerator generator_;
  PromptReader prompts_;
  ModelInfo info_;
  std::vector<std::string> notes_;
};

/// Pieces on their way from the model's thread to whoever asks for them.
class GenerateStream::State {
 public:
  State(std::shared_ptr<LanguageModel::State> model, GenerationRequest request) : model_(std::move(model)) {
    // The request may outlive the stream, and holds its channel alone.
    request.receive = [channel = channel_](std::string_view piece) { return channel->put(piece); };
    request.done = [channel = channel_] { channel->close(); };
    ticket_ = model_->generator().submit(std::move(request));
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { ticket_.cancel(); }

  std::string next() {
    if (std::string piece = channel_->take(); !piece.empty()) return piece;
    const GenerateResult& all = finished();
    return channel_->is_first_piece() ? all.texts.front().text : std::string();  // a beam search gives its text at the end
  }

  void cancel() { ticket_.cancel(); }

  const GenerateResult& finished() {
    channel_->wait();
    const std::lock_guard lock(mutex_);
    if (error_) std::rethrow_exception(error_);
    if (result_) return *result_;
    try {
      return result_.emplace(model_->result_of(ticket_.get()));
    } catch (...) {
      error_ = std::current_exception();
      throw;
    }
  }

 private:
  class Channel {
   public:
    bool put(std::string_view piece) {
      const std::lock_guard lock(mutex_);
      waiting_ += piece;
      has_had_pieces_ = true;
      changed_.notify_all();
      return true;
    }

    void close() {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      changed_.notify_all();
    }

    /// All that came since the last time; empty: nothing more comes.
    std::string take() {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
      return std::exchange(waiting_, {});
    }

    void wait() {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return closed_; });
    }

    /// Whether there was no piece before, and now there is.
    bool is_first_piece() {
      const std::lock_guard lock(mutex_);
      return !std::exchange(has_had_pieces_, true);
    }

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string waiting_;
    bool has_had_pieces_ = false;
    bool closed_ = false;
  };

  std::shared_ptr<LanguageModel::State> model_;
  std::shared_ptr<Channel> channel_ = std::make_shared<Channel>();
  TextGenerator::Ticket ticket_;
  std::mutex mutex_;  ///< of the next
  std::optional<GenerateResult> result_;
  std::exception_ptr error_;
};

std::string GenerateStream::next() { return state_->next(); }

void GenerateStream::cancel() { state_->cancel(); }

GenerateResult GenerateStream::result() { return state_->finished(); }

LanguageModel LanguageModel::load(const std::filesystem::path& folder, const LoadOptions& options) {
  return LanguageModel(std::make_shared<State>(open_model_folder(folder), options));
}

GenerateResult LanguageModel::generate(const Prompt& prompt, const GenerationOptions& options, ReceiveText receive) const {
  return state_->result_of(
      state_->generator().submit({.prompt = state_->prompts().tokens(prompt), .options = options, .receive = std::move(receive)}).get());
}

std::vector<GenerateResult> LanguageModel::generate(std::span<const Prompt> prompts, const GenerationOptions& options) const {
  std::vector<TextGenerator::Ticket> tickets;
  std::vector<GenerateResult> results;
  try {
    for (std::size_t i = 0; i < prompts.size(); ++i)
      tickets.push_back(state_->generator().submit({.prompt = state_->prompts().tokens(prompts[i]), .options = options, .number = i}));
    for (TextGenerator::Ticket& ticket : tickets) results.push_back(state_->result_of(ticket.get()));
  } catch (...) {
    for (TextGenerator::Ticket& ticket : tickets) ticket.cancel();
    throw;
  }
  return results;
}

GenerateStream LanguageModel::stream(const Prompt& prompt, const GenerationOptions& options) const {
  return GenerateStream(
      std::make_shared<GenerateStream::State>(state_, GenerationRequest{.prompt = state_->prompts().tokens(prompt), .options = options}));
}

std::string LanguageModel::render(const ChatPrompt& prompt) const { return state_->prompts().render(prompt); }

std::vector<std::int64_t> LanguageModel::tokens(const Prompt& prompt) const { return state_->prompts().tokens(prompt); }

bool LanguageModel::has_chat_template() const { return state_->prompts().has_chat_template(); }

const ModelInfo& LanguageModel::info() const { return state_->info(); }

}  // namespace accelerate
