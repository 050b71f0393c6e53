#include "tasks/fill_mask.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ipfs_accelerate/error.h"
#include "tasks/scores.h"

namespace accelerate {
namespace {

std::int64_t mask_id_of(const Tokenizer& tokenizer) {
  if (const auto id = tokenizer.id_of(SpecialToken::mask)) return *id;
  throw Error(ErrorKind::invalid_file, "tokenizer_config.json: names no mask_token, which fill-mask needs");
}

}  // namespace

MaskFiller::MaskFiller(std::shared_ptr<const Session> session)
    : model_(std::move(session)), mask_id_(mask_id_of(model_.tokenizer())), mask_token_(model_.tokenizer().token_of(mask_id_)) {}

PreparedCall<std::vector<FilledMasks>> MaskFiller::prepare(std::span<const std::string> texts, std::size_t top_k,
                                                           const TextOptions& options) const {
  Encodings encodings = model_.encode(inputs_of(texts), options);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::span ids = std::span(encodings.ids)
                              .subspan(static_cast<std::size_t>(encodings.begins[i]),
                                       static_cast<std::size_t>(encodings.begins[i + 1] - encodings.begins[i]));
    if (std::ranges::find(ids, mask_id_) == ids.end())
      throw Error(ErrorKind::invalid_argument, fmt::format("input {}: has no {}{}", i, mask_token_,
                                                           encodings.truncated[i] != 0 ? " in the part that the model can read" : ""));
  }

  const auto results = std::make_shared<std::vector<FilledMasks>>(texts.size());
  const auto read = [this, results, top_k](const BatchResult& batch) {
    for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
      FilledMasks& filled = (*results)[batch.inputs[i]];
      filled.notes = batch.notes;
      filled.truncated = batch.encodings.truncated[i] != 0;
      const std::int64_t begin = batch.encodings.begins[i];
      filled.tokens = batch.encodings.begins[i + 1] - begin;
      const std::span<const float> logits = batch.token_rows("logits", i);
      const std::size_t vocabulary = logits.size() / static_cast<std::size_t>(filled.tokens);
      for (std::int64_t t = 0; t < filled.tokens; ++t) {
        if (batch.encodings.ids[static_cast<std::size_t>(begin + t)] != mask_id_) continue;
        const std::vector<float> scores = softmax(logits.subspan(static_cast<std::size_t>(t) * vocabulary, vocabulary));
        std::vector<MaskCandidate>& candidates = filled.masks.emplace_back();
        for (std::size_t id : largest(scores, top_k)) {
          const auto token_id = static_cast<std::int64_t>(id);
          candidates.push_back({token_id, model_.tokenizer().decode(std::array{token_id}, false), scores[id]});
        }
      }
    }
  };
  return {.call = {.encodings = std::move(encodings), .receive = read}, .answer = [results] { return std::move(*results); }};
}

}  // namespace accelerate
