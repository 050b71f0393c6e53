#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace accelerate {

/// The number of a value within its pickle.
using PickleRef = std::uint32_t;

/// A value that a pickle describes. Nothing is ever called: `call` only notes which function was to be called on what.
struct PickleValue {
  enum class Kind : std::uint8_t {
    none,
    boolean,
    integer,
    number,
    text,        ///< UTF-8, or raw bytes in what Python 2 wrote
    tuple,       ///< `items`
    list,        ///< `items`
    dictionary,  ///< `items`: keys and values in turn
    global,      ///< `text`: "module.name", which the rules allow
    call,        ///< `items`: a global and its arguments
    persistent,  ///< `items`: the id of something stored outside the pickle
  };

  Kind kind = Kind::none;
  std::uint8_t depth = 0;    ///< levels of values inside it
  std::int64_t integer = 0;  ///< also of booleans
  double number = 0;
  std::string text{};
  std::vector<PickleRef> items{};
};

/// What a pickle may do with a name that it asks for.
enum class PickleUse : std::uint8_t {
  refused,
  value,       ///< mention it
  function,    ///< note a call
  dictionary,  ///< make a dictionary by calling it
};

/// The rule for "module.name".
using PickleRules = PickleUse (*)(std::string_view name);

/// A pickle that was read: its values, which may refer to each other in circles.
struct Pickle {
  std::vector<PickleValue> values;
  PickleRef root = 0;
  std::size_t byte_size = 0;  ///< up to and with its end mark; more bytes may follow

  const PickleValue& operator[](PickleRef ref) const { return values[ref]; }
};

/// Reads the pickle at the beginning of `bytes`: protocols 2 to 5 of Python's pickle, less what no checkpoint needs (sets,
/// objects with a class, buffers, whole numbers beyond 64 bits). Builds data only. At most 64 MiB, 4 million values and 64
/// levels. Throws invalid_file, naming `source`, the byte and what is wrong; a name that `rules` refuse is given in full.
Pickle read_pickle(std::span<const std::byte> bytes, const std::string& source, PickleRules rules);

}  // namespace accelerate
