#include "tasks/shapes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

constexpr std::array encoder_shapes{
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

constexpr std::array decoder_shapes{
    ModelShape{"gpt2", "gpt2", Head::causal_lm, 50257, 768, 12, 12, 3072, 1024, 0, 1e-5, 50256, std::nullopt,
               R"({"activation_function": "gelu_new", "bos_token_id": 50256, "eos_token_id": 50256})"},
    ModelShape{"gpt2-large", "gpt2", Head::causal_lm, 50257, 1280, 36, 20, 5120, 1024, 0, 1e-5, 50256, std::nullopt,
               R"({"activation_function": "gelu_new", "bos_token_id": 50256, "eos_token_id": 50256})"},
    ModelShape{"DialoGPT-small", "gpt2", Head::causal_lm, 50257, 768, 12, 12, 3072, 1024, 0, 1e-5, 50256, std::nullopt,
               R"({"activation_function": "gelu_new", "bos_token_id": 50256, "eos_token_id": 50256})"},
    ModelShape{"gpt-neo-125M", "gpt_neo", Head::causal_lm, 50257, 768, 12, 12, 3072, 2048, 0, 1e-5, 50256, std::nullopt,
               R"({"activation_function": "gelu_new", "bos_token_id": 50256, "eos_token_id": 50256, "window_size": 256,
                   "attention_layers": ["global", "local", "global", "local", "global", "local",
                                        "global", "local", "global", "local", "global", "local"]})"},
    ModelShape{"gpt-j-6B", "gptj", Head::causal_lm, 50400, 4096, 28, 16, 16384, 2048, 0, 1e-5, 50256, std::nullopt,
               R"({"activation_function": "gelu_new", "bos_token_id": 50256, "eos_token_id": 50256, "rotary_dim": 64,
                   "tie_word_embeddings": false})"},
    ModelShape{"codegen-350M-mono", "codegen", Head::causal_lm, 51200, 1024, 20, 16, 4096, 2048, 0, 1e-5, 50256, std::nullopt,
               R"({"activation_function": "gelu_new", "bos_token_id": 1, "eos_token_id": 50256, "rotary_dim": 32, "n_ctx": 2048,
                   "tie_word_embeddings": false})"},
    ModelShape{"pythia-70m", "gpt_neox", Head::causal_lm, 50304, 512, 6, 8, 2048, 2048, 0, 1e-5, 1, std::nullopt,
               R"({"bos_token_id": 0, "eos_token_id": 0, "rotary_pct": 0.25, "rotary_emb_base": 10000,
                   "use_parallel_residual": true, "tie_word_embeddings": false})"},
    ModelShape{"opt-125m", "opt", Head::causal_lm, 50272, 768, 12, 12, 3072, 2048, 0, 1e-5, 1, std::nullopt,
               R"({"activation_function": "relu", "bos_token_id": 2, "eos_token_id": 2, "word_embed_proj_dim": 768,
                   "do_layer_norm_before": true})"},
    ModelShape{"opt-350m", "opt", Head::causal_lm, 50272, 1024, 24, 16, 4096, 2048, 0, 1e-5, 1, std::nullopt,
               R"({"activation_function": "relu", "bos_token_id": 2, "eos_token_id": 2, "word_embed_proj_dim": 512,
                   "do_layer_norm_before": false})"},
    ModelShape{"bloom-560m", "bloom", Head::causal_lm, 250880, 1024, 24, 16, 4096, 2048, 0, 1e-5, 3, std::nullopt,
               R"({"bos_token_id": 1, "eos_token_id": 2})"},
    ModelShape{"TinyLlama-1.1B-Chat-v1.0", "llama", Head::causal_lm, 32000, 2048, 22, 32, 5632, 2048, 0, 1e-5, 0, std::nullopt,
               R"({"num_key_value_heads": 4, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2,
                   "tie_word_embeddings": false})"},
    ModelShape{"Llama-2-7b", "llama", Head::causal_lm, 32000, 4096, 32, 32, 11008, 4096, 0, 1e-5, 0, std::nullopt,
               R"({"hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2, "tie_word_embeddings": false})"},
    ModelShape{"Llama-3.2-1B", "llama", Head::causal_lm, 128256, 2048, 16, 32, 8192, 131072, 0, 1e-5, 128004, std::nullopt,
               R"({"num_key_value_heads": 8, "head_dim": 64, "hidden_act": "silu", "bos_token_id": 128000,
                   "eos_token_id": 128001, "rope_theta": 500000,
                   "rope_scaling": {"rope_type": "llama3", "factor": 32, "low_freq_factor": 1, "high_freq_factor": 4,
                                    "original_max_position_embeddings": 8192}})"},
    ModelShape{"Mistral-7B-v0.1", "mistral", Head::causal_lm, 32000, 4096, 32, 32, 14336, 32768, 0, 1e-5, 0, std::nullopt,
               R"({"num_key_value_heads": 8, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2, "sliding_window": 4096,
                   "tie_word_embeddings": false})"},
    ModelShape{"Qwen2-7B", "qwen2", Head::causal_lm, 152064, 3584, 28, 28, 18944, 131072, 0, 1e-6, 151643, std::nullopt,
               R"({"num_key_value_heads": 4, "hidden_act": "silu", "bos_token_id": 151643, "eos_token_id": 151643,
                   "rope_theta": 1000000, "use_sliding_window": false, "tie_word_embeddings": false})"},
    ModelShape{"Qwen3-0.6B", "qwen3", Head::causal_lm, 151936, 1024, 28, 16, 3072, 40960, 0, 1e-6, 151643, std::nullopt,
               R"({"num_key_value_heads": 8, "head_dim": 128, "hidden_act": "silu", "bos_token_id": 151643,
                   "eos_token_id": 151645, "rope_theta": 1000000, "use_sliding_window": false})"},
    ModelShape{"Phi-3-mini-4k-instruct", "phi3", Head::causal_lm, 32064, 3072, 32, 32, 8192, 4096, 0, 1e-5, 32000, std::nullopt,
               R"({"num_key_value_heads": 32, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 32000,
                   "sliding_window": 2047, "tie_word_embeddings": false})"},
    ModelShape{"gemma-2-2b", "gemma2", Head::causal_lm, 256000, 2304, 26, 8, 9216, 8192, 0, 1e-6, 0, std::nullopt,
               R"({"num_key_value_heads": 4, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "bos_token_id": 2,
                   "eos_token_id": 1, "query_pre_attn_scalar": 256, "sliding_window": 4096, "attn_logit_softcapping": 50,
                   "final_logit_softcapping": 30})"},
    ModelShape{"gemma-3-1b-it", "gemma3_text", Head::causal_lm, 262144, 1152, 26, 4, 6912, 32768, 0, 1e-6, 0, std::nullopt,
               R"({"num_key_value_heads": 1, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "bos_token_id": 2,
                   "eos_token_id": 1, "query_pre_attn_scalar": 256, "sliding_window": 512, "sliding_window_pattern": 6,
                   "rope_theta": 1000000, "rope_local_base_freq": 10000})"},
};

