#include "runtime/choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

// Closer than machines repeat themselves: below this a later candidate must not win by luck.
constexpr double equal_within = 1.02;

// What float32 computed in another order may differ by; a device that differs by more is broken.
constexpr double float32_agreement = 0.9999;

constexpr std::array preference_names{std::string_view("latency"), std::string_view("throughput"), std::string_view("memory")};

/// Seconds or milliseconds of work: what `slower` compares.
double time_of(const Measurement& measurement, Preference preference) {
  return preference == Preference::throughput ? 1 / std::max(measurement.tokens_per_second, 1e-9) : measurement.latency;
}

/// The figure to make small.
double cost_of(const Measurement& measurement, Preference preference) {
  return preference == Preference::memory ? static_cast<double>(std::max<std::int64_t>(measurement.memory_bytes, 1))
                                          : time_of(measurement, preference);
}

/// Why the candidate is out of the question; empty when it is not.
std::string refusal_of(const Measurement& measurement, const Wish& wish) {
  if (!measurement.failure.empty()) return measurement.failure;
  if (wish.any_precision) return {};
  if (measurement.candidate.precision != Precision::fp32 && wish.accuracy >= 1) return "its results are not float32's";
  const double least = measurement.candidate.precision == Precision::fp32 ? std::min(wish.accuracy, float32_agreement) : wish.accuracy;
  if (measurement.agreement >= least) return {};
  return fmt::format("its results agree with float32's to {:.5f}, less than {}", measurement.agreement, least);
}

RejectedCandidate compared(const Measurement& other, const Measurement& chosen, const Wish& wish) {
  RejectedCandidate row{.candidate = other.candidate, .reason = refusal_of(other, wish)};
  if (!other.failure.empty()) return row;
  row.slower = time_of(other, wish.preference) / std::max(time_of(chosen, wish.preference), 1e-9);
  if (wish.preference == Preference::memory) row.larger = cost_of(other, wish.preference) / cost_of(chosen, wish.preference);
  return row;
}

}  // namespace

std::string_view name_of(Preference preference) { return preference_names.at(static_cast<std::size_t>(preference)); }

Preference preference_named(std::string_view name) {
  const auto found = std::ranges::find(preference_names, name);
  if (found == preference_names.end())
    throw Error(ErrorKind::invalid_argument, fmt::format("preference '{}': expected latency, throughput or memory", name));
  return static_cast<Preference>(found - preference_names.begin());
}

std::string_view name_of(Reason reason) {
  constexpr std::array<std::string_view, 3> names{"fixed", "only", "measured"};
  return names.at(static_cast<std::size_t>(reason));
}

std::string text_of(const Candidate& candidate) {
  return fmt::format("{} on {}{} with {} thread{}", name_of(candidate.precision), candidate.backend,
                     candidate.device == candidate.backend ? "" : " " + candidate.device, candidate.threads,
                     candidate.threads == 1 ? "" : "s");
}

std::optional<Decision> decide(std::span<const Measurement> measurements, const Wish& wish) {
  std::optional<double> least;
  const auto may_be_taken = [&](const Measurement& measurement) { return refusal_of(measurement, wish).empty(); };
  for (const Measurement& measurement : measurements)
    if (may_be_taken(measurement)) least = std::min(cost_of(measurement, wish.preference), least.value_or(1e300));
  if (!least) return std::nullopt;

  const auto chosen = std::ranges::find_if(measurements, [&](const Measurement& measurement) {
    return may_be_taken(measurement) && cost_of(measurement, wish.preference) <= *least * equal_within;
  });
  Decision decision{.chosen = static_cast<std::size_t>(chosen - measurements.begin())};
  for (const Measurement& measurement : measurements)
    if (&measurement != &*chosen) decision.alternatives.push_back(compared(measurement, *chosen, wish));
  std::ranges::stable_sort(decision.alternatives, {}, [](const RejectedCandidate& row) {
    constexpr double last = 1e300;
    return std::pair(!row.reason.empty(), row.larger.value_or(row.slower.value_or(last)));
  });
  return decision;
}

}  // namespace accelerate
