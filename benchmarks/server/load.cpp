// Asks an HTTP server of this machine again and again and tells how it answered, at little cost of its own: one thread, epoll, and
// requests that were put together before. Prints one JSON object. Usage: load PORT FIELD=VALUE…
//
//   path=/v1/embeddings   what is asked; GET without bodies
//   bodies=FILE           a body a line, taken in turns
//   clients=64            connections, each of which asks anew once it is answered; with a rate, those that there are at most
//   rate=0                requests a second, begun at even times whether or not others are answered; 0: as fast as answers come
//   seconds=8             how long requests are begun
//   warm=0                seconds of requests before that are not counted
//   idle=0                connections that ask once, and then only stay
//   hold=0                seconds for which those stay
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

struct Wish {
  std::string path = "/health";
  std::string bodies;
  std::size_t clients = 64;
  double rate = 0;
  double seconds = 8;
  double warm = 0;
  std::size_t idle = 0;
  double hold = 0;
};

/// The value of a field of a head, whose names stand in it as the server writes them; empty where it is not there.
std::string_view field_of(std::string_view head, std::string_view name) {
  const std::size_t at = head.find(name);
  if (at == std::string_view::npos) return {};
  const std::size_t begin = at + name.size();
  return head.substr(begin, head.find('\r', begin) - begin);
}

double number_of(std::string_view text) { return text.empty() ? 0 : std::strtod(std::string(text).c_str(), nullptr); }

struct Connection {
  int socket = -1;
  bool busy = false;
  bool counts = false;
  Clock::time_point due;  ///< when its request was to begin
  std::string input;
};

/// What came of requests, by status.
struct Outcomes {
  std::vector<float> milliseconds;
  std::vector<float> added;  ///< to the time that the server says its endpoint took
  std::vector<float> retry_after;
};

