#include "models/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ipfs_accelerate/error.h"

namespace accelerate {

// One function an architecture, each in its family's file.
namespace models {
void build_bert(const ModelContext& context);
void build_deberta(const ModelContext& context);
void build_deberta_v2(const ModelContext& context);
void build_mpnet(const ModelContext& context);
void build_roberta(const ModelContext& context);
}  // namespace models

namespace {

constexpr std::array encoder_heads{Head::base, Head::masked_lm, Head::sequence_classification, Head::token_classification,
                                   Head::question_answering};

constexpr std::array architectures{
    Architecture{"bert", models::build_bert, encoder_heads},           Architecture{"camembert", models::build_roberta, encoder_heads},
    Architecture{"deberta", models::build_deberta, encoder_heads},     Architecture{"deberta-v2", models::build_deberta_v2, encoder_heads},
    Architecture{"mpnet", models::build_mpnet, encoder_heads},         Architecture{"roberta", models::build_roberta, encoder_heads},
    Architecture{"xlm-roberta", models::build_roberta, encoder_heads},
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
};

}  // namespace

std::string_view name_of(Head head) {
  for (const HeadRow& row : head_rows)
    if (row.head == head) return row.name;
  throw Error(ErrorKind::internal, fmt::format("head {} has no name", static_cast<int>(head)));
}

Head head_of(const Config& config) {
  const std::vector<std::string> classes = config.architectures();
  if (classes.empty()) return Head::base;
  for (const HeadRow& row : head_rows)
    if (classes.front().ends_with(row.class_suffix)) return row.head;
  throw Error(ErrorKind::unsupported,
              fmt::format("{}: architecture '{}' has a head that is not supported", config.source(), classes.front()));
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

Graph build_graph(const Config& config, WeightSource& weights, Head head) {
  const Architecture& architecture = architecture_of(config);
  if (std::ranges::find(architecture.heads, head) == architecture.heads.end())
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: '{}' has no {} head here", config.source(), architecture.model_type, name_of(head)));
  Graph graph;
  architecture.build({.graph = graph, .weights = Weights(graph, weights), .config = config, .head = head});
  return graph;
}

}  // namespace accelerate
