// Which architectures there are.
#pragma once

#include <span>
#include <string_view>

#include "formats/config.h"
#include "graph/graph.h"
#include "graph/weights.h"

namespace accelerate {

/// What sits on a model's last hidden states, as the class in config.json's `architectures` says: BertForMaskedLM has the
/// masked-LM head.
enum class Head : std::uint8_t { base, masked_lm, sequence_classification, token_classification, question_answering };

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
};

/// One family of models, by the `model_type` of config.json.
struct Architecture {
  std::string_view model_type;
  void (*build)(const ModelContext& context);
  std::span<const Head> heads;
};

/// Every architecture of this build.
std::span<const Architecture> all_architectures();

/// The architecture of config.json's `model_type`. Throws unsupported, with the types there are, when there is none.
const Architecture& architecture_of(const Config& config);

/// The model's graph: inputs and outputs are named as in transformers, but ragged (graph/ops.h): `input_ids`,
/// `token_type_ids` and `positions` are [tokens], `sequences` is [sequences + 1]. Throws unsupported when the
/// architecture lacks the head, invalid_file when the weights do not fit the config.
Graph build_graph(const Config& config, WeightSource& weights, Head head);

}  // namespace accelerate
