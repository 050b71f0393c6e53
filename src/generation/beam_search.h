#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "generation/random_stream.h"
#include "generation/settings.h"

namespace accelerate {

/// A text that a beam search found.
struct Hypothesis {
  std::vector<std::int64_t> tokens;  ///< generated ones, the one that ended it included
  float score;                       ///< sum of log-probabilities, divided by the length to the power of length_penalty
};

/// The beam search of one request: from the log-probabilities of its beams to the beams that go on, as transformers 5.5.4
/// does it (`_beam_search`). It knows no model; whoever runs one reorders its cache by parents().
class BeamSearch {
 public:
  /// Whether a text ends with the last of these generated tokens, for reasons other than its length and its end tokens.
  using Ends = std::function<bool(std::span<const std::int64_t>)>;

  /// Throws invalid_argument when `vocabulary` tokens are too few for as many beams.
  BeamSearch(const GenerationSettings& settings, std::int64_t vocabulary, RandomStream random, Ends ends = {});

  /// Beams that are to be computed now: one before the first step, then num_beams.
  std::int64_t beams() const { return steps_ == 0 ? 1 : settings_.num_beams; }

  /// The generated tokens of a beam.
  std::span<const std::int64_t> tokens(std::int64_t beam) const { return running_[static_cast<std::size_t>(beam)].tokens; }

  /// Takes the log-probabilities that process_logits made of those of the model, [beams, vocabulary], and decides how the
  /// beams go on. Must not be called once done() holds.
  void advance(std::span<const float> log_probabilities);

  /// The beam before the last step that each beam continues.
  std::span<const std::int64_t> parents() const { return parents_; }

  bool done() const { return done_; }

  /// The num_return_sequences best texts, the best first, once done() holds.
  std::vector<Hypothesis> hypotheses() const;

 private:
  struct Beam {
    std::vector<std::int64_t> tokens;
    float score = 0;
  };
  struct Finished {
    Hypothesis hypothesis;
    bool is_finished = false;
  };
  /// A token after a beam.
  struct Candidate {
    double key;  // what candidates are chosen by: the score, or the score and chance
    float score;
    std::int64_t beam;
    std::int64_t token;
    bool ends = false;
  };

  std::vector<Candidate> best_candidates(std::span<const float> log_probabilities) const;
  double key_of(float score, std::uint64_t place) const;
  bool ends(std::span<const std::int64_t> tokens) const;
  bool all_finished() const;
  void keep_running(const std::vector<Candidate>& candidates);
  void keep_finished(const std::vector<Candidate>& candidates, const std::vector<Beam>& before);
  bool can_improve() const;
  std::vector<std::int64_t> continued(const std::vector<Beam>& beams, const Candidate& candidate) const;

  GenerationSettings settings_;
  std::int64_t vocabulary_;
  RandomStream random_;
  Ends ends_;
  std::int64_t steps_ = 0;
  bool may_improve_ = true;
  bool done_ = false;
  std::vector<Beam> running_;
  std::vector<Finished> finished_;
  std::vector<std::int64_t> parents_;
};

}  // namespace accelerate
