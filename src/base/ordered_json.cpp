#include "base/ordered_json.h"

#include "base/json_builder.h"

namespace accelerate {

OrderedJson parse_ordered_json(std::string_view text, std::string_view source) {
  refuse_zero_bytes(text, source);
  GuardedBuilder<OrderedJson> builder(source, {.keys = 512});
  OrderedJson::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

}  // namespace accelerate
