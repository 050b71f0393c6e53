#pragma once

#include <filesystem>
#include <string_view>

#include "support/temporary_folder.h"
#include "tasks/create_model.h"

namespace accelerate {

/// A small language model with random weights in a folder of its own.
class CreatedLanguageModel {
 public:
  /// `chat_template`: empty for none.
  explicit CreatedLanguageModel(std::string_view chat_template = {}, std::int64_t positions = 512) {
    create_model(Json{{"model_type", "llama"},
                      {"architectures", {"LlamaForCausalLM"}},
                      {"vocab_size", 200},
                      {"hidden_size", 32},
                      {"intermediate_size", 64},
                      {"num_hidden_layers", 2},
                      {"num_attention_heads", 4},
                      {"num_key_value_heads", 2},
                      {"max_position_embeddings", positions},
                      {"rms_norm_eps", 1e-6},
                      {"tie_word_embeddings", false}},
                 path(), {.seed = 3, .head = Head::causal_lm, .overwrite = true});
    if (!chat_template.empty()) folder_.write("chat_template.jinja", std::string(chat_template));
  }

  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

/// A template of words that the made-up tokenizer knows.
inline constexpr std::string_view plain_chat_template =
    "{% for message in messages %}{{ message.role }} says {{ message.content }} . {% endfor %}"
    "{% if add_generation_prompt %}assistant says{% endif %}";

}  // namespace accelerate
