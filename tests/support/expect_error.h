#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "ipfs_accelerate/error.h"

namespace accelerate {

/// Expects that `action` throws an Error of `kind` with `fragment` in its message, which must be one line.
template <typename Action>
void expect_error(ErrorKind kind, std::string_view fragment, const Action& action) {
  try {
    action();
    ADD_FAILURE() << "nothing was thrown, expected an error with: " << fragment;
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(name_of(error.kind()), name_of(kind)) << message;
    EXPECT_NE(message.find(fragment), std::string::npos) << message << "\nexpected to contain: " << fragment;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

}  // namespace accelerate
