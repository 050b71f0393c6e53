#include "server/media.h"

#include <array>

#include "server/http/base64.h"

namespace accelerate::server {

using namespace std::string_view_literals;

std::string_view medium_of(std::string_view bytes) {
  struct Kind {
    std::size_t place;
    std::string_view bytes;
    std::string_view name;
  };
  static constexpr std::array kinds{Kind{0, "\x89PNG\r\n\x1a\n"sv, "an image (PNG)"},
                                    Kind{0, "\xff\xd8\xff"sv, "an image (JPEG)"},
                                    Kind{0, "GIF8"sv, "an image (GIF)"},
                                    Kind{8, "WEBP"sv, "an image (WebP)"},
                                    Kind{8, "WAVE"sv, "sound (WAV)"},
                                    Kind{0, "fLaC"sv, "sound (FLAC)"},
                                    Kind{0, "OggS"sv, "sound (Ogg)"},
                                    Kind{0, "ID3"sv, "sound (MP3)"},
                                    Kind{0, "\xff\xfb"sv, "sound (MP3)"},
                                    Kind{4, "ftyp"sv, "sound or pictures (MP4)"},
                                    Kind{0, "\x1a\x45\xdf\xa3"sv, "sound or pictures (WebM)"}};
  for (const Kind& kind : kinds)
    if (bytes.size() > kind.place && bytes.substr(kind.place).starts_with(kind.bytes)) return kind.name;
  return {};
}

std::string_view medium_of_base64(std::string_view text) {
  if (text.starts_with("data:")) {
    const std::size_t comma = text.find(',');
    if (comma == std::string_view::npos) return {};
    text.remove_prefix(comma + 1);
  }
  constexpr std::size_t telling = 16;  // characters, of which the first twelve bytes are
  if (text.size() < telling) return {};
  const auto bytes = http::base64_decoded(text.substr(0, telling));
  return bytes ? medium_of(*bytes) : std::string_view();
}

}  // namespace accelerate::server
