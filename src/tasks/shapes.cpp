#include "tasks/shapes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

constexpr std::array shapes{
    // name, model_type, head, vocabulary, hidden, layers, heads, intermediate, positions, types, epsilon, pad, sentence
    ModelShape{"all-MiniLM-L6-v2", "bert", Head::base, 30522, 384, 6, 12, 1536, 512, 2, 1e-12, 0,
               SentenceShape{PoolingMode::mean, true, 256}},
    ModelShape{"all-MiniLM-L12-v2", "bert", Head::base, 30522, 384, 12, 12, 1536, 512, 2, 1e-12, 0,
               SentenceShape{PoolingMode::mean, true, 128}},
    ModelShape{"bge-small-en-v1.5", "bert", Head::base, 30522, 384, 12, 12, 1536, 512, 2, 1e-12, 0,
               SentenceShape{PoolingMode::cls, true, 512}},
    ModelShape{"bge-base-en-v1.5", "bert", Head::base, 30522, 768, 12, 12, 3072, 512, 2, 1e-12, 0,
               SentenceShape{PoolingMode::cls, true, 512}},
    ModelShape{"gte-small", "bert", Head::base, 30522, 384, 12, 12, 1536, 512, 2, 1e-12, 0, SentenceShape{PoolingMode::mean, true, 512}},
    ModelShape{"bert-tiny", "bert", Head::base, 30522, 128, 2, 2, 512, 512, 2, 1e-12, 0, std::nullopt},
    ModelShape{"bert-base-uncased", "bert", Head::masked_lm, 30522, 768, 12, 12, 3072, 512, 2, 1e-12, 0, std::nullopt},
    ModelShape{"bert-large-uncased", "bert", Head::masked_lm, 30522, 1024, 24, 16, 4096, 512, 2, 1e-12, 0, std::nullopt},
    ModelShape{"roberta-base", "roberta", Head::masked_lm, 50265, 768, 12, 12, 3072, 514, 1, 1e-5, 1, std::nullopt},
    ModelShape{"roberta-large", "roberta", Head::masked_lm, 50265, 1024, 24, 16, 4096, 514, 1, 1e-5, 1, std::nullopt},
    ModelShape{"distilroberta-base", "roberta", Head::masked_lm, 50265, 768, 6, 12, 3072, 514, 1, 1e-5, 1, std::nullopt},
    ModelShape{"xlm-roberta-base", "xlm-roberta", Head::masked_lm, 250002, 768, 12, 12, 3072, 514, 1, 1e-5, 1, std::nullopt},
    ModelShape{"camembert-base", "camembert", Head::masked_lm, 32005, 768, 12, 12, 3072, 514, 1, 1e-5, 1, std::nullopt},
};

struct ClassPrefix {
  std::string_view model_type;
  std::string_view prefix;
};

constexpr std::array class_prefixes{
    ClassPrefix{"bert", "Bert"},
    ClassPrefix{"camembert", "Camembert"},
    ClassPrefix{"roberta", "Roberta"},
    ClassPrefix{"xlm-roberta", "XLMRoberta"},
};

std::string_view class_suffix(Head head) {
  switch (head) {
    case Head::base:
      return "Model";
    case Head::masked_lm:
      return "ForMaskedLM";
    case Head::sequence_classification:
      return "ForSequenceClassification";
    case Head::token_classification:
      return "ForTokenClassification";
    case Head::question_answering:
      return "ForQuestionAnswering";
  }
  throw Error(ErrorKind::internal, fmt::format("head {} has no class", static_cast<int>(head)));
}

}  // namespace

std::span<const ModelShape> all_shapes() { return shapes; }

const ModelShape& shape_named(std::string_view name) {
  std::string known;
  for (const ModelShape& shape : shapes) {
    if (shape.name == name) return shape;
    known += (known.empty() ? "" : ", ") + std::string(shape.name);
  }
  throw Error(ErrorKind::invalid_argument, fmt::format("model shape '{}' is not one of {}", name, known));
}

Json config_of(const ModelShape& shape) {
  return {
      {"architectures", Json::array({class_name(shape.model_type, shape.head)})},
      {"model_type", shape.model_type},
      {"vocab_size", shape.vocab_size},
      {"hidden_size", shape.hidden_size},
      {"num_hidden_layers", shape.num_hidden_layers},
      {"num_attention_heads", shape.num_attention_heads},
      {"intermediate_size", shape.intermediate_size},
      {"max_position_embeddings", shape.max_position_embeddings},
      {"type_vocab_size", shape.type_vocab_size},
      {"layer_norm_eps", shape.layer_norm_eps},
      {"pad_token_id", shape.pad_token_id},
      {"hidden_act", "gelu"},
      {"tie_word_embeddings", true},
  };
}

std::string class_name(std::string_view model_type, Head head) {
  const auto row = std::ranges::find(class_prefixes, model_type, &ClassPrefix::model_type);
  if (row == class_prefixes.end())
    throw Error(ErrorKind::unsupported, fmt::format("model_type '{}': no architecture of this build has it", model_type));
  return fmt::format("{}{}", row->prefix, class_suffix(head));
}

}  // namespace accelerate