constexpr std::array encoder_decoder_shapes{
    ModelShape{"t5-small", "t5", Head::conditional_generation, 32128, 512, 6, 8, 2048, 512, 0, 1e-6, 0, std::nullopt,
               R"({"d_kv": 64, "eos_token_id": 1, "decoder_start_token_id": 0, "feed_forward_proj": "relu"})"},
    ModelShape{"t5-efficient-tiny", "t5", Head::conditional_generation, 32128, 256, 4, 4, 1024, 512, 0, 1e-6, 0, std::nullopt,
               R"({"d_kv": 64, "eos_token_id": 1, "decoder_start_token_id": 0, "feed_forward_proj": "relu"})"},
    ModelShape{"flan-t5-small", "t5", Head::conditional_generation, 32128, 512, 8, 6, 1024, 512, 0, 1e-6, 0, std::nullopt,
               R"({"d_kv": 64, "eos_token_id": 1, "decoder_start_token_id": 0, "feed_forward_proj": "gated-gelu",
                   "tie_word_embeddings": false})"},
    ModelShape{"mt5-small", "mt5", Head::conditional_generation, 250112, 512, 8, 6, 1024, 512, 0, 1e-6, 0, std::nullopt,
               R"({"d_kv": 64, "eos_token_id": 1, "decoder_start_token_id": 0, "feed_forward_proj": "gated-gelu",
                   "tie_word_embeddings": false})"},
    ModelShape{"bart-base", "bart", Head::conditional_generation, 50265, 768, 6, 12, 3072, 1024, 0, 1e-5, 1, std::nullopt,
               R"({"bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2, "forced_bos_token_id": 0,
                   "forced_eos_token_id": 2})"},
    ModelShape{"mbart-large-50", "mbart", Head::conditional_generation, 250054, 1024, 12, 16, 4096, 1024, 0, 1e-5, 1, std::nullopt,
               R"({"bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2, "forced_eos_token_id": 2,
                   "activation_function": "relu", "scale_embedding": true})"},
    ModelShape{"pegasus-xsum", "pegasus", Head::conditional_generation, 96103, 1024, 16, 16, 4096, 512, 0, 1e-5, 0, std::nullopt,
               R"({"bos_token_id": 2, "eos_token_id": 1, "decoder_start_token_id": 0, "forced_eos_token_id": 1,
                   "activation_function": "relu", "scale_embedding": true})"},
    ModelShape{"blenderbot-400M-distill", "blenderbot", Head::conditional_generation, 8008, 1280, 12, 32, 5120, 128, 0, 1e-5, 0,
               std::nullopt,
               R"({"bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1, "forced_eos_token_id": 2, "encoder_layers": 2,
                   "scale_embedding": true})"},
    ModelShape{"blenderbot-90M", "blenderbot-small", Head::conditional_generation, 54944, 512, 8, 16, 2048, 512, 0, 1e-5, 0, std::nullopt,
               R"({"bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1, "forced_eos_token_id": 2,
                   "scale_embedding": true})"},
    ModelShape{"led-base-16384", "led", Head::conditional_generation, 50265, 768, 6, 12, 3072, 1024, 0, 1e-5, 1, std::nullopt,
               R"({"bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2, "attention_window": 1024,
                   "max_encoder_position_embeddings": 16384, "max_decoder_position_embeddings": 1024})"},
};

