#include "formats/gguf/architecture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace accelerate::gguf {
namespace {

constexpr std::array all{&llama, &qwen2, &qwen3, &gpt2, &gpt_neox, &bloom, &phi3, &gemma2, &gemma3};

constexpr NumberRange positive{.minimum = 1e-6, .maximum = 1e12};

/// Frequencies that are each divided by a factor of their own. transformers calls them longrope, which has one list of factors
/// for short texts and one for long ones.
Json divided_by(const std::vector<float>& factors, std::int64_t context) {
  return {{"rope_type", "longrope"},
          {"short_factor", factors},
          {"long_factor", factors},
          {"attention_factor", 1.0},
          {"original_max_position_embeddings", context}};
}

/// How positions are scaled, as llama.cpp's loader and context read it: linear where files only give a factor.
Json scaling_of(const Fields& fields) {
  std::optional<double> factor = fields.find_number("rope.scaling.factor", {.minimum = 0, .maximum = 1e12});
  if (!factor) factor = fields.find_number("rope.scale_linear", {.minimum = 0, .maximum = 1e12});
  const bool is_scaled = factor && *factor != 0 && *factor != 1;
  const std::string_view type = fields.text_or("rope.scaling.type", is_scaled ? "linear" : "none");
  const double attention = fields.number_or("rope.scaling.attn_factor", 1, positive);
  if (attention != 1 && type != "yarn") fields.refuse("rope.scaling.attn_factor", "1 for other scaling than yarn", ErrorKind::unsupported);
  Json scaling{{"rope_type", type}};
  if (type == "longrope") return scaling;
  if (type != "none" && type != "linear" && type != "yarn")
    fields.refuse("rope.scaling.type", "none, linear, yarn or longrope", ErrorKind::unsupported);
  if (type == "none" || !is_scaled) return nullptr;
  scaling["factor"] = *factor;
  if (type == "linear") return scaling;
  if (fields.number_or("rope.scaling.yarn_log_multiplier", 0) != 0)
    fields.refuse("rope.scaling.yarn_log_multiplier", "0", ErrorKind::unsupported);
  scaling["original_max_position_embeddings"] = fields.integer("rope.scaling.original_context_length");
  if (attention != 1) scaling["attention_factor"] = attention * (0.1 * std::log(*factor) + 1);
  if (const auto fast = fields.find_number("rope.scaling.yarn_beta_fast", positive)) scaling["beta_fast"] = *fast;
  if (const auto slow = fields.find_number("rope.scaling.yarn_beta_slow", positive)) scaling["beta_slow"] = *slow;
  return scaling;
}

}  // namespace

std::vector<float> Fields::tensor(std::string_view name) const {
  const auto found = header_->tensors.find(name);
  const auto refuse_tensor = [&](std::string_view expected) {
    throw Error(ErrorKind::invalid_file, fmt::format("{}: tensor {}: expected {}", metadata().source(), in_quotes(name), expected));
  };
  if (found == header_->tensors.end()) refuse_tensor("it to be there");
  const TensorInfo& info = found->second;
  if (info.type->dtype != DType::float32) refuse_tensor("numbers of type F32");
  std::vector<float> numbers(info.byte_size / sizeof(float));
  decode(*info.type, file_.data() + info.offset, static_cast<std::int64_t>(numbers.size()), numbers.data());
  if (!std::ranges::all_of(numbers, [](float number) { return std::isfinite(number) && number > 0; })) refuse_tensor("numbers above 0");
  return numbers;
}

const Architecture& architecture_of(const Metadata& metadata) {
  constexpr std::string_view key = "general.architecture";
  const std::string_view name = metadata.text(key);
  const auto found = std::ranges::find_if(all, [&](const Architecture* architecture) { return architecture->name == name; });
  if (found != all.end()) return **found;
  std::vector<std::string_view> names;
  for (const Architecture* architecture : all) names.push_back(architecture->name);
  metadata.refuse(key, fmt::format("one of {}", fmt::join(names, ", ")), ErrorKind::unsupported);
}

std::int64_t head_size_of(const Fields& fields) {
  const std::int64_t hidden = fields.integer("embedding_length");
  const std::int64_t heads = fields.integer("attention.head_count");
  if (fields.metadata().has(fmt::format("{}.attention.key_length", fields.metadata().text("general.architecture")))) {
    const std::int64_t size = fields.integer("attention.key_length");
    if (fields.integer_or("attention.value_length", size) != size)
      fields.refuse("attention.value_length", fmt::format("{}, the length of keys", size), ErrorKind::unsupported);
    return size;
  }
  if (hidden % heads != 0) fields.refuse("attention.head_count", fmt::format("a divisor of the embedding's length {}", hidden));
  return hidden / heads;
}

Json common_config(const Fields& fields) {
  if (fields.integer_or("expert_count", 0, {.minimum = 0}) != 0)
    fields.refuse("expert_count", "0: mixtures of experts are not supported", ErrorKind::unsupported);
  const std::int64_t heads = fields.integer("attention.head_count");
  const auto words = fields.header().tensors.find("token_embd.weight");
  if (words == fields.header().tensors.end() || words->second.shape.size() != 2)
    throw Error(ErrorKind::invalid_file,
                fmt::format("{}: tensor 'token_embd.weight': expected a matrix of that name", fields.metadata().source()));
  Json config{{"vocab_size", words->second.shape.front()},
              {"hidden_size", fields.integer("embedding_length")},
              {"num_hidden_layers", fields.integer("block_count")},
              {"intermediate_size", fields.integer("feed_forward_length")},
              {"num_attention_heads", heads},
              {"num_key_value_heads", fields.integer_or("attention.head_count_kv", heads)},
              {"max_position_embeddings", fields.integer("context_length")},
              {"tie_word_embeddings", !fields.has_tensor("output.weight")}};
  for (const auto& [field, id] :
       {std::pair{"bos_token_id", "tokenizer.ggml.bos_token_id"}, std::pair{"eos_token_id", "tokenizer.ggml.eos_token_id"},
        std::pair{"pad_token_id", "tokenizer.ggml.padding_token_id"}})
    if (const auto token = fields.metadata().find_integer(id, {.minimum = 0})) config[field] = *token;
  return config;
}

void add_rotary(const Fields& fields, Json& config) {
  config["rope_theta"] = fields.number_or("rope.freq_base", 10000, positive);
  Json scaling = scaling_of(fields);
  if (fields.has_tensor("rope_freqs.weight")) scaling = divided_by(fields.tensor("rope_freqs.weight"), fields.integer("context_length"));
  if (!scaling.is_null()) config["rope_scaling"] = std::move(scaling);
}

}  // namespace accelerate::gguf
