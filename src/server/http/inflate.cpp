#include "server/http/inflate.h"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <new>

#include "base/json.h"
#include "server/http/error.h"
#include "server/http/message.h"

namespace accelerate::http {
namespace {

HttpError too_long(std::size_t most_bytes) {
  return {413, fmt::format("the body is longer than {} bytes, the most that is taken", most_bytes)};
}

HttpError damaged(std::string_view what) { return {400, fmt::format("the body is not as Content-Encoding says: {}", what)}; }

constexpr int gzip_window = 15 + 16;
constexpr int zlib_window = 15;
constexpr int raw_window = -15;

}  // namespace

struct Inflater::Stream {
  z_stream state{};
  bool has_begun = false;
  bool has_ended = false;

  void begin(int window) {
    if (inflateInit2(&state, window) != Z_OK) throw std::bad_alloc();
    has_begun = true;
  }

  ~Stream() {
    if (has_begun) inflateEnd(&state);
  }
};

ContentEncoding content_encoding(std::string_view field) {
  if (field.empty() || same_name(field, "identity")) return ContentEncoding::identity;
  if (same_name(field, "gzip") || same_name(field, "x-gzip")) return ContentEncoding::gzip;
  if (same_name(field, "deflate")) return ContentEncoding::deflate;
  throw HttpError(415, fmt::format("Content-Encoding is {}, expected gzip, deflate or identity", in_quotes(field)));
}

Inflater::Inflater(ContentEncoding encoding, std::size_t most_bytes)
    : encoding_(encoding), most_bytes_(most_bytes), stream_(std::make_unique<Stream>()) {}

Inflater::~Inflater() = default;

void Inflater::put(std::string_view piece, std::string& body) {
  if (encoding_ == ContentEncoding::identity) {
    if (piece.size() > most_bytes_ - body.size()) throw too_long(most_bytes_);
    body.append(piece);
    return;
  }
  if (piece.empty()) return;
  if (stream_->has_ended) throw damaged("there are bytes behind its end");
  // "deflate" is zlib's format by the standard, and bare deflate by the habit of some: the first byte tells.
  if (!stream_->has_begun) {
    const bool is_zlib = (static_cast<unsigned char>(piece.front()) & 0x0f) == 8;
    stream_->begin(encoding_ == ContentEncoding::gzip ? gzip_window : is_zlib ? zlib_window : raw_window);
  }

  z_stream& state = stream_->state;
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
  state.avail_in = static_cast<uInt>(piece.size());
  std::array<char, 16384> out;
  do {
    state.next_out = reinterpret_cast<Bytef*>(out.data());
    state.avail_out = static_cast<uInt>(out.size());
    const int result = ::inflate(&state, Z_NO_FLUSH);
    const std::size_t made = out.size() - state.avail_out;
    if (made > most_bytes_ - body.size()) throw too_long(most_bytes_);
    body.append(out.data(), made);
    if (result == Z_STREAM_END) {
      stream_->has_ended = true;
      if (state.avail_in > 0) throw damaged("there are bytes behind its end");
      return;
    }
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result != Z_OK && result != Z_BUF_ERROR) throw damaged(state.msg == nullptr ? "it cannot be read" : state.msg);
  } while (state.avail_in > 0 || state.avail_out == 0);
}

void Inflater::finish() const {
  if (encoding_ != ContentEncoding::identity && !stream_->has_ended) throw damaged("it ends early");
}

}  // namespace accelerate::http
