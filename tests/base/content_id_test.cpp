#include "base/content_id.h"

#include <gtest/gtest.h>

namespace accelerate {
namespace {

TEST(ContentId, IsThatOfIpfs) {
  const struct {
    std::string_view text;
    std::string_view id;
  } cases[] = {
      {"", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"},
      {"This is a test sentence.", "bafkreibt5mcxnpmoznjrpqen7ksmhqufhldubmr4eshpmwkzyt7bf3fez4"},
      {"The quick brown fox jumps over the lazy dog", "bafkreigxvd53gb6xqckgtsu2xsyaqlsprvlfdzdnhtnxmlic2c7tpspfsi"},
  };
  for (const auto& each : cases) EXPECT_EQ(content_id(each.text), each.id) << each.text;
}

}  // namespace
}  // namespace accelerate
