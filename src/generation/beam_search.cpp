#include "generation/beam_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

// What transformers adds to the score of what must not be chosen, where anything else may. Adding it to a float leaves
// nothing of the score, so that such candidates are all alike.
constexpr float out = -1e9F;

/// `score` for a text of `length` tokens.
float penalized(float score, std::int64_t length, double length_penalty) {
  return score / static_cast<float>(std::pow(static_cast<double>(length), length_penalty));
}

/// The places of the `count` largest of `scores`, the largest first, equal ones in order.
std::vector<std::size_t> largest_places(const std::vector<float>& scores, std::int64_t count) {
  std::vector<std::size_t> places(scores.size());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
  std::ranges::stable_sort(places, [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  places.resize(static_cast<std::size_t>(count));
  return places;
}

}  // namespace

BeamSearch::BeamSearch(const GenerationSettings& settings, std::int64_t vocabulary, RandomStream random, Ends ends)
    : settings_(settings), vocabulary_(vocabulary), random_(random), ends_(std::move(ends)) {
  const auto beams = static_cast<std::size_t>(settings_.num_beams);
  const std::int64_t wanted = settings_.num_beams * settings_.least_kept();
  if (wanted > vocabulary_)
    throw Error(ErrorKind::invalid_argument, fmt::format("num_beams is {}, which needs {} tokens to choose from, and the vocabulary has {}",
                                                         settings_.num_beams, wanted, vocabulary_));
  running_.resize(beams);
  // All beams begin alike: only the first counts, or each would choose the same tokens.
  for (std::size_t beam = 1; beam < beams; ++beam) running_[beam].score = out;
  finished_.resize(beams);
  for (Finished& finished : finished_) finished.hypothesis.score = out;
}

void BeamSearch::advance(std::span<const float> log_probabilities) {
  const auto expected = static_cast<std::size_t>(beams() * vocabulary_);
  if (done_ || log_probabilities.size() != expected)
    throw Error(ErrorKind::internal, fmt::format("a beam search was given {} log-probabilities, expected {}{}", log_probabilities.size(),
                                                 expected, done_ ? ", and is done" : ""));
  const std::vector<Candidate> candidates = best_candidates(log_probabilities);
  const std::vector<Beam> before = running_;
  keep_running(candidates);
  keep_finished(candidates, before);
  ++steps_;
  may_improve_ = may_improve_ && can_improve();
  const bool is_full = all_finished() && settings_.early_stopping == EarlyStopping::yes;
  done_ = !may_improve_ || is_full || std::ranges::all_of(candidates, &Candidate::ends);
}

std::vector<Hypothesis> BeamSearch::hypotheses() const {
  std::vector<Hypothesis> best;
  for (std::int64_t i = 0; i < settings_.num_return_sequences; ++i) best.push_back(finished_[static_cast<std::size_t>(i)].hypothesis);
  return best;
}

std::vector<BeamSearch::Candidate> BeamSearch::best_candidates(std::span<const float> log_probabilities) const {
  // So many that even if every end token is among those of each beam, enough candidates go on.
  const auto wanted = static_cast<std::size_t>(settings_.num_beams * settings_.least_kept());
  const auto before = [](const Candidate& a, const Candidate& b) {
    if (a.key != b.key) return a.key > b.key;
    return a.beam != b.beam ? a.beam < b.beam : a.token < b.token;
  };
  std::vector<Candidate> best;  // a heap, the worst first
  for (std::int64_t beam = 0; beam < settings_.num_beams; ++beam) {
    const auto row =
        log_probabilities.subspan(static_cast<std::size_t>((steps_ == 0 ? 0 : beam) * vocabulary_), static_cast<std::size_t>(vocabulary_));
    const float so_far = running_[static_cast<std::size_t>(beam)].score;
    for (std::int64_t token = 0; token < vocabulary_; ++token) {
      const float score = row[static_cast<std::size_t>(token)] + so_far;
      const auto place = static_cast<std::uint64_t>((steps_ * settings_.num_beams + beam) * vocabulary_ + token);
      const Candidate candidate{.key = key_of(score, place), .score = score, .beam = beam, .token = token};
      if (best.size() == wanted) {
        if (!before(candidate, best.front())) continue;
        std::ranges::pop_heap(best, before);
        best.pop_back();
      }
      best.push_back(candidate);
      std::ranges::push_heap(best, before);
    }
  }
  std::ranges::sort(best, before);
  for (Candidate& candidate : best) candidate.ends = ends(continued(running_, candidate));
  return best;
}

double BeamSearch::key_of(float score, std::uint64_t place) const {
  if (!settings_.do_sample || !std::isfinite(score)) return score;
  // The largest scores with Gumbel noise are a sample without replacement from their softmax.
  constexpr double smallest = 0x1p-54;
  return score - std::log(-std::log(random_.uniform(place) + smallest));
}

bool BeamSearch::ends(std::span<const std::int64_t> tokens) const {
  const auto is_last = [&](const std::vector<std::int64_t>& ids) { return std::ranges::find(ids, tokens.back()) != ids.end(); };
  return std::ssize(tokens) >= settings_.max_new_tokens || is_last(settings_.eos_token_id) || is_last(settings_.stop_token_ids) ||
         (ends_ && ends_(tokens));
}

bool BeamSearch::all_finished() const { return std::ranges::all_of(finished_, &Finished::is_finished); }

void BeamSearch::keep_running(const std::vector<Candidate>& candidates) {
  std::vector<float> scores;
  for (const Candidate& candidate : candidates) scores.push_back(candidate.score + (candidate.ends ? out : 0));
  std::vector<Beam> next;
  parents_.clear();
  for (const std::size_t place : largest_places(scores, settings_.num_beams)) {
    next.push_back({.tokens = continued(running_, candidates[place]), .score = scores[place]});
    parents_.push_back(candidates[place].beam);
  }
  running_ = std::move(next);
}

void BeamSearch::keep_finished(const std::vector<Candidate>& candidates, const std::vector<Beam>& before) {
  std::vector<Finished> merged = finished_;
  const bool is_full = all_finished() && settings_.early_stopping == EarlyStopping::yes;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    // The candidates after the first num_beams only stand by to go on.
    const bool just_finished = candidates[i].ends && static_cast<std::int64_t>(i) < settings_.num_beams;
    float score = penalized(candidates[i].score, steps_ + 1, settings_.length_penalty);
    if (is_full) score += out;
    if (!may_improve_) score += out;
    if (!just_finished) score += out;
    merged.push_back({.hypothesis = {.tokens = continued(before, candidates[i]), .score = score}, .is_finished = just_finished});
  }
  std::vector<float> scores;
  for (const Finished& finished : merged) scores.push_back(finished.hypothesis.score);
  finished_.clear();
  for (const std::size_t place : largest_places(scores, settings_.num_beams)) finished_.push_back(merged[place]);
}

bool BeamSearch::can_improve() const {
  const bool to_the_end = settings_.early_stopping == EarlyStopping::never && settings_.length_penalty > 0;
  const float best = penalized(running_.front().score, to_the_end ? settings_.max_new_tokens : steps_, settings_.length_penalty);
  float worst = finished_.front().hypothesis.score;
  for (const Finished& finished : finished_) worst = std::min(worst, finished.hypothesis.score);
  return std::ranges::any_of(finished_, [&](const Finished& finished) { return best > (finished.is_finished ? worst : out); });
}

std::vector<std::int64_t> BeamSearch::continued(const std::vector<Beam>& beams, const Candidate& candidate) const {
  std::vector<std::int64_t> tokens = beams[static_cast<std::size_t>(candidate.beam)].tokens;
  tokens.push_back(candidate.token);
  return tokens;
}

}  // namespace accelerate