double quantile(std::vector<float>& values, double part) {
  if (values.empty()) return 0;
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

class Load {
 public:
  Load(std::uint16_t port, Wish wish) : wish_(std::move(wish)), poll_(epoll_create1(0)) {
    address_.sin_family = AF_INET;
    address_.sin_port = htons(port);
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::vector<std::string> bodies;
    if (!wish_.bodies.empty()) {
      std::ifstream file(wish_.bodies);
      for (std::string line; std::getline(file, line);) bodies.push_back(line);
      if (bodies.empty()) throw std::runtime_error(wish_.bodies + ": no bodies there");
    }
    for (const std::string& body : bodies)
      requests_.push_back("POST " + wish_.path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
                          std::to_string(body.size()) + "\r\n\r\n" + body);
    if (requests_.empty()) requests_.push_back("GET " + wish_.path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }

  void run() {
    connections_.reserve(std::max(wish_.clients, wish_.idle));
    if (wish_.idle > 0) return hold_idle();
    const Clock::time_point start = Clock::now();
    counted_from_ = start + std::chrono::duration_cast<Clock::duration>(Seconds(wish_.warm));
    end_ = counted_from_ + std::chrono::duration_cast<Clock::duration>(Seconds(wish_.seconds));
    const auto interval = wish_.rate > 0 ? std::chrono::duration_cast<Clock::duration>(Seconds(1 / wish_.rate)) : Clock::duration::zero();
    Clock::time_point due = start;
    if (wish_.rate == 0)
      for (std::size_t i = 0; i < wish_.clients; ++i) begin(connect(), start);
    while (true) {
      const Clock::time_point now = Clock::now();
      for (; wish_.rate > 0 && due <= now && due < end_; due += interval) {
        if (free_.empty() && connections_.size() >= wish_.clients) {
          if (due >= counted_from_) ++unasked_;
          continue;
        }
        std::size_t index = 0;
        if (free_.empty()) {
          index = connect();
        } else {
          index = free_.back();
          free_.pop_back();
        }
        begin(index, due);
      }
      if (now >= end_ && (running_ == 0 || now >= end_ + std::chrono::seconds(60))) break;
      wait(wish_.rate > 0 && due < end_ ? due : end_ + std::chrono::seconds(60));
    }
    drained_ = Clock::now();
  }

  void print() {
    rusage use{};
    getrusage(RUSAGE_SELF, &use);
    const auto seconds_of = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
    std::printf(
        "{\"seconds\":%.3f,\"unasked\":%zu,\"broken\":%zu,\"own_cpu_seconds\":%.3f,\"answered_after_the_end_seconds\":%.3f,\"statuses\":{",
        wish_.seconds, unasked_, broken_, seconds_of(use.ru_utime) + seconds_of(use.ru_stime), Seconds(drained_ - end_).count());
    bool first = true;
    for (auto& [status, outcomes] : outcomes_) {
      std::printf("%s\"%d\":{\"count\":%zu,\"within\":%zu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"max_ms\":%.3f",
                  first ? "" : ",", status, outcomes.milliseconds.size(), within_[status], quantile(outcomes.milliseconds, 0.5),
                  quantile(outcomes.milliseconds, 0.99), quantile(outcomes.milliseconds, 0.999), quantile(outcomes.milliseconds, 1));
      if (!outcomes.added.empty())
        std::printf(",\"added_p50_ms\":%.3f,\"added_p99_ms\":%.3f", quantile(outcomes.added, 0.5), quantile(outcomes.added, 0.99));
      if (!outcomes.retry_after.empty())
        std::printf(",\"retry_after_least\":%.0f,\"retry_after_p50\":%.0f,\"retry_after_most\":%.0f", quantile(outcomes.retry_after, 0),
                    quantile(outcomes.retry_after, 0.5), quantile(outcomes.retry_after, 1));
      std::printf("}");
      first = false;
    }
    std::printf("}}\n");
  }

 private:
  std::size_t connect() {
    Connection connection{.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .due = {}, .input = {}};
    if (connection.socket < 0 || ::connect(connection.socket, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) != 0)
      throw std::runtime_error(std::string("cannot connect: ") + std::strerror(errno));
    const int on = 1;
    setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = connections_.size()}};
    epoll_ctl(poll_, EPOLL_CTL_ADD, connection.socket, &event);
    connections_.push_back(std::move(connection));
    return connections_.size() - 1;
  }

  void begin(std::size_t index, Clock::time_point due) {
    Connection& connection = connections_[index];
    const std::string& request = requests_[next_++ % requests_.size()];
    connection.busy = true;
    connection.due = due;
    connection.counts = due >= counted_from_;
    ++running_;
    if (::send(connection.socket, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) lose(index);
  }

  void lose(std::size_t index) {
    Connection& connection = connections_[index];
    if (connection.busy) {
      --running_;
      ++broken_;
    }
    close(connection.socket);
    connection.socket = -1;
    connection.busy = false;
  }

  void wait(Clock::time_point until) {
    std::array<epoll_event, 256> events{};
    const auto left = until - Clock::now();
    timespec time{};
    if (left > Clock::duration::zero()) {
      time.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
      time.tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count() % 1'000'000'000;
    }
    const int count = epoll_pwait2(poll_, events.data(), static_cast<int>(events.size()), &time, nullptr);
    for (int i = 0; i < count; ++i) read(events[static_cast<std::size_t>(i)].data.u64);
  }

  void read(std::size_t index) {
    Connection& connection = connections_[index];
    static std::array<char, 1 << 16> buffer;
    const ssize_t got = recv(connection.socket, buffer.data(), buffer.size(), 0);
    if (got <= 0) return lose(index);
    connection.input.append(buffer.data(), static_cast<std::size_t>(got));
    const std::size_t head_end = connection.input.find("\r\n\r\n");
    if (head_end == std::string::npos) return;
    const std::string_view head = std::string_view(connection.input).substr(0, head_end + 2);
    const auto length = static_cast<std::size_t>(number_of(field_of(head, "Content-Length: ")));
    if (connection.input.size() < head_end + 4 + length) return;
    note(connection, head);
    connection.input.clear();
    connection.busy = false;
    --running_;
    const Clock::time_point now = Clock::now();
    if (wish_.rate == 0 && wish_.idle == 0 && now < end_)
      begin(index, now);
    else
      free_.push_back(index);
  }

  void note(const Connection& connection, std::string_view head) {
    const Clock::time_point now = Clock::now();
    const int status = std::atoi(std::string(head.substr(9, 3)).c_str());
    if (now >= counted_from_ && now < end_) ++within_[status];
    if (!connection.counts) return;
    Outcomes& outcomes = outcomes_[status];
    const double milliseconds = Seconds(now - connection.due).count() * 1000;
    outcomes.milliseconds.push_back(static_cast<float>(milliseconds));
    if (const std::string_view inside = field_of(head, "X-Total-Time: "); !inside.empty())
      outcomes.added.push_back(static_cast<float>(milliseconds - number_of(inside)));
    if (const std::string_view after = field_of(head, "Retry-After: "); !after.empty())
      outcomes.retry_after.push_back(static_cast<float>(number_of(after)));
  }

  void hold_idle() {
    counted_from_ = Clock::now();
    end_ = counted_from_ + std::chrono::hours(1);
    for (std::size_t i = 0; i < wish_.idle; ++i) {
      begin(connect(), Clock::now());
      while (running_ > 64) wait(Clock::now() + std::chrono::seconds(10));
    }
    while (running_ > 0) wait(Clock::now() + std::chrono::seconds(10));
    std::printf("{\"idle\":%zu,\"broken\":%zu}\n", connections_.size(), broken_);
    std::fflush(stdout);
    end_ = drained_ = Clock::now();
    usleep(static_cast<useconds_t>(wish_.hold * 1e6));
  }

  Wish wish_;
  sockaddr_in address_{};
  int poll_;
  std::vector<std::string> requests_;
  std::vector<Connection> connections_;
  std::vector<std::size_t> free_;
  std::size_t next_ = 0;
  std::size_t running_ = 0;
  std::size_t unasked_ = 0;  ///< requests for which no connection was free
  std::size_t broken_ = 0;
  std::map<int, Outcomes> outcomes_;
  std::map<int, std::size_t> within_;  ///< answers that came in the time that counts
  Clock::time_point counted_from_, end_, drained_;
};

Wish wish_of(int count, char** words) {
  Wish wish;
  for (int i = 2; i < count; ++i) {
    const std::string_view word = words[i];
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const std::string value(equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1));
    if (name == "path")
      wish.path = value;
    else if (name == "bodies")
      wish.bodies = value;
    else if (name == "clients")
      wish.clients = std::stoul(value);
    else if (name == "rate")
      wish.rate = std::stod(value);
    else if (name == "seconds")
      wish.seconds = std::stod(value);
    else if (name == "warm")
      wish.warm = std::stod(value);
    else if (name == "idle")
      wish.idle = std::stoul(value);
    else if (name == "hold")
      wish.hold = std::stod(value);
    else
      throw std::runtime_error(std::string(name) + " is not one of path, bodies, clients, rate, seconds, warm, idle, hold");
  }
  return wish;
}

}  // namespace

int main(int count, char** words) try {
  if (count < 2) throw std::runtime_error("usage: load PORT FIELD=VALUE…");
  Load load(static_cast<std::uint16_t>(std::stoul(words[1])), wish_of(count, words));
  load.run();
  load.print();
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "load: %s\n", error.what());
  return 2;
}