constexpr auto shapes = [] {
  std::array<ModelShape, encoder_shapes.size() + decoder_shapes.size() + encoder_decoder_shapes.size()> all{};
  const auto decoders = std::ranges::copy(encoder_shapes, all.begin()).out;
  std::ranges::copy(encoder_decoder_shapes, std::ranges::copy(decoder_shapes, decoders).out);
  return all;
}();

/// A field that a type has under another name than BERT, or not at all.
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
    FieldRow{"gpt2", "hidden_size", "n_embd"},
    FieldRow{"gpt2", "num_hidden_layers", "n_layer"},
    FieldRow{"gpt2", "num_attention_heads", "n_head"},
    FieldRow{"gpt2", "intermediate_size", "n_inner"},
    FieldRow{"gpt2", "max_position_embeddings", "n_positions"},
    FieldRow{"gpt2", "layer_norm_eps", "layer_norm_epsilon"},
    FieldRow{"gpt2", "hidden_act", "activation_function"},
    FieldRow{"gptj", "hidden_size", "n_embd"},
    FieldRow{"gptj", "num_hidden_layers", "n_layer"},
    FieldRow{"gptj", "num_attention_heads", "n_head"},
    FieldRow{"gptj", "intermediate_size", "n_inner"},
    FieldRow{"gptj", "max_position_embeddings", "n_positions"},
    FieldRow{"gptj", "layer_norm_eps", "layer_norm_epsilon"},
    FieldRow{"gptj", "hidden_act", "activation_function"},
    FieldRow{"codegen", "hidden_size", "n_embd"},
    FieldRow{"codegen", "num_hidden_layers", "n_layer"},
    FieldRow{"codegen", "num_attention_heads", "n_head"},
    FieldRow{"codegen", "intermediate_size", "n_inner"},
    FieldRow{"codegen", "max_position_embeddings", "n_positions"},
    FieldRow{"codegen", "layer_norm_eps", "layer_norm_epsilon"},
    FieldRow{"codegen", "hidden_act", "activation_function"},
    FieldRow{"gpt_neo", "num_hidden_layers", "num_layers"},
    FieldRow{"gpt_neo", "num_attention_heads", "num_heads"},
    FieldRow{"gpt_neo", "layer_norm_eps", "layer_norm_epsilon"},
    FieldRow{"gpt_neo", "hidden_act", "activation_function"},
    FieldRow{"opt", "intermediate_size", "ffn_dim"},
    FieldRow{"opt", "hidden_act", "activation_function"},
    FieldRow{"opt", "layer_norm_eps", ""},
    FieldRow{"bloom", "num_hidden_layers", "n_layer"},
    FieldRow{"bloom", "num_attention_heads", "n_head"},
    FieldRow{"bloom", "layer_norm_eps", "layer_norm_epsilon"},
    FieldRow{"bloom", "intermediate_size", ""},
    FieldRow{"bloom", "max_position_embeddings", ""},
    FieldRow{"bloom", "hidden_act", ""},
    FieldRow{"llama", "layer_norm_eps", "rms_norm_eps"},
    FieldRow{"mistral", "layer_norm_eps", "rms_norm_eps"},
    FieldRow{"qwen2", "layer_norm_eps", "rms_norm_eps"},
    FieldRow{"qwen3", "layer_norm_eps", "rms_norm_eps"},
    FieldRow{"phi3", "layer_norm_eps", "rms_norm_eps"},
    FieldRow{"gemma2", "layer_norm_eps", "rms_norm_eps"},
    FieldRow{"gemma3_text", "layer_norm_eps", "rms_norm_eps"},
    FieldRow{"gemma2", "hidden_act", "hidden_activation"},
    FieldRow{"gemma3_text", "hidden_act", "hidden_activation"},
    FieldRow{"led", "max_position_embeddings", ""},
};

