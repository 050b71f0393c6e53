#include "runtime/calibration_file.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "formats/config.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view format_name = "ipfs-accelerate calibration 1";
constexpr std::size_t most_bytes = 1 << 20;
constexpr std::size_t most_measurements = 4096;
constexpr NumberRange figures{.minimum = 0, .maximum = 1e15};

nlohmann::ordered_json json_of(const Measurement& row) {
  nlohmann::ordered_json json{{"backend", row.candidate.backend},
                              {"device", row.candidate.device},
                              {"precision", name_of(row.candidate.precision)},
                              {"threads", row.candidate.threads}};
  if (!row.failure.empty()) {
    json["failure"] = row.failure;
    return json;
  }
  json["load_ms"] = row.load_milliseconds;
  json["latency_ms"] = row.latency;
  json["tokens_per_second"] = row.tokens_per_second;
  json["memory_bytes"] = row.memory_bytes;
  json["agreement"] = row.agreement;
  return json;
}

Measurement parse_measurement(const Config& row) {
  const std::string precision = row.text("precision");
  if (!precision_named(precision)) row.refuse("precision", "fp32, fp16, bf16, int8 or int4");
  Measurement result{.candidate = {.backend = row.text("backend"),
                                   .device = row.text("device"),
                                   .precision = *precision_named(precision),
                                   .threads = static_cast<int>(row.integer("threads", {.minimum = 1, .maximum = 1 << 16}))}};
  result.failure = row.text_or("failure", "");
  if (!result.failure.empty()) return result;
  result.load_milliseconds = row.number("load_ms", figures);
  result.latency = row.number("latency_ms", figures);
  result.tokens_per_second = row.number("tokens_per_second", figures);
  result.memory_bytes = row.integer("memory_bytes", {.minimum = 0, .maximum = std::int64_t{1} << 60});
  result.agreement = row.number("agreement", {.minimum = 0, .maximum = 1});
  return result;
}

}  // namespace

std::string text_of(const StoredCalibration& stored) {
  nlohmann::ordered_json json{{"format", format_name},
                              {"key", stored.key},
                              {"model", stored.model},
                              {"machine", stored.machine},
                              {"measured", stored.calibration.measured},
                              {"latency_tokens", stored.calibration.latency_tokens},
                              {"throughput_tokens", stored.calibration.throughput_tokens},
                              {"others_use", stored.calibration.others_use},
                              {"measurements", nlohmann::ordered_json::array()}};
  for (const Measurement& row : stored.calibration.measurements) json["measurements"].push_back(json_of(row));
  return json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

StoredCalibration parse_calibration(std::string_view text, const std::string& source) {
  const Json json = parse_json(text, source);
  const Config file = Config::parse(text, source);
  if (file.text("format") != format_name) file.refuse("format", in_quotes(format_name));
  if (!file.is_list("measurements")) file.refuse("measurements", "a list");
  const Json& rows = json.at("measurements");
  if (rows.empty() || rows.size() > most_measurements) file.refuse("measurements", fmt::format("1 to {} of them", most_measurements));
  StoredCalibration stored{.key = file.text("key"), .model = file.text("model"), .machine = file.text("machine"), .calibration = {}};
  Calibration& calibration = stored.calibration;
  calibration.measured = file.text("measured");
  calibration.latency_tokens = file.integer("latency_tokens");
  calibration.throughput_tokens = file.integer("throughput_tokens");
  calibration.others_use = file.number("others_use", {.minimum = 0, .maximum = 1});
  for (std::size_t i = 0; i < rows.size(); ++i)
    calibration.measurements.push_back(parse_measurement(Config::parse(rows[i].dump(), fmt::format("{}: measurements[{}]", source, i))));
  return stored;
}

std::optional<StoredCalibration> read_calibration(const fs::path& file, std::string_view key) {
  try {
    StoredCalibration stored = parse_calibration(read_text_file(file, most_bytes), file.string());
    if (stored.key != key) return std::nullopt;
    return stored;
  } catch (const Error&) {
    return std::nullopt;  // it is measured anew and written over
  }
}

void write_calibration(const fs::path& file, const StoredCalibration& stored) {
  std::error_code failure;
  fs::create_directories(file.parent_path(), failure);
  if (failure) throw Error(ErrorKind::io, fmt::format("{}: cannot be made: {}", file.parent_path().string(), failure.message()));
  const std::string text = text_of(stored);
  const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
  write_file_atomically(file, std::span(&bytes, 1));
}

}  // namespace accelerate
