// Answers as JSON objects, the same for every caller: program, server.
#pragma once

#include <nlohmann/json.hpp>

#include "tasks/answer.h"
#include "tasks/classify.h"
#include "tasks/embed.h"
#include "tasks/fill_mask.h"
#include "tasks/rerank.h"
#include "tasks/tag.h"

namespace accelerate {

struct WrittenText;

/// JSON whose objects keep the order of their keys and whose numbers are float32, written with the fewest digits that read
/// back as the same number.
using AnswerJson = nlohmann::basic_json<nlohmann::ordered_map, std::vector, std::string, bool, std::int64_t, std::uint64_t, float>;

// Each has "notes":[…] too where there are any: what ran elsewhere or in pieces, and why.

/// {"embedding":[…],"tokens":N,"truncated":false} of one text.
AnswerJson to_json(const Embeddings& embeddings, std::size_t text);

/// {"masks":[[{"token":…,"token_id":N,"score":x}]],"tokens":N,"truncated":false}
AnswerJson to_json(const FilledMasks& filled);

/// {"labels":[{"label":…,"score":x}],"tokens":N,"truncated":false}
AnswerJson to_json(const Classification& classification);

/// {"ranking":[{"index":N,"score":x}],"tokens":N,"truncated":false}, the best document first.
AnswerJson to_json(const Ranking& ranking);

/// {"entities":[{"label":…,"text":…,"score":x,"begin":N,"end":N}],"tokens":N,"truncated":false}
AnswerJson to_json(const TaggedText& tagged);

/// {"answer":…,"score":x,"begin":N,"end":N,"tokens":N,"truncated":false}
AnswerJson to_json(const Answer& answer);

/// {"text":…,"prompt_tokens":…,"tokens":…,"truncated":…,"finish_reason":…}.
AnswerJson to_json(const WrittenText& written);

/// Appends what computed the answer: "backend", "device", "implementation", "precision"; "choice", which says why, and what
/// else was possible: {"why":"measured","prefer":"latency","alternatives":[{"backend":…,"device":…,"precision":…,"threads":N,
/// "slower":1.37}]}; and "random_weights" where true. An alternative that was out of the question has a "reason".
void add_placement(AnswerJson& object, const Placement& placement, const ModelFolder& folder);
void add_placement(nlohmann::ordered_json& object, const Session& session);
void add_placement(nlohmann::ordered_json& object, const Placement& placement, const ModelFolder& folder);

/// Appends to `line` what to_json(embeddings, text) has, without the braces around it: the quick way for files of many texts.
void append_fields(std::string& line, const Embeddings& embeddings, std::size_t text);

/// The object as one line; bytes that are not UTF-8 become U+FFFD.
std::string line_of(const AnswerJson& object);

}  // namespace accelerate
