#include "tasks/shapes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

constexpr std::array shapes{
    // name, model_type, head, vocabulary, hidden, layers, heads, intermediate, positions, types, epsilon, pad, sentence, more
    ModelShape{"all-MiniLM-L6-v2", "bert", Head::base, 30522, 384, 6, 12, 1536, 512, 2, 1e-12, 0,
               SentenceShape{PoolingMode::mean, true, 256}},
    ModelShape{"all-MiniLM-L12-v2", "bert", Head::base, 30522, 384, 12, 12, 1536, 512, 2, 1e-12, 0,
               SentenceShape{PoolingMode::mean, true, 128}},
    ModelShape{"bge-small-en-v1.5", "bert", Head::base, 30522, 384, 12, 12, 1536, 512, 2, 1e-12, 0,
               SentenceShape{PoolingMode::cls, true, 512}},
    ModelShape{"bge-base-en-v1.5", "bert", Head::base, 30522, 768, 12, 12, 3072, 512, 2, 1e-12, 0,
               SentenceShape{PoolingMode::cls, true, 512}},
    ModelShape{"gte-small", "bert", Head::base, 30522, 384, 12, 12, 1536, 512, 2, 1e-12, 0, SentenceShape{PoolingMode::mean, true, 512}},
    ModelShape{"paraphrase-xlm-r-multilingual-v1", "xlm-roberta", Head::base, 250002, 768, 12, 12, 3072, 514, 1, 1e-5, 1,
               SentenceShape{PoolingMode::mean, false, 128}},
    ModelShape{"all-mpnet-base-v2", "mpnet", Head::base, 30527, 768, 12, 12, 3072, 514, 0, 1e-5, 1,
               SentenceShape{PoolingMode::mean, true, 384}},
    ModelShape{"bert-tiny", "bert", Head::base, 30522, 128, 2, 2, 512, 512, 2, 1e-12, 0},
    ModelShape{"bert-base-uncased", "bert", Head::masked_lm, 30522, 768, 12, 12, 3072, 512, 2, 1e-12, 0},
    ModelShape{"bert-base-cased", "bert", Head::masked_lm, 28996, 768, 12, 12, 3072, 512, 2, 1e-12, 0},
    ModelShape{"bert-base-german-cased", "bert", Head::masked_lm, 31102, 768, 12, 12, 3072, 512, 2, 1e-12, 0},
    ModelShape{"bert-base-multilingual-cased", "bert", Head::masked_lm, 119547, 768, 12, 12, 3072, 512, 2, 1e-12, 0},
    ModelShape{"bert-large-uncased", "bert", Head::masked_lm, 30522, 1024, 24, 16, 4096, 512, 2, 1e-12, 0},
    ModelShape{"roberta-base", "roberta", Head::masked_lm, 50265, 768, 12, 12, 3072, 514, 1, 1e-5, 1},
    ModelShape{"roberta-large", "roberta", Head::masked_lm, 50265, 1024, 24, 16, 4096, 514, 1, 1e-5, 1},
    ModelShape{"distilroberta-base", "roberta", Head::masked_lm, 50265, 768, 6, 12, 3072, 514, 1, 1e-5, 1},
    ModelShape{"xlm-roberta-base", "xlm-roberta", Head::masked_lm, 250002, 768, 12, 12, 3072, 514, 1, 1e-5, 1},
    ModelShape{"xlm-roberta-large", "xlm-roberta", Head::masked_lm, 250002, 1024, 24, 16, 4096, 514, 1, 1e-5, 1},
    ModelShape{"camembert-base", "camembert", Head::masked_lm, 32005, 768, 12, 12, 3072, 514, 1, 1e-5, 1},
    ModelShape{"distilbert-base-uncased", "distilbert", Head::masked_lm, 30522, 768, 6, 12, 3072, 512, 0, 1e-12, 0},
    ModelShape{"distilbert-base-cased", "distilbert", Head::masked_lm, 28996, 768, 6, 12, 3072, 512, 0, 1e-12, 0},
    ModelShape{"albert-base-v2", "albert", Head::masked_lm, 30000, 768, 12, 12, 3072, 512, 2, 1e-12, 0, std::nullopt,
               R"({"embedding_size": 128, "hidden_act": "gelu_new"})"},
    ModelShape{"electra-small-discriminator", "electra", Head::pretraining, 30522, 256, 12, 4, 1024, 512, 2, 1e-12, 0, std::nullopt,
               R"({"embedding_size": 128})"},
    ModelShape{"electra-base-discriminator", "electra", Head::pretraining, 30522, 768, 12, 12, 3072, 512, 2, 1e-12, 0, std::nullopt,
               R"({"embedding_size": 768})"},
    ModelShape{"mobilebert-uncased", "mobilebert", Head::pretraining, 30522, 512, 24, 4, 512, 512, 2, 1e-12, 0, std::nullopt,
               R"({"embedding_size": 128, "hidden_act": "relu", "intra_bottleneck_size": 128, "num_feedforward_networks": 4,
                   "normalization_type": "no_norm", "classifier_activation": false})"},
    ModelShape{"squeezebert-uncased", "squeezebert", Head::masked_lm, 30528, 768, 12, 12, 3072, 512, 2, 1e-12, 0, std::nullopt,
               R"({"embedding_size": 768, "q_groups": 4, "k_groups": 4, "v_groups": 4, "post_attention_groups": 1,
                   "intermediate_groups": 4, "output_groups": 4})"},
    ModelShape{"flaubert_small_cased", "flaubert", Head::masked_lm, 68729, 512, 6, 8, 2048, 512, 0, 1e-6, 2, std::nullopt,
               R"({"pre_norm": true})"},
    ModelShape{"flaubert_base_cased", "flaubert", Head::masked_lm, 68729, 768, 12, 12, 3072, 512, 0, 1e-12, 2, std::nullopt,
               R"({"pre_norm": false})"},
    ModelShape{"layoutlm-base-uncased", "layoutlm", Head::masked_lm, 30522, 768, 12, 12, 3072, 512, 2, 1e-12, 0, std::nullopt,
               R"({"max_2d_position_embeddings": 1024})"},
    ModelShape{"longformer-base-4096", "longformer", Head::masked_lm, 50265, 768, 12, 12, 3072, 4098, 1, 1e-5, 1, std::nullopt,
               R"({"attention_window": 512, "sep_token_id": 2})"},
    ModelShape{"longformer-large-4096", "longformer", Head::masked_lm, 50265, 1024, 24, 16, 4096, 4098, 1, 1e-5, 1, std::nullopt,
               R"({"attention_window": 512, "sep_token_id": 2})"},
    ModelShape{"deberta-base", "deberta", Head::masked_lm, 50265, 768, 12, 12, 3072, 512, 0, 1e-7, 0, std::nullopt,
               R"({"relative_attention": true, "max_relative_positions": -1, "pos_att_type": ["c2p", "p2c"],
                   "position_biased_input": false, "type_vocab_size": 0})"},
    ModelShape{"deberta-v3-base", "deberta-v2", Head::masked_lm, 128100, 768, 12, 12, 3072, 512, 0, 1e-7, 0, std::nullopt,
               R"({"relative_attention": true, "max_relative_positions": -1, "pos_att_type": ["p2c", "c2p"], "position_buckets": 256,
                   "norm_rel_ebd": "layer_norm", "share_att_key": true, "position_biased_input": false, "type_vocab_size": 0})"},
    ModelShape{"dpr-question_encoder-single-nq-base", "dpr", Head::base, 30522, 768, 12, 12, 3072, 512, 2, 1e-12, 0, std::nullopt,
               R"({"projection_dim": 0})"},
    ModelShape{"ModernBERT-base", "modernbert", Head::masked_lm, 50368, 768, 22, 12, 1152, 8192, 0, 1e-5, 50283, std::nullopt,
               R"({"global_attn_every_n_layers": 3, "local_attention": 128})"},
    ModelShape{"ModernBERT-large", "modernbert", Head::masked_lm, 50368, 1024, 28, 16, 2624, 8192, 0, 1e-5, 50283, std::nullopt,
               R"({"global_attn_every_n_layers": 3, "local_attention": 128})"},
};

