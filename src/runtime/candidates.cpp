#include "runtime/candidates.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>

#include "backends/cpu/isa.h"
#include "ipfs_accelerate/error.h"
#include "runtime/hardware.h"

namespace accelerate {
namespace {

constexpr std::string_view checking_backend = "reference";

/// The precision that the caller names; nothing for auto.
std::optional<Precision> named_precision(std::string_view name) {
  if (name == "auto") return std::nullopt;
  if (const auto precision = precision_named(name)) return precision;
  throw Error(ErrorKind::invalid_argument, fmt::format("precision '{}': expected auto, fp32, bf16, fp16, int8 or int4", name));
}

void check_accuracy(const ChoiceOptions& options) {
  if (!(options.accuracy >= 0 && options.accuracy <= 1))
    throw Error(ErrorKind::invalid_argument, fmt::format("accuracy {}: expected a number from 0 to 1", options.accuracy));
  if (options.accuracy < 1 && options.precision != "auto")
    throw Error(ErrorKind::invalid_argument,
                fmt::format("accuracy {}: goes with precision auto, but precision '{}' is asked for", options.accuracy, options.precision));
}

/// The precisions to try on a backend: the one that is named, float32, or all where the caller accepts less than that.
std::vector<Precision> precisions_to_try(const Backend& backend, const ChoiceOptions& options, std::optional<Precision> named) {
  std::vector<Precision> result;
  for (Precision precision : backend.precisions())
    if (named ? precision == *named : precision == Precision::fp32 || options.accuracy < 1) result.push_back(precision);
  return result;
}

/// Takes the candidates from the backends, one after the other.
class Finder {
 public:
  Finder(const ChoiceOptions& options, std::optional<Precision> precision) : options_(options), precision_(precision) {}

  void add(std::unique_ptr<Backend> owned) {
    const std::shared_ptr<const Backend> backend = std::move(owned);
    const std::string name(backend->name());
    const Devices devices = backend->devices();
    for (const UnusableDevice& unusable : devices.unusable) found_.excluded.push_back({name, unusable.device.name, unusable.reason});
    if (devices.usable.empty()) found_.excluded.push_back({name, "", devices.reason});
    const std::vector<Precision> precisions = precisions_to_try(*backend, options_, precision_);
    if (!devices.usable.empty() && precisions.empty()) refuse_precision(*backend);
    for (const Device& device : devices.usable)
      for (Precision precision : precisions) found_.places.push_back({backend, device, precision});
  }

  void exclude(const Backend& backend, std::string reason) {
    found_.excluded.push_back({std::string(backend.name()), "", std::move(reason)});
  }

  bool found() const { return !found_.places.empty(); }
  bool refused_precision() const { return !precision_refusals_.empty(); }

  /// Throws why there is no candidate, or returns them.
  Candidates take() {
    if (!found() && refused_precision()) throw Error(ErrorKind::unsupported, precision_refusals_);
    if (!found()) throw Error(ErrorKind::unavailable, refusals());
    return std::move(found_);
  }

 private:
  void refuse_precision(const Backend& backend) {
    try {
      check_precision(backend, precision_.value_or(Precision::fp32));
    } catch (const Error& error) {
      const std::string reason = error.what();
      precision_refusals_ += (precision_refusals_.empty() ? "" : "; ") + reason;
      exclude(backend, reason);
    }
  }

  std::string refusals() const {
    if (options_.backend != "auto") return fmt::format("backend '{}' cannot run here: {}", options_.backend, found_.excluded.back().reason);
    std::string reasons;
    for (const Exclusion& excluded : found_.excluded)
      reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", excluded.backend, excluded.reason);
    return fmt::format("no backend can run here: {}", reasons);
  }

  const ChoiceOptions& options_;
  std::optional<Precision> precision_;
  Candidates found_;
  std::string precision_refusals_;
};

Candidates find_among_all(Finder& finder, std::vector<std::unique_ptr<Backend>> backends) {
  std::unique_ptr<Backend> checking;
  for (std::unique_ptr<Backend>& backend : backends) {
    if (backend->name() == checking_backend)
      checking = std::move(backend);
    else
      finder.add(std::move(backend));
  }
  if (checking && !finder.found() && !finder.refused_precision())
    finder.add(std::move(checking));
  else if (checking)
    finder.exclude(*checking, "defines what is right, and is slow; used only where it is named or nothing else runs");
  return finder.take();
}

Candidates find_named(Finder& finder, std::string_view name, std::vector<std::unique_ptr<Backend>> backends) {
  std::string names;
  for (std::unique_ptr<Backend>& backend : backends) {
    if (backend->name() == name) {
      finder.add(std::move(backend));
      return finder.take();
    }
    names += fmt::format("{}{}", names.empty() ? "" : ", ", backend->name());
  }
  throw Error(ErrorKind::invalid_argument, fmt::format("backend '{}' is not one of {}", name, names));
}

}  // namespace

bool is_processor(const Device& device) {
  constexpr std::string_view processor = "cpu";
  const std::string_view name = device.name;
  const std::string_view kind = name.substr(name.rfind(':') + 1);  // "cpu", "openvino:CPU"
  return std::ranges::equal(kind, processor, {}, [](unsigned char c) { return std::tolower(c); });
}

std::vector<int> thread_counts(int logical_cores, int whole_cores) {
  std::vector<int> counts{logical_cores};
  if (whole_cores < logical_cores) counts.push_back(whole_cores);
  while (counts.back() > 1) counts.push_back(counts.back() / 2);
  return counts;
}

Wish wish_of(const ChoiceOptions& options) {
  const bool is_named = named_precision(options.precision).has_value();
  const Wish wish{.preference = preference_named(options.prefer), .accuracy = options.accuracy, .any_precision = is_named};
  check_accuracy(options);
  return wish;
}

Candidates find_candidates(const ChoiceOptions& options, std::vector<std::unique_ptr<Backend>> backends) {
  const Wish wish = wish_of(options);
  const std::optional<Precision> precision = named_precision(options.precision);
  Finder finder(options, precision);
  const bool any_backend = options.backend == "auto";
  Candidates found = any_backend ? find_among_all(finder, std::move(backends)) : find_named(finder, options.backend, std::move(backends));
  found.wish = wish;
  found.fixed = !any_backend && precision.has_value();
  found.thread_counts = {options.threads};
  found.whole_cores = std::max(1, usable_cores() / threads_per_core());
  if (options.threads == 0) found.thread_counts = thread_counts(usable_cores(), found.whole_cores);
  if (std::ranges::none_of(found.places, [](const Place& place) { return is_processor(place.device); })) found.thread_counts.resize(1);
  return found;
}

Candidates find_candidates(const ChoiceOptions& options) {
  // A level that the caller forces and this machine lacks is an error, no reason to compute elsewhere.
  if (options.backend == "auto" && std::getenv("ACCELERATE_CPU_ISA") != nullptr) cpu::selected_isa();
  return find_candidates(options, all_backends());
}

}  // namespace accelerate
