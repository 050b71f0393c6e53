#include "runtime/resident_memory.h"

#include <malloc.h>

#include <fstream>
#include <string>

namespace accelerate {

std::int64_t private_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::int64_t kilobytes = 0;
    if (word == "RssAnon:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

void release_freed_memory() { malloc_trim(0); }

}  // namespace accelerate
