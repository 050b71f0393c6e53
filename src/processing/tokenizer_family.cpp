#include "processing/tokenizer_family.h"

#include <algorithm>

namespace accelerate {
namespace {

constexpr auto bert_types = std::to_array<std::string_view>({"bert", "convbert", "distilbert", "dpr", "electra", "ernie", "layoutlm",
                                                             "lxmert", "megatron-bert", "mobilebert", "nomic_bert", "squeezebert"});
constexpr auto mpnet_types = std::to_array<std::string_view>({"mpnet"});
constexpr auto roberta_types = std::to_array<std::string_view>({"roberta", "bart", "data2vec-text", "led", "longformer"});
constexpr auto xlm_roberta_types = std::to_array<std::string_view>({"xlm-roberta", "xmod"});
constexpr auto camembert_types = std::to_array<std::string_view>({"camembert"});
constexpr auto mbart_types = std::to_array<std::string_view>({"mbart"});
constexpr auto blenderbot_types = std::to_array<std::string_view>({"blenderbot"});
constexpr auto blenderbot_small_types = std::to_array<std::string_view>({"blenderbot-small"});
constexpr auto albert_types = std::to_array<std::string_view>({"albert"});
constexpr auto deberta_types = std::to_array<std::string_view>({"deberta"});
constexpr auto deberta_v2_types = std::to_array<std::string_view>({"deberta-v2"});
constexpr auto xlnet_types = std::to_array<std::string_view>({"xlnet"});
constexpr auto gpt2_types = std::to_array<std::string_view>({"gpt2", "codegen", "gpt_neo", "gptj", "opt"});
constexpr auto gpt_neox_types = std::to_array<std::string_view>({"gpt_neox"});
constexpr auto qwen2_types = std::to_array<std::string_view>({"qwen2"});
constexpr auto gemma_types = std::to_array<std::string_view>({"gemma"});
constexpr auto whisper_types = std::to_array<std::string_view>({"whisper"});
constexpr auto clip_types = std::to_array<std::string_view>({"clip"});
constexpr auto t5_types = std::to_array<std::string_view>({"t5", "mt5", "umt5"});
constexpr auto flaubert_types = std::to_array<std::string_view>({"flaubert"});
constexpr auto pegasus_types = std::to_array<std::string_view>({"pegasus"});

// From the __init__ of each class in transformers 5; the tokens are bos, eos, unk, sep, pad, cls, mask.
constexpr auto families = std::to_array<TokenizerFamily>({
    {"BertTokenizer", bert_types, {"", "", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"}, true},
    {"MPNetTokenizer", mpnet_types, {"<s>", "</s>", "[UNK]", "</s>", "<pad>", "<s>", "<mask>"}},
    {"RobertaTokenizer", roberta_types, {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"}},
    {"XLMRobertaTokenizer", xlm_roberta_types, {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"}},
    {"CamembertTokenizer", camembert_types, {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"}},
    {"MBartTokenizer", mbart_types, {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"}},
    {"MBart50Tokenizer", {}, {"", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"}},
    {"BlenderbotTokenizer", blenderbot_types, {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"}},
    {"BlenderbotSmallTokenizer", blenderbot_small_types, {"__start__", "__end__", "__unk__", "", "__null__", "", ""}},
    {"AlbertTokenizer", albert_types, {"[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"}},
    {"DebertaTokenizer", deberta_types, {"[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"}, true},
    {"DebertaV2Tokenizer", deberta_v2_types, {"[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"}, true},
    {"XLNetTokenizer", xlnet_types, {"<s>", "</s>", "<unk>", "<sep>", "<pad>", "<cls>", "<mask>"}, false, Side::left},
    {"GPT2Tokenizer", gpt2_types, {"<|endoftext|>", "<|endoftext|>", "<|endoftext|>", "", "", "", ""}},
    {"GPTNeoXTokenizer", gpt_neox_types, {"<|endoftext|>", "<|endoftext|>", "<|endoftext|>", "", "<|padding|>", "", ""}},
    {"Qwen2Tokenizer", qwen2_types, {"", "<|endoftext|>", "<|endoftext|>", "", "<|endoftext|>", "", ""}},
    {"GemmaTokenizer", gemma_types, {"<bos>", "<eos>", "<unk>", "", "<pad>", "", "<mask>"}, false, Side::left},
    {"WhisperTokenizer", whisper_types, {"<|endoftext|>", "<|endoftext|>", "<|endoftext|>", "", "", "", ""}},
    {"CLIPTokenizer", clip_types, {"<|startoftext|>", "<|endoftext|>", "<|endoftext|>", "", "<|endoftext|>", "", ""}},
    {"T5Tokenizer", t5_types, {"", "</s>", "<unk>", "", "<pad>", "", ""}},
    {"FlaubertTokenizer", flaubert_types, {"<s>", "", "<unk>", "</s>", "<pad>", "</s>", "<special1>"}},
    {"PhobertTokenizer", {}, {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"}},
    {"PegasusTokenizer", pegasus_types, {"", "</s>", "<unk>", "", "<pad>", "", "<mask_2>"}},
});

constexpr TokenizerFamily unknown_family{};

}  // namespace

std::string_view field_of(SpecialToken token) {
  static constexpr std::array<std::string_view, special_token_count> fields = {"bos_token", "eos_token", "unk_token", "sep_token",
                                                                               "pad_token", "cls_token", "mask_token"};
  return fields[static_cast<std::size_t>(token)];
}

const TokenizerFamily& tokenizer_family(std::string_view tokenizer_class, std::string_view model_type) {
  if (tokenizer_class.ends_with("Fast")) tokenizer_class.remove_suffix(4);
  const auto by_class = std::ranges::find(families, tokenizer_class, &TokenizerFamily::tokenizer_class);
  if (by_class != families.end()) return *by_class;
  const auto by_model = std::ranges::find_if(families, [&](const TokenizerFamily& family) {
    return std::ranges::find(family.model_types, model_type) != family.model_types.end();
  });
  return by_model != families.end() ? *by_model : unknown_family;
}

}  // namespace accelerate
