// What can be asked of a model beside embeddings, and what it answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace accelerate {

/// Half-open range of a text.
struct TextSpan {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  bool operator==(const TextSpan&) const = default;
};

/// One text, or a pair that the model reads together: question and context, premise and hypothesis.
struct TextInput {
  std::string_view text;
  std::optional<std::string_view> pair = std::nullopt;
};

// In each answer, `tokens` is how many the model read, `truncated` whether the input was too long and its end was not read,
// and `notes` what ran in pieces or on another backend than ModelInfo names, and why; mostly none.

struct LabelScore {
  std::string label;
  float score;
};

/// A text's labels, the best first.
struct Classification {
  std::vector<LabelScore> labels;
  std::int64_t tokens = 0;
  bool truncated = false;
  std::vector<std::string> notes = {};
};

/// A document's place in the list that was given, and how well it answers the query.
struct RankedDocument {
  std::size_t index;
  float score;
};

/// A query's documents, the best first.
struct Ranking {
  std::vector<RankedDocument> documents;
  std::int64_t tokens = 0;
  bool truncated = false;
  std::vector<std::string> notes = {};
};

/// How the labels of a text's tokens become entities, under the names that transformers has for it.
enum class Aggregation : std::uint8_t {
  none,     ///< each token is one, with its label as the model has it
  simple,   ///< neighbouring tokens of one kind
  first,    ///< neighbouring words of one kind, each with the label of its first token
  average,  ///< the same, each with the label that its tokens' mean probabilities favour
  max,      ///< the same, each with the label of its surest token
};

/// A part of a text and what it is.
struct Entity {
  std::string label;  ///< without "B-" or "I-" where tokens are grouped
  std::string text;   ///< as it stands in the input
  float score;        ///< mean of the probabilities of what it consists of
  TextSpan span;      ///< Unicode characters of the input
};

struct TaggedText {
  std::vector<Entity> entities;
  std::int64_t tokens = 0;
  bool truncated = false;
  std::vector<std::string> notes = {};
};

struct Question {
  std::string question;
  std::string context;  ///< the text to find the answer in
};

struct Answer {
  std::string text;  ///< as it stands in the context
  float score;       ///< probability of its first token times that of its last
  TextSpan span;     ///< Unicode characters of the context
  std::int64_t tokens = 0;
  std::vector<std::string> notes = {};
};

/// A token that may stand at a mask.
struct MaskCandidate {
  std::int64_t token_id;
  std::string token;  ///< as it reads: "paris"
  float score;        ///< its probability
};

/// What may stand at each mask of a text, the likeliest first.
struct FilledMasks {
  std::vector<std::vector<MaskCandidate>> masks;
  std::int64_t tokens = 0;
  bool truncated = false;
  std::vector<std::string> notes = {};
};

struct ClassifyOptions {
  std::size_t top_k = 0;  ///< labels of an answer; 0: all
  bool truncate = true;   ///< cut texts that are too long; otherwise they are an error
};

struct ZeroShotOptions {
  std::vector<std::string> labels;                 ///< what a text may be about: at least one
  std::string hypothesis = "This example is {}.";  ///< what is said of a text, a label in place of each {}
  bool multi_label = false;                        ///< score each label by itself; otherwise all labels' scores sum to 1
  bool truncate = true;
};

struct RankOptions {
  std::size_t top_k = 0;  ///< documents of an answer; 0: all
  bool truncate = true;
};

struct TagOptions {
  Aggregation aggregation = Aggregation::simple;
  bool truncate = true;
};

struct FillMaskOptions {
  std::size_t top_k = 5;  ///< candidates for each mask
  bool truncate = true;
};

}  // namespace accelerate
