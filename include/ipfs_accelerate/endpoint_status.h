// What an endpoint is and has done, as numbers that /metrics, the status page and the command line show.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ipfs_accelerate/model.h"

namespace accelerate {

enum class EndpointState : std::uint8_t {
  unloaded,  ///< its model is loaded by the next request
  loading,
  ready,
  draining,  ///< it finishes what it has and takes nothing new
  failed,    ///< its model could not be loaded: the next init() or request tries again
  removed,
};

/// "unloaded", "loading", "ready", "draining", "failed" or "removed".
std::string_view name_of(EndpointState state);

/// How often a quantity came to at most each bound, as Prometheus counts it: [i] holds those up to bounds()[i], the last one all.
struct Histogram {
  std::vector<double> bounds;         ///< ascending, without infinity
  std::vector<std::uint64_t> counts;  ///< [bounds + 1], cumulative
  double sum = 0;

  std::uint64_t count() const { return counts.empty() ? 0 : counts.back(); }
};

/// How requests ended.
struct OutcomeCounts {
  std::uint64_t ok = 0;
  std::uint64_t client_error = 0;  ///< what was asked could not be done with this model
  std::uint64_t overloaded = 0;    ///< refused because too much waited
  std::uint64_t timed_out = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t internal = 0;  ///< a fault here: memory, device, program
};

struct EndpointStatistics {
  OutcomeCounts requests = {};
  std::uint64_t texts = 0;             ///< sequences that were computed
  std::uint64_t prompt_tokens = 0;     ///< that were read
  std::uint64_t generated_tokens = 0;  ///< that were written
  std::uint64_t batches = 0;           ///< that had texts of this endpoint in them
  std::size_t waiting_requests = 0;    ///< now
  std::int64_t waiting_tokens = 0;     ///< now
  std::size_t running_requests = 0;    ///< now, in a batch or going on
  double tokens_per_second = 0;        ///< read and written over the last ten seconds in which there was work
  Histogram queue_seconds = {};        ///< from tokens to the first batch
  Histogram compute_seconds = {};      ///< from there to the answer
  Histogram request_seconds = {};      ///< from the request to the answer
  Histogram first_token_seconds = {};  ///< of texts that go on
  Histogram batch_tokens = {};         ///< of batches that had texts of this endpoint in them
  Histogram batch_texts = {};
};

/// The largest batch that is worth running, as measured.
struct BatchLimit {
  std::int64_t texts = 0;            ///< 1 to 4096
  std::int64_t tokens_per_text = 0;  ///< that each had
  double tokens_per_second = 0;      ///< at that size
  std::string stopped_by;            ///< why no larger one: "memory", "speed", "time", "most" or "error: …"
};

struct EndpointStatus {
  std::string name;
  std::vector<std::string> aliases;
  std::string folder;
  EndpointState state = EndpointState::unloaded;
  std::string reason;              ///< why it failed; empty otherwise
  std::string task;                ///< what it does where a request does not say: "embed", …, "generate"
  std::vector<std::string> tasks;  ///< what it can do
  std::string asked_backend;       ///< of its LoadOptions
  std::string asked_precision;
  std::optional<ModelInfo> model;  ///< once it was loaded: what it is, and what runs it
  std::optional<BatchLimit> batch_limit;
  std::int64_t memory_bytes = 0;  ///< that its model holds, shared with other endpoints of the same; 0 while it is not loaded
  std::size_t shared_with = 0;    ///< how many other endpoints use the loaded model
  double load_seconds = 0;
  double idle_seconds = 0;        ///< since its last request ended
  double keep_alive_seconds = 0;  ///< after which an idle model is unloaded; negative: never
  EndpointStatistics statistics = {};
};

}  // namespace accelerate
