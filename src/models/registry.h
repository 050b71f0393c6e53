// Which architectures there are.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "formats/config.h"
#include "graph/graph.h"
#include "graph/weights.h"

namespace accelerate {

/// What sits on a model's last hidden states, as the class in config.json's `architectures` says: BertForMaskedLM has the
/// masked-LM head. `pretraining` is what a family was first trained with: BERT's masked LM and next-sentence heads together,
/// ELECTRA's discriminator. `causal_lm` predicts each next token, `conditional_generation` each next token of a text that answers
/// another.
enum class Head : std::uint8_t {
  base,
  masked_lm,
  sequence_classification,
  token_classification,
  question_answering,
  next_sentence,
  pretraining,
  causal_lm,
  conditional_generation,
};

/// The head's name in full: "masked_lm", …
std::string_view name_of(Head head);

/// The head that config.json's first architecture names; base when it names none. Throws unsupported for a head that no
/// architecture here has.
Head head_of(const Config& config);

/// What an architecture's function is given, and fills with its graph.
struct ModelContext {
  Graph& graph;
  Weights weights;
  const Config& config;
  Head head;

  /// Throws unsupported: the architecture has no such head.
  [[noreturn]] void refuse_head() const;
};

/// What a class of transformers counts as a token's position in a padded batch, where the caller gives no positions.
enum class Counted : std::uint8_t {
  columns,  ///< every column before it, padding's too
  tokens,   ///< the tokens before it
};

/// One family of models, by the `model_type` of config.json.
struct Architecture {
  std::string_view model_type;
  std::string_view class_prefix;  ///< how transformers' class names begin
  void (*build)(const ModelContext& context);
  std::span<const Head> heads;
  Counted positions = Counted::columns;
};

/// Every architecture of this build.
std::span<const Architecture> all_architectures();

/// The architecture of config.json's `model_type`. Throws unsupported, with the types there are, when there is none.
const Architecture& architecture_of(const Config& config);

/// The transformers class of a model of that type with that head: "BertForMaskedLM". Throws unsupported for a `model_type`
/// that no architecture here has.
std::string class_name(std::string_view model_type, Head head);

/// The size of the model's hidden states, under whichever of transformers' names config.json has it. Throws invalid_file where
/// it has none.
std::int64_t hidden_size_of(const Config& config);

/// The model's graph: inputs and outputs are named as in transformers, but ragged (graph/ops.h): `input_ids`,
/// `token_type_ids` and `positions` are [tokens], `sequences` is [sequences + 1]; other inputs, such as LayoutLM's `bbox`
/// [tokens, 4], have a row a token, or follow from those (runtime/default_inputs.h). Throws unsupported when the architecture lacks the
/// head, invalid_file when the weights do not fit the config.
Graph build_graph(const Config& config, WeightSource& weights, Head head);

}  // namespace accelerate
