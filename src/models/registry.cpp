#include "models/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ipfs_accelerate/error.h"

namespace accelerate {

// One function an architecture or several, each in its family's file.
namespace models {
#define ARCHITECTURE(model_type, class_prefix, build, ...) void build(const ModelContext& context);
#include "models/architectures.def"
#undef ARCHITECTURE
}  // namespace models

namespace {

// Architectures take as many of these as they have: from the first, the usual five, with BERT's own two, …
constexpr std::array bert_heads{
    Head::base,        Head::masked_lm,    Head::sequence_classification, Head::token_classification, Head::question_answering,
    Head::pretraining, Head::next_sentence};
constexpr std::span encoder_heads = std::span(bert_heads).first<5>();
constexpr std::span pretrained_heads = std::span(bert_heads).first<6>();
constexpr std::array dpr_heads{Head::base, Head::question_answering};
constexpr std::array decoder_heads{Head::base, Head::causal_lm, Head::sequence_classification};
constexpr std::span generator_heads = std::span(decoder_heads).first<2>();
constexpr std::array encoder_decoder_heads{Head::base, Head::conditional_generation, Head::question_answering,
                                           Head::sequence_classification, Head::token_classification};
constexpr std::span bart_heads = std::span(encoder_decoder_heads).first<4>();
constexpr std::span led_heads = std::span(encoder_decoder_heads).first<3>();
constexpr std::span answering_heads = std::span(encoder_decoder_heads).first<2>();

constexpr std::array architectures{
#define ARCHITECTURE(model_type, class_prefix, build, ...) Architecture{model_type, class_prefix, models::build, __VA_ARGS__},
#include "models/architectures.def"
#undef ARCHITECTURE
};

struct HeadRow {
  Head head;
  std::string_view name;
  std::string_view class_suffix;  ///< how transformers' class names end
};

constexpr std::array head_rows{
    HeadRow{Head::base, "base", "Model"},
    HeadRow{Head::masked_lm, "masked_lm", "ForMaskedLM"},
    HeadRow{Head::sequence_classification, "sequence_classification", "ForSequenceClassification"},
    HeadRow{Head::token_classification, "token_classification", "ForTokenClassification"},
    HeadRow{Head::question_answering, "question_answering", "ForQuestionAnswering"},
    HeadRow{Head::next_sentence, "next_sentence", "ForNextSentencePrediction"},
    HeadRow{Head::pretraining, "pretraining", "ForPreTraining"},
    HeadRow{Head::causal_lm, "causal_lm", "ForCausalLM"},
    HeadRow{Head::conditional_generation, "conditional_generation", "ForConditionalGeneration"},
};

/// Classes that are not named after their head; of several with one type and head, the first is what class_name() gives.
struct ClassRow {
  std::string_view name;
  std::string_view model_type;
  Head head;
};

constexpr std::array class_rows{
    ClassRow{"DPRQuestionEncoder", "dpr", Head::base},
    ClassRow{"DPRContextEncoder", "dpr", Head::base},
    ClassRow{"DPRReader", "dpr", Head::question_answering},
    ClassRow{"FlaubertWithLMHeadModel", "flaubert", Head::masked_lm},
    ClassRow{"FlaubertForQuestionAnsweringSimple", "flaubert", Head::question_answering},
    ClassRow{"GPT2LMHeadModel", "gpt2", Head::causal_lm},
    ClassRow{"Gemma3ForCausalLM", "gemma3_text", Head::causal_lm},
};

const HeadRow& row_of(Head head) {
  for (const HeadRow& row : head_rows)
    if (row.head == head) return row;
  throw Error(ErrorKind::internal, fmt::format("head {} has no name", static_cast<int>(head)));
}

}  // namespace

std::string_view name_of(Head head) { return row_of(head).name; }

Head head_of(const Config& config) {
  const std::vector<std::string> classes = config.architectures();
  if (classes.empty()) return Head::base;
  for (const ClassRow& row : class_rows)
    if (row.name == classes.front()) return row.head;
  for (const HeadRow& row : head_rows)
    if (classes.front().ends_with(row.class_suffix)) return row.head;
  throw Error(ErrorKind::unsupported,
              fmt::format("{}: architecture '{}' has a head that is not supported", config.source(), classes.front()));
}

void ModelContext::refuse_head() const {
  throw Error(ErrorKind::unsupported, fmt::format("{}: '{}' has no {} head here", config.source(), config.model_type(), name_of(head)));
}

std::span<const Architecture> all_architectures() { return architectures; }

const Architecture& architecture_of(const Config& config) {
  const std::string type = config.model_type();
  std::string known;
  for (const Architecture& architecture : architectures) {
    if (architecture.model_type == type) return architecture;
    known += (known.empty() ? "" : ", ") + std::string(architecture.model_type);
  }
  throw Error(ErrorKind::unsupported, fmt::format("{}: model_type '{}' is not one of {}", config.source(), type, known));
}

std::string class_name(std::string_view model_type, Head head) {
  for (const ClassRow& row : class_rows)
    if (row.model_type == model_type && row.head == head) return std::string(row.name);
  const auto architecture = std::ranges::find(architectures, model_type, &Architecture::model_type);
  if (architecture == architectures.end())
    throw Error(ErrorKind::unsupported, fmt::format("model_type '{}': no architecture of this build has it", model_type));
  return fmt::format("{}{}", architecture->class_prefix, row_of(head).class_suffix);
}

std::int64_t hidden_size_of(const Config& config) {
  for (const char* field : {"dim", "emb_dim", "n_embd", "n_embed", "d_model"})
    if (config.has(field)) return config.integer(field);
  return config.integer("hidden_size");
}

Graph build_graph(const Config& config, WeightSource& weights, Head head) {
  const Architecture& architecture = architecture_of(config);
  Graph graph;
  const ModelContext context{.graph = graph, .weights = Weights(graph, weights), .config = config, .head = head};
  if (std::ranges::find(architecture.heads, head) == architecture.heads.end()) context.refuse_head();
  architecture.build(context);
  return graph;
}

}  // namespace accelerate
