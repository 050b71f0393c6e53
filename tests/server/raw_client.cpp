#include "server/raw_client.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>
#include <utility>

namespace accelerate {

RawClient::RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (socket_ < 0 || ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect");
}

RawClient::~RawClient() {
  if (socket_ >= 0) ::close(socket_);
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void RawClient::finish() { ::shutdown(socket_, SHUT_WR); }

void RawClient::die() {
  const linger hard{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::close(socket_);
  socket_ = -1;
}

bool RawClient::fill(std::chrono::milliseconds patience) {
  pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
  if (::poll(&waiting, 1, static_cast<int>(patience.count())) <= 0) return false;
  std::array<char, 65536> buffer;
  const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), 0);
  if (count <= 0) return false;
  input_.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

bool RawClient::take_line(std::string& line, std::chrono::milliseconds patience) {
  std::size_t end;
  while ((end = input_.find("\r\n")) == std::string::npos)
    if (!fill(patience)) return false;
  line = input_.substr(0, end);
  input_.erase(0, end + 2);
  return true;
}

bool RawClient::take(std::size_t count, std::string& into, std::chrono::milliseconds patience) {
  while (input_.size() < count) {
    if (fill(patience)) continue;
    into += input_;
    input_.clear();
    return false;
  }
  into += input_.substr(0, count);
  input_.erase(0, count);
  return true;
}

RawResponse RawClient::receive(std::chrono::milliseconds patience, bool without_body) {
  RawResponse response;
  std::string line;
  if (!take_line(line, patience) || line.size() < 12) return response;
  const int status = std::stoi(line.substr(9, 3));
  while (take_line(line, patience) && !line.empty()) {
    std::string name = line.substr(0, line.find(':'));
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    response.fields[name] = line.substr(std::min(line.size(), name.size() + 2));
  }
  response.status = status;
  if (without_body || status == 204 || status == 100) {
    response.whole = true;
  } else if (response.fields.contains("content-length")) {
    response.whole = take(std::stoul(response.fields["content-length"]), response.body, patience);
  } else if (response.fields.contains("transfer-encoding")) {
    while (take_line(line, patience)) {
      const std::size_t size = std::stoul(line, nullptr, 16);
      if (size > 0 && !take(size, response.body, patience)) return response;
      if (!take_line(line, patience)) return response;
      if (size == 0) {
        response.whole = true;
        break;
      }
    }
  } else {
    while (fill(patience)) {
    }
    response.body = std::exchange(input_, {});
    response.whole = true;
  }
  return response;
}

bool RawClient::is_closed_within(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return false;
    std::array<char, 4096> buffer;
    if (::recv(socket_, buffer.data(), buffer.size(), 0) <= 0) return true;
  }
}

std::string request_text(std::string_view method, std::string_view path, std::string_view body, std::string_view fields) {
  std::string text = std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields);
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + std::string(body);
}

RawResponse ask(std::uint16_t port, std::string_view method, std::string_view path, std::string_view body, std::string_view fields) {
  RawClient client(port);
  client.send(request_text(method, path, body, fields));
  return client.receive(std::chrono::seconds(20), method == "HEAD");
}

}  // namespace accelerate
