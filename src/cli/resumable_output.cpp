#include "cli/resumable_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <limits>

#include "base/file.h"
#include "formats/config.h"
#include "ipfs_accelerate/error.h"

namespace accelerate::cli {
namespace {

namespace fs = std::filesystem;
using OrderedJson = nlohmann::ordered_json;

constexpr std::size_t largest_state = 16 << 20;
constexpr std::int64_t state_format = 1;

fs::path with_ending(const fs::path& path, const char* ending) { return path.string() + ending; }

/// Opens the file, which is made where it is missing, for this process alone.
FileDescriptor open_locked(const fs::path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (file.get() < 0) throw system_error(path, "write", errno);
  struct stat opened{};
  struct stat named{};
  // Between opening and locking the other process may have given the file its final name.
  const bool own = ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 && ::fstat(file.get(), &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
                   opened.st_ino == named.st_ino;
  if (!own) throw Error(ErrorKind::io, fmt::format("{}: another process is writing it", path.string()));
  return file;
}

void write_all(const fs::path& path, int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) throw system_error(path, "write", errno);
    if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void flush(const fs::path& path, int file) {
  if (::fsync(file) != 0) throw system_error(path, "write", errno);
}

void rename_file(const fs::path& from, const fs::path& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) throw system_error(to, "write", errno);
}

std::uint64_t count_of(const Config& state, std::string_view field) {
  return static_cast<std::uint64_t>(state.integer(field, {.minimum = 0, .maximum = std::numeric_limits<std::int64_t>::max()}));
}

/// Throws unless each part of the run is what it was before.
void expect_same_run(const Config& before, const OrderedJson& now, const fs::path& partial) {
  for (const auto& [name, value] : now.items()) {
    const std::string old = before.text_or(name, "");
    if (name == "input" || old == value.get<std::string>()) continue;
    throw Error(ErrorKind::invalid_argument,
                fmt::format("{}: belongs to another run, whose {} is '{}', and this run's is '{}'; repeat that run to go on with it, or "
                            "start anew with --restart",
                            partial.string(), name, old, value.get<std::string>()));
  }
}

}  // namespace

ResumableOutput::ResumableOutput(fs::path path, OrderedJson run, bool restart)
    : path_(std::move(path)),
      partial_(with_ending(path_, ".partial")),
      state_(with_ending(path_, ".state")),
      run_(std::move(run)),
      file_(open_locked(partial_)) {
  const bool goes_on = read_state(restart);
  const off_t length = ::lseek(file_.get(), 0, SEEK_END);
  if (length < 0) throw system_error(partial_, "read", errno);
  if (static_cast<std::uint64_t>(length) < progress_.bytes && !finished_)
    throw Error(ErrorKind::invalid_file, fmt::format("{}: has {} bytes, and {} tells of {}; start anew with --restart", partial_.string(),
                                                     length, state_.string(), progress_.bytes));
  if (finished_ && length == 0) return;  // the file had its name already, and the empty one was made just now
  if (::ftruncate(file_.get(), static_cast<off_t>(progress_.bytes)) != 0 ||
      ::lseek(file_.get(), static_cast<off_t>(progress_.bytes), SEEK_SET) < 0)
    throw system_error(partial_, "write", errno);
  if (!goes_on) write_state();
}

bool ResumableOutput::read_state(bool restart) {
  std::error_code failure;
  if (restart) return false;
  if (!fs::exists(state_, failure)) {
    if (fs::file_size(partial_, failure) == 0) return false;
    throw Error(ErrorKind::invalid_file,
                fmt::format("{}: is there without {}, which would tell what it belongs to; start anew with --restart", partial_.string(),
                            state_.string()));
  }
  const Config state = Config::read(state_, largest_state);
  if (state.integer("format") != state_format) state.refuse("format", fmt::format("{}", state_format));
  const Config before = state.object("run");
  expect_same_run(before, run_, partial_);
  earlier_input_ = before.text("input");
  progress_ = {.input = {.lines = count_of(state, "lines"), .bytes = count_of(state, "input_bytes"), .hash = 0},
               .answers = count_of(state, "answers"),
               .skipped = count_of(state, "skipped"),
               .bytes = count_of(state, "bytes")};
  const std::string digits = state.text("input_hash");
  std::size_t read = 0;
  if (digits.size() == 16 && digits.find_first_not_of("0123456789abcdef") == std::string::npos)
    progress_.input.hash = std::stoull(digits, &read, 16);
  if (read != 16) state.refuse("input_hash", "16 hexadecimal digits");
  finished_ = state.boolean_or("finished", false);
  return true;
}

void ResumableOutput::write_state() {
  const OrderedJson state{{"format", state_format},
                          {"run", run_},
                          {"lines", progress_.input.lines},
                          {"input_bytes", progress_.input.bytes},
                          {"input_hash", fmt::format("{:016x}", progress_.input.hash)},
                          {"answers", progress_.answers},
                          {"skipped", progress_.skipped},
                          {"bytes", progress_.bytes},
                          {"finished", finished_}};
  // Of one name, not of a new one each time: a run that is killed here leaves nothing that the next does not clear away.
  const fs::path next = with_ending(state_, ".new");
  {
    const FileDescriptor file(::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (file.get() < 0) throw system_error(next, "write", errno);
    write_all(next, file.get(), state.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n");
    flush(next, file.get());
  }
  rename_file(next, state_);
}

void ResumableOutput::append(std::string_view answers, RunProgress progress) {
  write_all(partial_, file_.get(), answers);
  flush(partial_, file_.get());
  progress.bytes = progress_.bytes + answers.size();
  progress_ = progress;
  write_state();
}

void ResumableOutput::finish() {
  const bool has_name = finished_ && fs::file_size(partial_) == 0 && progress_.bytes > 0;
  if (!finished_) {
    finished_ = true;
    write_state();
  }
  if (has_name)
    fs::remove(partial_);
  else
    rename_file(partial_, path_);
  fs::remove(state_);
}

}  // namespace accelerate::cli