/// A field that a type has under another name than BERT.
struct FieldRow {
  std::string_view model_type;
  std::string_view field;
  std::string_view own_name;
};

constexpr std::array field_rows{
    FieldRow{"distilbert", "hidden_size", "dim"},
    FieldRow{"distilbert", "num_hidden_layers", "n_layers"},
    FieldRow{"distilbert", "num_attention_heads", "n_heads"},
    FieldRow{"distilbert", "intermediate_size", "hidden_dim"},
    FieldRow{"distilbert", "hidden_act", "activation"},
    FieldRow{"flaubert", "hidden_size", "emb_dim"},
    FieldRow{"flaubert", "num_hidden_layers", "n_layers"},
    FieldRow{"flaubert", "num_attention_heads", "n_heads"},
    FieldRow{"modernbert", "hidden_act", "hidden_activation"},
    FieldRow{"modernbert", "layer_norm_eps", "norm_eps"},
};

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
  Json config{
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
  if (shape.type_vocab_size == 0) config.erase("type_vocab_size");
  for (const FieldRow& row : field_rows) {
    if (row.model_type != shape.model_type) continue;
    config[row.own_name] = config[row.field];
    config.erase(row.field);
  }
  config.update(parse_json(shape.more, shape.name));
  return config;
}

}  // namespace accelerate
