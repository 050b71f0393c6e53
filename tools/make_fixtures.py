#!/usr/bin/env python3
"""Makes the tiny models under tests/models/fixtures, and what transformers computes with them.

    python tools/make_fixtures.py [NAME ...]     # needs requirements/peers.txt

Each fixture is a folder with `config.json` and `model.safetensors` (random weights), `inputs.safetensors` and
`expected.safetensors`: the forward pass of transformers in float32, tensors named as transformers names them.
Outputs with one row a token are zero where `attention_mask` is zero, as the engine returns them.
The result is the same on every run with the same versions; commit a change only together with the reason for it.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from pack_layers import Packing, pack_layers
from safetensors.torch import save_file

FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "models" / "fixtures"
LARGEST_FOLDER = 60 * 1024  # bytes
LENGTHS = (11, 7, 4)  # tokens of each sequence in the batch
WRITTEN_TOKENS = 6  # of each sequence that a decoder writes which reads another
FIRST_ORDINARY_ID = 5  # smaller ids are special tokens

EMBEDDINGS = ("embeddings", "embed_tokens", "shared.weight", "embed_positions", "embed_in", "wte", "wpe")
TOKEN_OUTPUTS = {"last_hidden_state", "start_logits", "end_logits"}

BERT = dict(vocab_size=61, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=36,
            max_position_embeddings=20, type_vocab_size=2)
ROBERTA = BERT | dict(hidden_size=16, num_attention_heads=4, intermediate_size=44, type_vocab_size=1, pad_token_id=1,
                      bos_token_id=0, eos_token_id=2)
LONGFORMER = ROBERTA | dict(attention_window=[4, 6], sep_token_id=2)
MPNET = {name: size for name, size in ROBERTA.items() if name != "type_vocab_size"}
DEBERTA = BERT | dict(hidden_size=16, num_attention_heads=4, relative_attention=True, pos_att_type=["c2p", "p2c"], position_biased_input=False, type_vocab_size=0)
DEBERTA_V2 = DEBERTA | dict(position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True)
SMALL = BERT | dict(vocab_size=31, hidden_size=16, num_attention_heads=2, intermediate_size=24)
DISTILBERT = dict(vocab_size=31, dim=16, n_layers=2, n_heads=4, hidden_dim=28, max_position_embeddings=20)
ALBERT = SMALL | dict(embedding_size=12, num_hidden_layers=4, num_hidden_groups=2, bos_token_id=2, eos_token_id=3)
ELECTRA = SMALL | dict(embedding_size=12)
MOBILEBERT = SMALL | dict(embedding_size=6, intra_bottleneck_size=12, intermediate_size=18, num_feedforward_networks=3)
SQUEEZEBERT = SMALL | dict(embedding_size=16, q_groups=2, k_groups=4, v_groups=1, intermediate_groups=4, output_groups=2)
FLAUBERT = dict(vocab_size=31, emb_dim=12, n_layers=2, n_heads=3, max_position_embeddings=20, pad_index=2)
LAYOUTLM = SMALL | dict(max_2d_position_embeddings=24)
MODERNBERT = SMALL | dict(num_hidden_layers=3, global_attn_every_n_layers=2, local_attention=6, pad_token_id=0, bos_token_id=1,
                          eos_token_id=2, cls_token_id=1, sep_token_id=2)
MODERNBERT_BIASES = dict(norm_bias=True, attention_bias=True, mlp_bias=True, classifier_bias=True, decoder_bias=False)
DECODER = dict(vocab_size=31, bos_token_id=1, eos_token_id=2, pad_token_id=0)
GPT2 = DECODER | dict(n_embd=16, n_layer=2, n_head=4, n_positions=20)
GPT_NEO = DECODER | dict(hidden_size=16, num_layers=2, num_heads=4, intermediate_size=28, max_position_embeddings=20, window_size=3,
                         attention_types=[[["global", "local"], 1]])
GPTJ = GPT2 | dict(n_inner=28, rotary_dim=2)
CODEGEN = GPTJ | dict(n_ctx=20)
GPT_NEOX = DECODER | dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, max_position_embeddings=20)
OPT = DECODER | dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, ffn_dim=28, max_position_embeddings=20,
                     word_embed_proj_dim=16)
BLOOM = DECODER | dict(hidden_size=18, n_layer=2, n_head=6)
LLAMA = DECODER | dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=28,
                       max_position_embeddings=20)
LLAMA3_ROPE = dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                   original_max_position_embeddings=16)
PACKED = dict(hidden_size=32, intermediate_size=64, vocab_size=40)
GEMMA = LLAMA | dict(head_dim=6, query_pre_attn_scalar=10, sliding_window=4, num_hidden_layers=3)
T5 = dict(vocab_size=31, d_model=16, d_kv=6, d_ff=28, num_layers=2, num_heads=3, relative_attention_num_buckets=8,
          relative_attention_max_distance=12, decoder_start_token_id=0, pad_token_id=0, eos_token_id=1)
BART = dict(vocab_size=31, d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=4, decoder_attention_heads=2,
            encoder_ffn_dim=28, decoder_ffn_dim=20, max_position_embeddings=20, pad_token_id=1, bos_token_id=0, eos_token_id=2,
            decoder_start_token_id=2)
LED = {name: size for name, size in BART.items() if name != "max_position_embeddings"} | dict(
    attention_window=[4, 6], max_encoder_position_embeddings=20, max_decoder_position_embeddings=10)


@dataclass(frozen=True)
class Fixture:
    """One folder: a transformers class, its configuration, and which of its outputs are kept."""

    model_class: str
    sizes: dict[str, Any]
    outputs: tuple[str, ...]
    changes: dict[str, Any] = field(default_factory=dict)
    left_padded: bool = False
    boxes: bool = True  # whether a model that takes them is given a box for each token
    global_tokens: bool = False  # whether the model is told which tokens are global
    end_token: bool = False  # whether each text ends with the end token
    separators: bool = False  # whether each text is a question and its context, with RoBERTa's three separators
    dtype: torch.dtype = torch.float32
    shard_bytes: int | None = None
    packing: Packing | None = None  # of the layers' linears

    @property
    def config(self) -> transformers.PretrainedConfig:
        """The configuration, its class taken from the model's."""
        config_class = getattr(transformers, self.model_class).config_class
        return config_class(**self.sizes | self.changes)


