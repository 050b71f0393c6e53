#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace accelerate::http {

/// What a request is about: its path and query, taken apart first and decoded afterwards, so that a slash that was written
/// "%2F" is part of its segment.
struct Target {
  std::string path;                                             ///< as it was sent, without the query
  std::vector<std::string> segments;                            ///< decoded; "/v1/models" has two, "/" has none
  std::vector<std::pair<std::string, std::string>> query = {};  ///< decoded, in order

  /// The value of the first query parameter of that name.
  const std::string* parameter(std::string_view name) const;
};

/// `text` with each %XX as its byte; nothing where that is not well formed or gives a control character.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space = false);

/// The parts of a request target, "/v1/models?x=1" or the same behind "http://host". Throws HttpError 400 where it is not well
/// formed; "." and ".." as segments are not.
Target parse_target(std::string_view text);

}  // namespace accelerate::http
