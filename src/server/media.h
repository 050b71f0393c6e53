#pragma once

#include <string_view>

namespace accelerate::server {

/// What the first bytes of a file say that it is: "an image (PNG)", "sound (WAV)"; empty where they say nothing.
std::string_view medium_of(std::string_view bytes);

/// The same for bytes as base64, which is how JSON carries them, with or without "data:…;base64," before it.
std::string_view medium_of_base64(std::string_view text);

}  // namespace accelerate::server
