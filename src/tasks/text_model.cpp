#include "tasks/text_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "ipfs_accelerate/error.h"
#include "processing/text_batch.h"

namespace accelerate {
namespace {

// Large enough to keep every core busy, small enough that a batch's activations stay in the tens of megabytes.
constexpr std::int64_t batch_tokens = 4096;

/// Rows [begin, end) of a tensor, one after the other.
std::span<const float> rows(const Tensor& tensor, std::int64_t begin, std::int64_t end) {
  const std::int64_t stride = tensor.size() / std::max<std::int64_t>(tensor.dim(0), 1);
  return tensor.values<float>().subspan(static_cast<std::size_t>(begin * stride), static_cast<std::size_t>((end - begin) * stride));
}

const Tensor& output_named(const TensorMap& outputs, std::string_view name) {
  const auto found = outputs.find(name);
  if (found == outputs.end()) throw Error(ErrorKind::internal, fmt::format("the model has no output '{}'", name));
  return found->second;
}

}  // namespace

std::span<const float> BatchResult::token_rows(std::string_view output, std::size_t i) const {
  return rows(output_named(outputs, output), begins[sequences[i]], begins[sequences[i] + 1]);
}

std::span<const float> BatchResult::row(std::string_view output, std::size_t i) const {
  const auto sequence = static_cast<std::int64_t>(sequences[i]);
  return rows(output_named(outputs, output), sequence, sequence + 1);
}

TextModel::TextModel(std::shared_ptr<const Session> session, std::optional<std::int64_t> most_tokens)
    : session_(std::move(session)), tokenizer_(Tokenizer::load(session_->folder().transformer)), most_tokens_(session_->most_tokens()) {
  const TokenizerConfig& config = tokenizer_.config();
  if (config.model_max_length) most_tokens_ = std::min(most_tokens_, *config.model_max_length);
  if (most_tokens) most_tokens_ = std::min(most_tokens_, *most_tokens);
  token_types_ = std::ranges::find(config.model_input_names, "token_type_ids") != config.model_input_names.end();
}

Encodings TextModel::encode(std::span<const TextInput> inputs, const TextOptions& options) const {
  EncodeOptions encode_options{
      .truncation = options.truncation, .truncation_side = tokenizer_.config().truncation_side, .pool = &session_->threads()};
  if (options.truncate) encode_options.max_length = most_tokens_;
  Encodings encodings = tokenizer_.encode(inputs, encode_options);
  for (std::size_t i = 0; i + 1 < encodings.begins.size(); ++i) {
    const std::int64_t length = encodings.begins[i + 1] - encodings.begins[i];
    if (length > most_tokens_)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("input {}: a text of {} tokens is longer than the model's {}", i, length, most_tokens_));
    if (length == 0) throw Error(ErrorKind::invalid_argument, fmt::format("input {}: the tokenizer makes no token of it", i));
  }
  if (!token_types_) std::ranges::fill(encodings.type_ids, 0);
  return encodings;
}

void TextModel::run(const TextCall& call, const Progress& progress) const {
  const Encodings& encodings = call.encodings;
  const auto total = static_cast<std::size_t>(encodings.inputs());
  std::vector<std::int64_t> lengths(total);
  for (std::size_t i = 0; i < total; ++i) lengths[i] = encodings.begins[i + 1] - encodings.begins[i];

  std::size_t done = 0;
  for (const std::vector<std::size_t>& indices : batches_by_length(lengths, batch_tokens)) {
    if (progress) progress(done, total);
    Encodings batch = select(encodings, indices);
    TensorMap inputs = ragged_inputs(batch);
    if (call.add_inputs) call.add_inputs(batch, inputs);
    const RunResult result = session_->run(inputs);
    std::vector<std::size_t> sequences(indices.size());
    std::iota(sequences.begin(), sequences.end(), std::size_t{0});
    const std::vector<std::int64_t> begins = batch.begins;
    call.receive({.inputs = indices,
                  .encodings = std::move(batch),
                  .outputs = result.outputs,
                  .sequences = sequences,
                  .begins = begins,
                  .notes = result.notes});
    done += indices.size();
  }
  if (progress) progress(done, total);
}

void append(Encodings& to, const Encodings& from, std::size_t i) {
  const std::int64_t begin = from.begins[i];
  const std::int64_t end = from.begins[i + 1];
  const auto add = [&](auto& column, const auto& more) { column.insert(column.end(), more.begin() + begin, more.begin() + end); };
  add(to.ids, from.ids);
  add(to.type_ids, from.type_ids);
  add(to.special, from.special);
  add(to.texts, from.texts);
  add(to.offsets, from.offsets);
  to.begins.push_back(to.tokens());
  to.truncated.push_back(from.truncated[i]);
}

Encodings select(const Encodings& encodings, std::span<const std::size_t> indices) {
  Encodings result;
  for (const std::size_t i : indices) append(result, encodings, i);
  return result;
}

std::vector<TextInput> inputs_of(std::span<const std::string> texts) {
  std::vector<TextInput> inputs;
  inputs.reserve(texts.size());
  for (const std::string& text : texts) inputs.push_back({.text = text});
  return inputs;
}

}  // namespace accelerate
