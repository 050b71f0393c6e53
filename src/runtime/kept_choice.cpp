#include "runtime/kept_choice.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "backends/module/module.h"
#include "base/file.h"
#include "base/hash.h"
#include "ipfs_accelerate/error.h"
#include "runtime/calibration_file.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t key_letters = 16;

/// The names in a folder that may have been added or taken away; nothing where there is no such folder.
std::string names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code failure;
  for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end; entry.increment(failure))
    names.push_back(entry->path().filename().string());
  std::ranges::sort(names);
  std::string all;
  for (const std::string& name : names) all += name + " ";
  return all;
}

/// Size and time of each module, so that another build is another key.
void add_modules(Hash& hash) {
  std::error_code failure;
  std::vector<std::string> files;
  for (fs::directory_iterator entry(module_folder(), failure), end; !failure && entry != end; entry.increment(failure)) {
    struct stat status{};
    if (stat(entry->path().c_str(), &status) == 0)
      files.push_back(fmt::format("{} {} {}.{}", entry->path().string(), status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec));
  }
  std::ranges::sort(files);
  for (const std::string& file : files) hash.add(file);
}

/// Drivers and devices come and go with these.
void add_devices(Hash& hash) {
  for (const char* folder : {"/dev/dri", "/dev/accel", "/proc/driver/nvidia", "/proc/driver/nvidia/gpus"}) hash.add(names_in(folder));
  for (const char* variable : {"CUDA_VISIBLE_DEVICES", "ZE_AFFINITY_MASK", "LD_LIBRARY_PATH"}) {
    const char* value = std::getenv(variable);
    hash.add(fmt::format("{}={}", variable, value == nullptr ? "" : value));
  }
}

fs::path file_of(const std::string& key, const SelectionOptions& options) { return options.folder / (key + ".choice"); }

bool is_key(const std::string& text) {
  return text.size() == key_letters && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

std::string choice_key(const Graph& graph, const ChoiceOptions& choice, const SelectionOptions& options) {
  Hash hash;
  hash.add(calibration_key(graph, {}, options.calibration.disabled_passes));
  hash.add(fmt::format("{} {} {} {}", choice.backend, choice.precision, choice.threads, choice.accuracy < 1));
  add_modules(hash);
  add_devices(hash);
  return fmt::format("{:016x}", hash.value());
}

std::optional<Selection> kept_selection(const std::string& key, const ChoiceOptions& choice, const SelectionOptions& options) {
  if (options.folder.empty() || options.recalibrate) return std::nullopt;
  try {
    const std::string calibration = read_text_file(file_of(key, options), key_letters);
    if (!is_key(calibration)) return std::nullopt;
    const auto stored = read_calibration(options.folder / (calibration + ".json"), calibration);
    if (!stored) return std::nullopt;
    const Wish wish = wish_of(choice);
    std::optional<Decision> decision = decide(stored->calibration.measurements, wish);
    if (!decision) return std::nullopt;
    const Candidate& chosen = stored->calibration.measurements[decision->chosen].candidate;
    Selection selection{
        .backend = backend_named(chosen.backend), .device = {}, .precision = chosen.precision, .threads = chosen.threads, .choice = {}};
    const Devices devices = selection.backend->devices();
    const auto device = std::ranges::find(devices.usable, chosen.device, &Device::name);
    if (device == devices.usable.end()) return std::nullopt;
    selection.device = *device;
    selection.choice = {.why = Reason::measured,
                        .preference = wish.preference,
                        .alternatives = std::move(decision->alternatives),
                        .note = doubt_about(stored->calibration)};
    return selection;
  } catch (const Error&) {
    return std::nullopt;  // what is missing or damaged is made again
  }
}

void note_calibration(const std::string& key, const std::string& calibration, const SelectionOptions& options) {
  if (options.folder.empty()) return;
  try {
    write_file_atomically(file_of(key, options), std::array{std::as_bytes(std::span(calibration))});
  } catch (const std::exception&) {
    // The calibration itself says so where the folder cannot be written.
  }
}

}  // namespace accelerate
