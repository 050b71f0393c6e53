// Who may ask, and from where.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/router.h"

namespace accelerate::http {

/// Secrets that are compared in a time that does not tell how much of one was guessed.
class KeyRing {
 public:
  KeyRing() = default;
  explicit KeyRing(const std::vector<std::string>& keys);

  bool empty() const { return digests_.empty(); }
  bool holds(std::string_view key) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  std::vector<Digest> digests_;
};

struct AccessRules {
  KeyRing keys = {};                      ///< empty: no key is asked for
  KeyRing admin_keys = {};                ///< these open every route
  std::vector<std::string> hosts = {};    ///< names that Host may have, without ports; empty: any
  std::vector<std::string> origins = {};  ///< web pages that may ask, "https://example.org", or "*"
  bool public_metrics = false;
};

/// Throws HttpError 421 for a Host that is not one of ours, which a page of another site that points its name here would send,
/// 403 for an Origin that may not ask, 415 for a request with an Origin and a body that is not JSON.
void check_origin(const AccessRules& rules, const Request& request);

/// Whether the request may do what takes the admin key: that key came with it, or no key is asked for.
bool is_admin(const AccessRules& rules, const Request& request);

/// Throws HttpError 401 without the key that the route asks for, 403 where a key is good but not for this route.
void check_key(const AccessRules& rules, const Request& request, const Route& route);

/// The fields that a browser wants to see before it shows a page an answer: empty without Origin.
Fields cors_fields(const AccessRules& rules, const Request& request);

/// The key that the request carries: Authorization: Bearer, X-Api-Key or Api-Key; empty where there is none.
std::string_view key_of(const Request& request);

}  // namespace accelerate::http