/// The same for all types of a family, whose encoder and decoder each have a field of their own for some of BERT's.
struct FamilyFields {
  std::span<const std::string_view> model_types;
  std::span<const FieldRow> rows;  ///< without types
};

constexpr std::array<std::string_view, 3> t5_types{"t5", "mt5", "umt5"};
constexpr std::array t5_fields{
    FieldRow{"", "hidden_size", "d_model"},
    FieldRow{"", "num_hidden_layers", "num_layers"},
    FieldRow{"", "intermediate_size", "d_ff"},
    FieldRow{"", "num_attention_heads", "num_heads"},
    FieldRow{"", "hidden_act", ""},
    FieldRow{"", "layer_norm_eps", "layer_norm_epsilon"},
    FieldRow{"", "max_position_embeddings", "n_positions"},
};

constexpr std::array<std::string_view, 6> bart_types{"bart", "mbart", "pegasus", "blenderbot", "blenderbot-small", "led"};
constexpr std::array bart_fields{
    FieldRow{"", "hidden_size", "d_model"},
    FieldRow{"", "num_hidden_layers", "encoder_layers"},
    FieldRow{"", "num_hidden_layers", "decoder_layers"},
    FieldRow{"", "intermediate_size", "encoder_ffn_dim"},
    FieldRow{"", "intermediate_size", "decoder_ffn_dim"},
    FieldRow{"", "num_attention_heads", "encoder_attention_heads"},
    FieldRow{"", "num_attention_heads", "decoder_attention_heads"},
    FieldRow{"", "hidden_act", "activation_function"},
    FieldRow{"", "layer_norm_eps", ""},
};

constexpr std::array families{FamilyFields{t5_types, t5_fields}, FamilyFields{bart_types, bart_fields}};

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
  const Json usual = config;
  const auto rename = [&](const FieldRow& row) {
    config.erase(row.field);
    if (!row.own_name.empty()) config[row.own_name] = usual[row.field];
  };
  for (const FieldRow& row : field_rows)
    if (row.model_type == shape.model_type) rename(row);
  for (const FamilyFields& family : families)
    if (std::ranges::find(family.model_types, shape.model_type) != family.model_types.end()) std::ranges::for_each(family.rows, rename);
  config.update(parse_json(shape.more, shape.name));
  return config;
}

}  // namespace accelerate
