#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ipfs_accelerate/tasks.h"
#include "ipfs_accelerate/tensor.h"

namespace accelerate {

/// Where and how a model computes. What is left to "auto" or 0 is measured once a model and machine, which takes a second or
/// two, and kept in the cache folder (ACCELERATE_CACHE, else that of the user); nothing is measured where only one way is left.
struct LoadOptions {
  std::string backend = "auto";    ///< "cpu", "reference", …; "auto": the one that serves best
  std::string precision = "auto";  ///< "fp32", "bf16", "fp16", "int8"; "auto": the one that serves best within `accuracy`
  int threads = 0;                 ///< 0: as many as serve best; one a core where backend and precision are named
  std::string prefer = "latency";  ///< what "best" means: "latency" of one text, "throughput" of many, or "memory"
  double accuracy = 1;             ///< least agreement with float32, the cosine of two results, that "auto" takes; 1: float32
  bool fallback = true;            ///< get over a lack of memory and lost devices, and say so in notes; false: they are errors
  std::int64_t state_bytes = 0;    ///< that a language model may keep of texts; 0: a quarter of the memory that is free
};

struct EmbedOptions {
  bool truncate = true;                         ///< cut texts that are too long; otherwise they are an error
  std::optional<std::string> prompt_name = {};  ///< which of the folder's prompts stands before each text, "query"; else its default
  std::optional<std::string> prompt = {};       ///< the prompt itself; "" is none
  std::optional<std::int64_t> dimensions = {};  ///< numbers that are kept, from the first (Matryoshka); else as the folder says
};

/// The embeddings of some texts, in their order.
struct EmbedResult {
  Tensor vectors;                         ///< float32 [texts, dimensions]
  std::vector<bool> truncated;            ///< whether the text was too long and its end was not read
  std::vector<std::int64_t> tokens = {};  ///< of each text
  std::vector<std::string> notes;         ///< what ran in pieces or on another backend than ModelInfo names, and why; mostly none
};

/// The outputs of a forward pass, by name.
struct ForwardResult {
  TensorMap outputs;
  std::vector<std::string> notes;  ///< as in EmbedResult
};

/// A way to run the model that was measured and not chosen.
struct Alternative {
  std::string backend;
  std::string device;
  std::string precision;
  int threads;
  std::optional<double> slower;  ///< times as long as the chosen one: for a text, or a batch where throughput is preferred
  std::string reason;            ///< why it was out of the question; empty where it only is slower, or larger
};

/// What a model is, and what runs it.
struct ModelInfo {
  std::string name;            ///< of its folder
  std::string model_type;      ///< "bert"
  std::string head;            ///< "base", "masked_lm", "sequence_classification", "token_classification", "question_answering"
  std::int64_t parameters;     ///< elements of all weights
  std::int64_t hidden_size;    ///< features of a token
  std::int64_t most_tokens;    ///< tokens that a text may have, special ones counted
  bool random_weights;         ///< nobody trained the weights: the results mean nothing
  std::string backend;         ///< "cpu"
  std::string device;          ///< "cpu"
  std::string implementation;  ///< "cpu avx512_bf16"
  std::string precision;       ///< "fp32"
  int threads;
  std::vector<std::string> notes;         ///< what of the model runs elsewhere, and why; mostly none
  std::string choice;                     ///< why so: "fixed" by the options, the "only" way, or the best "measured"
  std::vector<Alternative> alternatives;  ///< those measured too, the best first
};

/// A Hugging Face model folder, loaded and ready. Cheap to copy: copies share the model. Threads may use one at once.
class Model {
 public:
  /// Loads `folder` and compiles it for what it is for: embedding where it has no head, else forward(). Throws Error: not_found,
  /// invalid_file or unsupported for what is wrong with the folder, invalid_argument, unsupported or unavailable for the options.
  static Model load(const std::filesystem::path& folder, const LoadOptions& options = {});

  /// Vectors of the texts whose angles say how alike the texts are: pooled and changed as the folder's modules.json says, else
  /// the mean of the last hidden states. Compiles the model a second time when it was loaded for forward().
  /// Throws invalid_argument for a text that is not UTF-8, or too long where it may not be cut; out_of_memory and device_lost
  /// when nothing is left to fall back on.
  EmbedResult embed(std::span<const std::string> texts, const EmbedOptions& options = {}) const;

  /// One pass of the model with the head that config.json names, named and padded as transformers' forward(): int64
  /// `input_ids` [batch, tokens] and, where wanted, `attention_mask`, `token_type_ids` and `position_ids` give
  /// `last_hidden_state` [batch, tokens, hidden], `logits`, …, with zeros where the mask is 0. Compiles the model a second
  /// time when it was loaded for embed(). Throws invalid_argument for inputs that do not fit.
  ForwardResult forward(const TensorMap& inputs) const;

  // Each of these needs the head that its task reads, and throws invalid_argument where config.json names another; and as
  // embed() does.

  /// The labels of texts, or of pairs of texts, the best first (sequence classification).
  std::vector<Classification> classify(std::span<const TextInput> texts, const ClassifyOptions& options = {}) const;

  /// Which of the caller's labels fit the texts, by a model that knows entailment (sequence classification). Throws unsupported
  /// where none of the model's labels begins with "entail".
  std::vector<Classification> classify_zero_shot(std::span<const std::string> texts, const ZeroShotOptions& options) const;

  /// The documents by how well they answer the query, by a cross-encoder (sequence classification with one label, else
  /// unsupported is thrown).
  Ranking rank(const std::string& query, std::span<const std::string> documents, const RankOptions& options = {}) const;

  /// The entities of texts (token classification).
  std::vector<TaggedText> tag(std::span<const std::string> texts, const TagOptions& options = {}) const;

  /// The best answer to each question (question answering).
  std::vector<Answer> answer(std::span<const Question> questions) const;

  /// What may stand at each mask of the texts (masked LM).
  std::vector<FilledMasks> fill_mask(std::span<const std::string> texts, const FillMaskOptions& options = {}) const;

  const ModelInfo& info() const;

 private:
  class State;
  explicit Model(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

}  // namespace accelerate
