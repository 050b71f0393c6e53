#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "support/temporary_folder.h"
#include "tasks/create_model.h"
#include "tasks/task.h"

namespace accelerate {

/// A small model with random weights in a folder of its own.
class CreatedModelFolder {
 public:
  struct Sizes {
    std::string model_type = "bert";
    std::int64_t positions = 40;
    std::optional<SentenceShape> sentence = std::nullopt;
  };

  explicit CreatedModelFolder(Task task) : CreatedModelFolder(task, Sizes{}) {}

  CreatedModelFolder(Task task, const Sizes& sizes) {
    create_model(config(sizes.model_type, sizes.positions), path(),
                 {.seed = 3, .head = head_of(task), .sentence = sizes.sentence, .overwrite = true});
  }

  /// A small config.json of that type.
  static Json config(std::string_view model_type, std::int64_t positions) {
    const bool counts_past_padding =
        model_type.ends_with("roberta") || model_type == "camembert" || model_type == "longformer" || model_type == "mpnet";
    return config_of({.name = "test",
                      .model_type = model_type,
                      .head = Head::base,
                      .vocab_size = 200,
                      .hidden_size = 32,
                      .num_hidden_layers = 2,
                      .num_attention_heads = 4,
                      .intermediate_size = 64,
                      .max_position_embeddings = positions,
                      .type_vocab_size = counts_past_padding ? 1 : 2,
                      .layer_norm_eps = 1e-12,
                      .pad_token_id = counts_past_padding ? 1 : 0,
                      .more = R"({"id2label": {"0": "O", "1": "B-PER", "2": "I-PER"}, "embedding_size": 32,
                                 "attention_layers": ["global", "local"], "rotary_dim": 4,
                                 "max_encoder_position_embeddings": 40, "max_decoder_position_embeddings": 40, "d_kv": 8,
                                 "decoder_start_token_id": 0})"});
  }

  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

}  // namespace accelerate
