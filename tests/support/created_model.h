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
    const bool bert = sizes.model_type == "bert";
    const Json config{{"model_type", sizes.model_type},
                      {"vocab_size", 200},
                      {"hidden_size", 32},
                      {"num_hidden_layers", 2},
                      {"num_attention_heads", 4},
                      {"intermediate_size", 64},
                      {"max_position_embeddings", sizes.positions},
                      {"type_vocab_size", bert ? 2 : 1},
                      {"pad_token_id", bert ? 0 : 1},
                      {"id2label", {{"0", "O"}, {"1", "B-PER"}, {"2", "I-PER"}}}};
    create_model(config, path(), {.seed = 3, .head = head_of(task), .sentence = sizes.sentence, .overwrite = true});
  }

  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

}  // namespace accelerate
