#include "base/cache_folder.h"

#include <cstdlib>

namespace accelerate {
namespace {

/// The absolute path that an environment variable holds; empty when it holds none.
std::filesystem::path folder_in(const char* variable) {
  const char* value = std::getenv(variable);
  const std::filesystem::path path = value == nullptr ? "" : value;
  return path.is_absolute() ? path : std::filesystem::path();
}

}  // namespace

std::filesystem::path cache_folder() {
  if (const std::filesystem::path own = folder_in("ACCELERATE_CACHE"); !own.empty()) return own;
  if (const std::filesystem::path shared = folder_in("XDG_CACHE_HOME"); !shared.empty()) return shared / "ipfs-accelerate";
  if (const std::filesystem::path home = folder_in("HOME"); !home.empty()) return home / ".cache" / "ipfs-accelerate";
  return {};
}

}  // namespace accelerate
