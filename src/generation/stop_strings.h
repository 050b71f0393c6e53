#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace accelerate {

/// Lets text through as it comes, up to the first of some stop strings, and holds back what may be the beginning of one.
class StopStrings {
 public:
  /// `keep`: the stop string that ends the text is let through.
  StopStrings(std::vector<std::string> texts, bool keep) : texts_(std::move(texts)), keep_(keep) {}

  /// What may be shown now that `text` has come; all that follows a stop string is dropped.
  std::string push(std::string_view text);

  /// What was held back, at the end of a text without a stop string.
  std::string flush();

  bool found() const { return found_; }

 private:
  std::size_t held_length() const;

  std::vector<std::string> texts_;
  bool keep_;
  bool found_ = false;
  std::string held_;
};

}  // namespace accelerate