# The pooler reads the first column, which is padding in a left-padded batch: only the hidden state means anything there.
HIDDEN = ("last_hidden_state",)
BASE = ("last_hidden_state", "pooler_output")
SPANS = ("start_logits", "end_logits")
LOGITS = ("logits",)
ANSWERS = ("logits", "encoder_last_hidden_state")
WRITTEN = ("last_hidden_state", "encoder_last_hidden_state")

ALL = {
    "bert_model": Fixture("BertModel", BERT, BASE),
    "bert_masked_lm": Fixture("BertForMaskedLM", BERT, LOGITS),
    "bert_sequence_classification": Fixture("BertForSequenceClassification", BERT, LOGITS, dict(num_labels=5)),
    "bert_token_classification": Fixture("BertForTokenClassification", BERT, LOGITS, dict(num_labels=7)),
    "bert_question_answering": Fixture("BertForQuestionAnswering", BERT, SPANS),
    "bert_gelu_new": Fixture("BertModel", BERT, BASE, dict(hidden_act="gelu_new", layer_norm_eps=1e-3)),
    "bert_left_padded": Fixture("BertModel", BERT, HIDDEN, left_padded=True),
    "bert_bfloat16": Fixture("BertModel", BERT, BASE, dtype=torch.bfloat16),
    "bert_sharded": Fixture("BertForTokenClassification", BERT, LOGITS, shard_bytes=16_000),
    "roberta_model": Fixture("RobertaModel", ROBERTA, BASE),
    "roberta_masked_lm": Fixture("RobertaForMaskedLM", ROBERTA, LOGITS),
    "roberta_sequence_classification": Fixture("RobertaForSequenceClassification", ROBERTA, LOGITS, dict(num_labels=4)),
    "roberta_token_classification": Fixture("RobertaForTokenClassification", ROBERTA, LOGITS, dict(num_labels=6)),
    "roberta_question_answering": Fixture("RobertaForQuestionAnswering", ROBERTA, SPANS),
    "mpnet_model": Fixture("MPNetModel", MPNET, BASE),
    "mpnet_masked_lm": Fixture("MPNetForMaskedLM", MPNET, LOGITS),
    "mpnet_sequence_classification": Fixture("MPNetForSequenceClassification", MPNET, LOGITS, dict(num_labels=4)),
    "mpnet_token_classification": Fixture("MPNetForTokenClassification", MPNET, LOGITS, dict(num_labels=6)),
    "mpnet_question_answering": Fixture("MPNetForQuestionAnswering", MPNET, SPANS),
    "deberta_model": Fixture("DebertaModel", DEBERTA, HIDDEN),
    "deberta_masked_lm": Fixture("DebertaForMaskedLM", DEBERTA, LOGITS),
    "deberta_sequence_classification": Fixture("DebertaForSequenceClassification", DEBERTA, LOGITS, dict(num_labels=3)),
    "deberta_token_classification": Fixture("DebertaForTokenClassification", DEBERTA, LOGITS, dict(num_labels=5)),
    "deberta_question_answering": Fixture("DebertaForQuestionAnswering", DEBERTA, SPANS),
    "deberta_near_positions": Fixture("DebertaModel", DEBERTA, HIDDEN,
                                      dict(max_relative_positions=4, position_biased_input=True, type_vocab_size=2)),
    "deberta_v2_model": Fixture("DebertaV2Model", DEBERTA_V2, HIDDEN),
    "deberta_v2_masked_lm": Fixture("DebertaV2ForMaskedLM", DEBERTA_V2, LOGITS),
    "deberta_v2_sequence_classification": Fixture("DebertaV2ForSequenceClassification", DEBERTA_V2, LOGITS,
                                                  dict(num_labels=3, conv_kernel_size=3, conv_act="gelu")),
    "deberta_v2_token_classification": Fixture("DebertaV2ForTokenClassification", DEBERTA_V2, LOGITS,
                                               dict(num_labels=5, share_att_key=False, position_buckets=-1)),
    "deberta_v2_question_answering": Fixture("DebertaV2ForQuestionAnswering", DEBERTA_V2, SPANS, left_padded=True),
    "xlm_roberta_model": Fixture("XLMRobertaModel", ROBERTA, BASE),
    "xlm_roberta_left_padded": Fixture("XLMRobertaModel", ROBERTA, HIDDEN, left_padded=True),
    "camembert_masked_lm": Fixture("CamembertForMaskedLM", ROBERTA, LOGITS),
    "bert_pretraining": Fixture("BertForPreTraining", SMALL, ("prediction_logits", "seq_relationship_logits")),
    "bert_next_sentence": Fixture("BertForNextSentencePrediction", SMALL, LOGITS),
    "distilbert_model": Fixture("DistilBertModel", DISTILBERT, HIDDEN),
    "distilbert_masked_lm": Fixture("DistilBertForMaskedLM", DISTILBERT, LOGITS),
    "distilbert_sequence_classification": Fixture("DistilBertForSequenceClassification", DISTILBERT, LOGITS, dict(num_labels=3)),
    "distilbert_token_classification": Fixture("DistilBertForTokenClassification", DISTILBERT, LOGITS, dict(num_labels=5)),
    "distilbert_question_answering": Fixture("DistilBertForQuestionAnswering", DISTILBERT, SPANS),
    "albert_model": Fixture("AlbertModel", ALBERT, BASE, dict(num_hidden_groups=1, inner_group_num=2)),
    "albert_masked_lm": Fixture("AlbertForMaskedLM", ALBERT, LOGITS),
    "albert_pretraining": Fixture("AlbertForPreTraining", ALBERT, ("prediction_logits", "sop_logits")),
    "albert_sequence_classification": Fixture("AlbertForSequenceClassification", ALBERT, LOGITS, dict(num_labels=3)),
    "albert_token_classification": Fixture("AlbertForTokenClassification", ALBERT, LOGITS, dict(num_labels=5)),
    "albert_question_answering": Fixture("AlbertForQuestionAnswering", ALBERT, SPANS),
    "electra_model": Fixture("ElectraModel", ELECTRA, HIDDEN),
    "electra_left_padded": Fixture("ElectraModel", ELECTRA, HIDDEN, dict(embedding_size=16), left_padded=True),
    "electra_pretraining": Fixture("ElectraForPreTraining", ELECTRA, LOGITS),
    "electra_masked_lm": Fixture("ElectraForMaskedLM", ELECTRA, LOGITS),
    "electra_sequence_classification": Fixture("ElectraForSequenceClassification", ELECTRA, LOGITS, dict(num_labels=3)),
    "electra_token_classification": Fixture("ElectraForTokenClassification", ELECTRA, LOGITS, dict(num_labels=5)),
    "electra_question_answering": Fixture("ElectraForQuestionAnswering", ELECTRA, SPANS),
    "mobilebert_model": Fixture("MobileBertModel", MOBILEBERT, BASE),
    "mobilebert_left_padded": Fixture("MobileBertModel", MOBILEBERT, HIDDEN, dict(classifier_activation=False), left_padded=True),
    "mobilebert_layer_norm": Fixture("MobileBertModel", MOBILEBERT, BASE,
                                     dict(normalization_type="layer_norm", trigram_input=False, use_bottleneck_attention=True,
                                          key_query_shared_bottleneck=False, classifier_activation=False)),
    "mobilebert_no_bottleneck": Fixture("MobileBertModel", MOBILEBERT, BASE, dict(use_bottleneck=False, num_feedforward_networks=1)),
    "mobilebert_masked_lm": Fixture("MobileBertForMaskedLM", MOBILEBERT, LOGITS),
    "mobilebert_pretraining": Fixture("MobileBertForPreTraining", MOBILEBERT, ("prediction_logits", "seq_relationship_logits")),
    "mobilebert_next_sentence": Fixture("MobileBertForNextSentencePrediction", MOBILEBERT, LOGITS),
    "mobilebert_sequence_classification": Fixture("MobileBertForSequenceClassification", MOBILEBERT, LOGITS, dict(num_labels=3)),
    "mobilebert_token_classification": Fixture("MobileBertForTokenClassification", MOBILEBERT, LOGITS, dict(num_labels=5)),
    "mobilebert_question_answering": Fixture("MobileBertForQuestionAnswering", MOBILEBERT, SPANS),
    "squeezebert_model": Fixture("SqueezeBertModel", SQUEEZEBERT, BASE),
    "squeezebert_masked_lm": Fixture("SqueezeBertForMaskedLM", SQUEEZEBERT, LOGITS),
    "squeezebert_sequence_classification": Fixture("SqueezeBertForSequenceClassification", SQUEEZEBERT, LOGITS, dict(num_labels=3)),
    "squeezebert_token_classification": Fixture("SqueezeBertForTokenClassification", SQUEEZEBERT, LOGITS, dict(num_labels=5)),
    "squeezebert_question_answering": Fixture("SqueezeBertForQuestionAnswering", SQUEEZEBERT, SPANS),
    "flaubert_model": Fixture("FlaubertModel", FLAUBERT, HIDDEN),
    "flaubert_pre_norm": Fixture("FlaubertModel", FLAUBERT, HIDDEN, dict(pre_norm=True, gelu_activation=False)),
    "flaubert_masked_lm": Fixture("FlaubertWithLMHeadModel", FLAUBERT, LOGITS),
    "flaubert_sequence_classification": Fixture("FlaubertForSequenceClassification", FLAUBERT, LOGITS,
                                                dict(num_labels=3, summary_activation="tanh")),
    "flaubert_token_classification": Fixture("FlaubertForTokenClassification", FLAUBERT, LOGITS, dict(num_labels=5)),
    "flaubert_question_answering": Fixture("FlaubertForQuestionAnsweringSimple", FLAUBERT, SPANS),
    "layoutlm_model": Fixture("LayoutLMModel", LAYOUTLM, BASE),
    "layoutlm_no_boxes": Fixture("LayoutLMModel", LAYOUTLM, BASE, boxes=False),
    "layoutlm_masked_lm": Fixture("LayoutLMForMaskedLM", LAYOUTLM, LOGITS),
    "layoutlm_sequence_classification": Fixture("LayoutLMForSequenceClassification", LAYOUTLM, LOGITS, dict(num_labels=3)),
    "layoutlm_token_classification": Fixture("LayoutLMForTokenClassification", LAYOUTLM, LOGITS, dict(num_labels=5)),
    "layoutlm_question_answering": Fixture("LayoutLMForQuestionAnswering", LAYOUTLM, SPANS),
    "longformer_model": Fixture("LongformerModel", LONGFORMER, BASE, global_tokens=True),
    "longformer_no_global_tokens": Fixture("LongformerModel", LONGFORMER, BASE, dict(attention_window=4)),
    "longformer_left_padded": Fixture("LongformerModel", LONGFORMER, HIDDEN, global_tokens=True, left_padded=True),
    "longformer_masked_lm": Fixture("LongformerForMaskedLM", LONGFORMER, LOGITS, global_tokens=True),
    "longformer_sequence_classification": Fixture("LongformerForSequenceClassification", LONGFORMER, LOGITS, dict(num_labels=4)),
    "longformer_token_classification": Fixture("LongformerForTokenClassification", LONGFORMER, LOGITS, dict(num_labels=6)),
    "longformer_question_answering": Fixture("LongformerForQuestionAnswering", LONGFORMER, SPANS, separators=True),
    "longformer_given_question": Fixture("LongformerForQuestionAnswering", LONGFORMER, SPANS, global_tokens=True),
    "dpr_question_encoder": Fixture("DPRQuestionEncoder", SMALL, ("pooler_output",)),
    "dpr_context_encoder": Fixture("DPRContextEncoder", SMALL, ("pooler_output",), dict(projection_dim=10)),
    "dpr_reader": Fixture("DPRReader", SMALL, ("start_logits", "end_logits", "relevance_logits"), dict(type_vocab_size=1)),
    "modernbert_model": Fixture("ModernBertModel", MODERNBERT, HIDDEN),
    "modernbert_left_padded": Fixture("ModernBertModel", MODERNBERT, HIDDEN, MODERNBERT_BIASES, left_padded=True),
    "modernbert_masked_lm": Fixture("ModernBertForMaskedLM", MODERNBERT, LOGITS),
    "modernbert_masked_lm_biases": Fixture("ModernBertForMaskedLM", MODERNBERT, LOGITS, MODERNBERT_BIASES),
    "modernbert_sequence_classification": Fixture("ModernBertForSequenceClassification", MODERNBERT, LOGITS, dict(num_labels=3)),
    "modernbert_mean_classification": Fixture("ModernBertForSequenceClassification", MODERNBERT, LOGITS,
                                              dict(num_labels=3, classifier_pooling="mean")),
    "modernbert_token_classification": Fixture("ModernBertForTokenClassification", MODERNBERT, LOGITS, dict(num_labels=5)),
    "modernbert_question_answering": Fixture("ModernBertForQuestionAnswering", MODERNBERT, SPANS),
    "gpt2_model": Fixture("GPT2Model", GPT2, HIDDEN, dict(scale_attn_by_inverse_layer_idx=True)),
    "gpt2_causal_lm": Fixture("GPT2LMHeadModel", GPT2, LOGITS, left_padded=True),
    "gpt2_sequence_classification": Fixture("GPT2ForSequenceClassification", GPT2, LOGITS, dict(num_labels=3)),
    "gpt_neo_causal_lm": Fixture("GPTNeoForCausalLM", GPT_NEO, LOGITS),
    "gptj_causal_lm": Fixture("GPTJForCausalLM", GPTJ, LOGITS, left_padded=True),
    "codegen_causal_lm": Fixture("CodeGenForCausalLM", CODEGEN, LOGITS),
    "gpt_neox_causal_lm": Fixture("GPTNeoXForCausalLM", GPT_NEOX, LOGITS),
    "gpt_neox_serial": Fixture("GPTNeoXForCausalLM", GPT_NEOX, LOGITS,
                               dict(use_parallel_residual=False, attention_bias=False,
                                    rope_parameters=dict(rope_type="linear", rope_theta=500.0, factor=2.0, partial_rotary_factor=0.5))),
    "opt_causal_lm": Fixture("OPTForCausalLM", OPT, LOGITS, left_padded=True),
    "opt_post_norm": Fixture("OPTForCausalLM", OPT, LOGITS,
                             dict(do_layer_norm_before=False, word_embed_proj_dim=10, enable_bias=False,
                                  layer_norm_elementwise_affine=False)),
    "bloom_causal_lm": Fixture("BloomForCausalLM", BLOOM, LOGITS, left_padded=True),
    "bloom_post_norm_residual": Fixture("BloomForCausalLM", BLOOM, LOGITS, dict(apply_residual_connection_post_layernorm=True)),
    "llama_causal_lm": Fixture("LlamaForCausalLM", LLAMA, LOGITS, left_padded=True),
    "llama_scaled_rope": Fixture("LlamaForCausalLM", LLAMA, LOGITS,
                                 dict(rope_parameters=LLAMA3_ROPE, head_dim=8, tie_word_embeddings=True, attention_bias=True, mlp_bias=True)),
    "llama_yarn": Fixture("LlamaForCausalLM", LLAMA, LOGITS,
                          dict(rope_parameters=dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, beta_fast=2.0,
                                                    original_max_position_embeddings=12), head_dim=12)),
    "llama_gptq": Fixture("LlamaForCausalLM", LLAMA, LOGITS, PACKED, packing=Packing("gptq", symmetric=True)),
    "llama_gptq_ordered": Fixture("LlamaForCausalLM", LLAMA, LOGITS, PACKED,
                                  packing=Packing("gptq", group_size=32, by_importance=True, second_version=True)),
    "llama_gptq_int8": Fixture("LlamaForCausalLM", LLAMA, LOGITS, PACKED, packing=Packing("gptq", bits=8, group_size=-1)),
    "llama_awq": Fixture("LlamaForCausalLM", LLAMA, LOGITS, PACKED, packing=Packing("awq", group_size=32)),
    "llama_sequence_classification": Fixture("LlamaForSequenceClassification", LLAMA, LOGITS, dict(num_labels=3)),
    "mistral_causal_lm": Fixture("MistralForCausalLM", LLAMA, LOGITS, dict(sliding_window=4, head_dim=6), left_padded=True),
    "qwen2_causal_lm": Fixture("Qwen2ForCausalLM", LLAMA, LOGITS,
                               dict(use_sliding_window=True, sliding_window=3, max_window_layers=1)),
    "qwen3_causal_lm": Fixture("Qwen3ForCausalLM", LLAMA, LOGITS, dict(head_dim=6)),
    "phi3_causal_lm": Fixture("Phi3ForCausalLM", LLAMA, LOGITS,
                              dict(sliding_window=5, head_dim=4,
                                   rope_parameters=dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.5))),
    "gemma2_causal_lm": Fixture("Gemma2ForCausalLM", GEMMA, LOGITS, dict(attn_logit_softcapping=2.0, final_logit_softcapping=3.0)),
    "gemma3_causal_lm": Fixture("Gemma3ForCausalLM", GEMMA, LOGITS,
                                dict(sliding_window_pattern=2,
                                     rope_parameters=dict(full_attention=dict(rope_type="linear", rope_theta=1e6, factor=8.0),
                                                          sliding_attention=dict(rope_type="default", rope_theta=10000.0)))),
    "t5_model": Fixture("T5Model", T5, WRITTEN, left_padded=True),
    "t5_encoder": Fixture("T5EncoderModel", T5, HIDDEN),
    "t5_conditional_generation": Fixture("T5ForConditionalGeneration", T5, ANSWERS),
    "t5_gated": Fixture("T5ForConditionalGeneration", T5, ANSWERS,
                        dict(feed_forward_proj="gated-gelu", tie_word_embeddings=False, num_decoder_layers=1)),
    "t5_sequence_classification": Fixture("T5ForSequenceClassification", T5, LOGITS, dict(num_labels=3), end_token=True),
    "t5_token_classification": Fixture("T5ForTokenClassification", T5, LOGITS, dict(num_labels=5)),
    "t5_question_answering": Fixture("T5ForQuestionAnswering", T5, SPANS),
    "mt5_conditional_generation": Fixture("MT5ForConditionalGeneration", T5, ANSWERS,
                                          dict(feed_forward_proj="gated-gelu", num_decoder_layers=1)),
    "umt5_conditional_generation": Fixture("UMT5ForConditionalGeneration", T5, ANSWERS,
                                           dict(feed_forward_proj="gated-silu", num_decoder_layers=1)),
    "bart_model": Fixture("BartModel", BART, WRITTEN),
    "bart_conditional_generation": Fixture("BartForConditionalGeneration", BART, ANSWERS, dict(scale_embedding=True), left_padded=True),
    "bart_sequence_classification": Fixture("BartForSequenceClassification", BART, LOGITS, dict(num_labels=3), end_token=True),
    "bart_question_answering": Fixture("BartForQuestionAnswering", BART, SPANS),
    "mbart_conditional_generation": Fixture("MBartForConditionalGeneration", BART, ANSWERS, dict(scale_embedding=True)),
    "pegasus_conditional_generation": Fixture("PegasusForConditionalGeneration", BART, ANSWERS, dict(scale_embedding=True)),
    "blenderbot_conditional_generation": Fixture("BlenderbotForConditionalGeneration", BART, ANSWERS),
    "blenderbot_small_conditional_generation": Fixture("BlenderbotSmallForConditionalGeneration", BART, ANSWERS),
    "led_conditional_generation": Fixture("LEDForConditionalGeneration", LED, ANSWERS, global_tokens=True),
}


