#pragma once

#include <chrono>
#include <cstddef>

namespace accelerate::http {

/// What one connection may cost. Sizes are in bytes.
struct Limits {
  using Seconds = std::chrono::duration<double>;

  std::size_t head_bytes = 32 << 10;         ///< of a request line and its fields
  std::size_t fields = 128;                  ///< of a request
  std::size_t body_bytes = 64 << 20;         ///< of a body as it comes, and once it is inflated
  std::size_t chunks = 65536;                ///< of a body in chunks
  std::size_t unsent_bytes = 4 << 20;        ///< of a streamed answer that its client does not read: more ends it
  Seconds head_time = Seconds(10);           ///< from the first byte of a request to the end of its fields
  Seconds body_time = Seconds(60);           ///< from there to the end of its body
  Seconds idle_time = Seconds(75);           ///< between requests
  Seconds answer_time = Seconds(600);        ///< from the end of a request to its answer's first byte
  Seconds write_time = Seconds(30);          ///< in which a client must take some of what is sent
  Seconds linger_time = Seconds(1);          ///< in which the rest of a refused request is thrown away
  Seconds keep_alive_comment = Seconds(15);  ///< silence after which a stream of events gets a comment
};

}  // namespace accelerate::http
