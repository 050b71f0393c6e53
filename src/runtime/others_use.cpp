#include "runtime/others_use.h"

#include <sys/times.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string>

namespace accelerate {

OthersUse::OthersUse() : start_(now()) {}

double OthersUse::share() const {
  const Ticks end = now();
  const auto all = static_cast<double>(end.all - start_.all);
  const auto others = static_cast<double>((end.used - start_.used) - (end.own - start_.own));
  return all > 0 ? std::clamp(others / all, 0.0, 1.0) : 0;
}

OthersUse::Ticks OthersUse::now() {
  std::ifstream file("/proc/stat");
  std::string name;
  file >> name;                           // "cpu": the sum over all
  std::array<std::int64_t, 8> columns{};  // user, nice, system, idle, waiting for disks, interrupts, soft interrupts, stolen
  for (std::int64_t& column : columns) file >> column;
  Ticks ticks;
  for (const std::int64_t column : columns) ticks.all += column;
  ticks.used = ticks.all - columns[3] - columns[4];
  tms own{};
  ::times(&own);
  ticks.own = own.tms_utime + own.tms_stime;
  return ticks;
}

}  // namespace accelerate
