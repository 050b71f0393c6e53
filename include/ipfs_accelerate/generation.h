#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace accelerate {

/// When a beam search has enough: transformers' early_stopping.
enum class EarlyStopping : std::uint8_t {
  no,     ///< once a better hypothesis is unlikely
  yes,    ///< once there are as many finished hypotheses as beams
  never,  ///< once no better hypothesis is possible
};

/// How text is generated, named and meant as in transformers' GenerationConfig. What is empty is taken from the model's
/// generation_config.json, and where that is silent too, from the defaults that stand here.
struct GenerationOptions {
  // Length, in tokens.
  std::optional<std::int64_t> max_new_tokens = {};  ///< at least 1; default: what the context leaves
  std::optional<std::int64_t> min_new_tokens = {};  ///< default 0
  std::optional<std::int64_t> max_length = {};      ///< with the prompt; counts where max_new_tokens is not given
  std::optional<std::int64_t> min_length = {};      ///< with the prompt; default 0

  // Choice of the next token.
  std::optional<bool> do_sample = {};                ///< draw by probability; default: take the most probable
  std::optional<double> temperature = {};            ///< divides the logits; 0: as without do_sample; default 1
  std::optional<std::int64_t> top_k = {};            ///< draw among the k most probable; 0: among all; default 50
  std::optional<double> top_p = {};                  ///< 0..1: draw among the most probable that make up this much; default 1
  std::optional<double> min_p = {};                  ///< 0..1: draw among those this probable, as a part of the most probable one
  std::optional<double> typical_p = {};              ///< above 0, at most 1: draw among the most typical that make up this much; default 1
  std::optional<std::uint64_t> seed = {};            ///< the same seed and number of the request give the same text; default 0
  std::optional<std::int64_t> num_beams = {};        ///< at least 1; default 1: no beam search
  std::optional<double> length_penalty = {};         ///< power of its length that a hypothesis's score is divided by; default 1
  std::optional<EarlyStopping> early_stopping = {};  ///< of a beam search; default no
  std::optional<std::int64_t> num_return_sequences = {};  ///< texts for each prompt; default 1
  std::optional<bool> renormalize_logits = {};            ///< make probabilities of the processed logits; default false
  std::optional<bool> remove_invalid_values = {};         ///< NaN becomes 0, infinities the largest numbers; default false

  // What becomes less or more probable.
  std::optional<double> repetition_penalty = {};                  ///< above 0: for tokens of the prompt and of the text; default 1
  std::optional<double> presence_penalty = {};                    ///< -2..2: taken off tokens that were generated; default 0
  std::optional<double> frequency_penalty = {};                   ///< -2..2: taken off for each time a token was generated; default 0
  std::optional<std::int64_t> no_repeat_ngram_size = {};          ///< runs of so many tokens do not come twice; default 0: they may
  std::optional<std::int64_t> encoder_no_repeat_ngram_size = {};  ///< nor those of the encoder's text; default 0
  std::optional<std::vector<std::vector<std::int64_t>>> bad_words_ids = {};     ///< runs of tokens that never come
  std::optional<std::vector<std::pair<std::int64_t, double>>> logit_bias = {};  ///< token and what is added to its logit
  std::optional<std::vector<std::int64_t>> suppress_tokens = {};                ///< tokens that never come
  std::optional<std::vector<std::int64_t>> begin_suppress_tokens = {};          ///< tokens that do not come first
  std::optional<std::int64_t> forced_bos_token_id = {};                         ///< the first token after the decoder's start
  std::optional<std::vector<std::int64_t>> forced_eos_token_id = {};            ///< the last token where the length ends the text

  // The end of the text.
  std::optional<std::vector<std::int64_t>> eos_token_id = {};    ///< tokens that end the text and are no part of it
  std::optional<bool> ignore_eos = {};                           ///< go on after them; default false
  std::optional<std::vector<std::int64_t>> stop_token_ids = {};  ///< further tokens that end the text
  std::optional<std::vector<std::string>> stop_strings = {};     ///< texts that end the text
  std::optional<bool> include_stop_string = {};                  ///< keep the one that ended it; default false

  // Tokens with a role.
  std::optional<std::int64_t> bos_token_id = {};
  std::optional<std::int64_t> pad_token_id = {};
  std::optional<std::int64_t> decoder_start_token_id = {};

  // What the text must look like: at most one of these.
  std::optional<std::string> json_schema = {};  ///< a JSON schema
  std::optional<std::string> regex = {};        ///< a regular expression for the whole text
  std::optional<std::string> grammar = {};      ///< a grammar as Lark writes them

  std::optional<std::int64_t> logprobs = {};  ///< 0..20: how many most probable tokens are told for each token; default: none
};

/// Why a text ended.
enum class FinishReason : std::uint8_t {
  none,         ///< it has not
  end_token,    ///< a token of eos_token_id came
  stop_token,   ///< a token of stop_token_ids came
  stop_string,  ///< a text of stop_strings came
  length,       ///< max_new_tokens are there
  cancelled,    ///< by the caller
};

/// "end_token", "stop_token", "stop_string", "length", "cancelled" or "none".
std::string_view name_of(FinishReason reason);

/// A token and the logarithm of its probability, before options changed it.
struct TokenLogProbability {
  std::int64_t token;
  float log_probability;
};

/// A generated token's own log-probability, and those of the most probable tokens in its place, descending.
struct TokenLogProbabilities {
  TokenLogProbability chosen;
  std::vector<TokenLogProbability> top;
};

/// A text that was generated.
struct GeneratedText {
  std::vector<std::int64_t> tokens;  ///< the one that ended it included
  std::string text;                  ///< without end tokens and, unless they are wanted, stop strings
  FinishReason finish_reason = FinishReason::none;
  std::vector<TokenLogProbabilities> log_probabilities = {};  ///< of each token, where they are wanted
  float score = 0;                                            ///< of a beam search
};

/// Told of each piece of text as it comes, always whole characters; false: the caller wants no more. Not called by beam
/// searches, which know their text at the end.
using ReceiveText = std::function<bool(std::string_view piece)>;

/// One message of a conversation.
struct ChatMessage {
  std::string role;         ///< "system", "user", "assistant", "tool"
  std::string content;      ///< its text
  std::string fields = {};  ///< a JSON object with whatever else a template reads: "tool_calls", "name"; may be empty
};

/// A conversation that the model's chat template makes a prompt of. The texts are JSON.
struct ChatPrompt {
  std::vector<ChatMessage> messages;
  std::string tools = "null";    ///< a list of function schemas, or null
  std::string variables = "{}";  ///< further variables of the template: {"enable_thinking": false}
  bool add_generation_prompt = true;
};

/// What a text goes on from: a text as it stands, token ids, or a conversation.
using Prompt = std::variant<std::string, std::vector<std::int64_t>, ChatPrompt>;

}  // namespace accelerate
