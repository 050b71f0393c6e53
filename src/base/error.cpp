#include "ipfs_accelerate/error.h"

#include <array>

namespace accelerate {
namespace {

struct Row {
  ErrorKind kind;
  int exit_code;
  std::string_view name;
};

constexpr std::array rows{
    Row{ErrorKind::internal, 1, "internal"},           Row{ErrorKind::invalid_argument, 2, "invalid_argument"},
    Row{ErrorKind::not_found, 3, "not_found"},         Row{ErrorKind::invalid_file, 4, "invalid_file"},
    Row{ErrorKind::unsupported, 5, "unsupported"},     Row{ErrorKind::unavailable, 6, "unavailable"},
    Row{ErrorKind::out_of_memory, 7, "out_of_memory"}, Row{ErrorKind::io, 8, "io"},
    Row{ErrorKind::device_lost, 9, "device_lost"},     Row{ErrorKind::overloaded, 10, "overloaded"},
    Row{ErrorKind::timed_out, 11, "timed_out"},        Row{ErrorKind::cancelled, 130, "cancelled"},
};

const Row& row_of(ErrorKind kind) {
  for (const Row& row : rows)
    if (row.kind == kind) return row;
  return rows.front();
}

}  // namespace

int exit_code(ErrorKind kind) { return row_of(kind).exit_code; }

std::string_view name_of(ErrorKind kind) { return row_of(kind).name; }

}  // namespace accelerate