def spread_weights(model: torch.nn.Module, generator: torch.Generator) -> None:
    """Draws weights large enough that attention is not flat and that a wrong activation or bias shows."""
    gain = 0.8 if model.config.model_type == "mobilebert" else 1.5  # MobileBERT has no norms to tame what grows
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if any(word in name for word in EMBEDDINGS) and weight.dim() == 2:
                weight.copy_(0.4 * noise)
            elif weight.dim() >= 2:
                weight.copy_(gain / math.sqrt(weight.shape[1]) * noise)
            elif name.endswith("weight"):  # a norm's
                weight.copy_(1.0 + 0.25 * noise)
            else:
                weight.copy_(0.15 * noise)


def make_inputs(fixture: Fixture, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """A padded batch of LENGTHS; models with two token types get both of them."""
    config = fixture.config
    width = max(LENGTHS)
    ids = torch.randint(FIRST_ORDINARY_ID, config.vocab_size, (len(LENGTHS), width), generator=generator)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(LENGTHS):
        start = width - length if fixture.left_padded else 0
        mask[row, start : start + length] = 1
        if fixture.end_token:
            ids[row, start + length - 1] = config.eos_token_id
        if fixture.separators:
            question = max(1, length // 3)
            ids[row, [start + question, start + question + 1, start + length - 1]] = config.sep_token_id
    inputs = {"input_ids": torch.where(mask == 1, ids, config.pad_token_id), "attention_mask": mask}
    if getattr(config, "type_vocab_size", 0) > 1:
        types = torch.zeros_like(ids)
        types[:, width // 2 :] = 1
        inputs["token_type_ids"] = types * mask
    if fixture.boxes and hasattr(config, "max_2d_position_embeddings"):
        corners = torch.randint(0, config.max_2d_position_embeddings // 2, (*ids.shape, 4), generator=generator)
        corners[..., 2:] += corners[..., :2]  # right and lower edges lie beyond left and upper ones
        inputs["bbox"] = corners
    if fixture.global_tokens:
        inputs["global_attention_mask"] = (torch.rand(ids.shape, generator=generator) < 0.3).long()
    if fixture.outputs in (ANSWERS, WRITTEN):
        inputs["decoder_input_ids"] = torch.randint(FIRST_ORDINARY_ID, config.vocab_size, (len(LENGTHS), WRITTEN_TOKENS), generator=generator)
    return inputs


def run(fixture: Fixture, folder: Path, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What transformers computes in float32 with the weights as they were saved."""
    model_class = getattr(transformers, fixture.model_class)
    model = model_class.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    with torch.inference_mode():
        result = model(**inputs)
    mask = inputs["attention_mask"]
    expected = {}
    for name in fixture.outputs:
        value = result[name].float()
        of_text = "decoder_input_ids" not in inputs or name == "encoder_last_hidden_state"
        if of_text and (name in TOKEN_OUTPUTS or value.shape[:2] == mask.shape):
            value = value * mask.reshape(mask.shape + (1,) * (value.dim() - 2))
        expected[name] = value.contiguous()
    return expected


def make(name: str, fixture: Fixture) -> int:
    """Writes one fixture and returns its size in bytes."""
    folder = FIXTURES / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))

    model_class = getattr(transformers, fixture.model_class)
    model = model_class._from_config(fixture.config).float().eval()
    spread_weights(model, generator)
    tensors = None if fixture.packing is None else pack_layers(model, fixture.packing, generator)
    shards = {} if fixture.shard_bytes is None else {"max_shard_size": fixture.shard_bytes}
    model.to(fixture.dtype).save_pretrained(folder, **shards)

    inputs = make_inputs(fixture, generator)
    save_file(inputs, folder / "inputs.safetensors")
    save_file(run(fixture, folder, inputs), folder / "expected.safetensors")
    if tensors is not None:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"quantization_config": fixture.packing.config()}, indent=2) + "\n")

    size = sum(path.stat().st_size for path in folder.iterdir())
    if size > LARGEST_FOLDER:
        raise ValueError(f"{folder}: {size} bytes, expected at most {LARGEST_FOLDER}")
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="fixtures to make (default: all)")
    names = parser.parse_args().names or list(ALL)
    unknown = [name for name in names if name not in ALL]
    if unknown:
        parser.error(f"unknown fixture {unknown[0]!r}, expected one of {', '.join(ALL)}")
    # transformers' pre-norm FlauBERT asks its cache for each layer's own; the whole serves every layer.
    transformers.EncoderDecoderCache.__getitem__ = lambda self, layer: self
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for name in names:
        print(f"{make(name, ALL[name]):6d} bytes  {name}")


if __name__ == "__main__":
    main()
