#include "server/http/access.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

#include "base/json.h"

namespace accelerate::http {
namespace {

std::array<unsigned char, 32> digest_of(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

/// "[::1]:8000" as "::1", "localhost:8000" as "localhost".
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    return end == std::string_view::npos ? host : host.substr(1, end - 1);
  }
  return host.substr(0, host.find(':'));
}

bool allows_origin(const AccessRules& rules, std::string_view origin) {
  return std::ranges::any_of(rules.origins, [&](const std::string& each) { return each == "*" || same_name(each, origin); });
}

/// Whether the page that asks came from this server itself.
bool is_own_page(const Request& request, std::string_view origin) {
  const std::size_t scheme = origin.find("://");
  return scheme != std::string_view::npos && same_name(origin.substr(scheme + 3), request.fields.value("host"));
}

}  // namespace

KeyRing::KeyRing(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) digests_.push_back(digest_of(key));
}

bool KeyRing::holds(std::string_view key) const {
  const Digest digest = digest_of(key);
  bool found = false;
  for (const Digest& each : digests_) found |= CRYPTO_memcmp(each.data(), digest.data(), digest.size()) == 0;
  return found;
}

void check_origin(const AccessRules& rules, const Request& request) {
  const std::string_view host = without_port(request.fields.value("host"));
  const auto is_host = [&](const std::string& each) { return same_name(each, host); };
  if (!rules.hosts.empty() && !host.empty() && std::ranges::none_of(rules.hosts, is_host))
    throw HttpError(421, fmt::format("Host is {}, which is not a name of this server (--allowed-host)", in_quotes(host)),
                    "host_not_allowed");

  const std::string_view origin = request.fields.value("origin");
  if (origin.empty()) return;
  if (!is_own_page(request, origin) && !allows_origin(rules, origin))
    throw HttpError(403, fmt::format("Origin is {}, which may not ask here (--cors-origin)", in_quotes(origin)), "origin_not_allowed");
  const std::string_view type = request.fields.value("content-type");
  const bool may_change = request.method != "GET" && request.method != "HEAD" && request.method != "OPTIONS";
  const std::string_view kind = type.substr(0, type.find(';'));
  if (may_change && !same_name(kind.substr(0, kind.find(' ')), "application/json"))
    throw HttpError(415, fmt::format("Content-Type is {}, expected application/json from a web page", in_quotes(type)));
}

bool is_admin(const AccessRules& rules, const Request& request) {
  return (rules.keys.empty() && rules.admin_keys.empty()) || rules.admin_keys.holds(key_of(request));
}

void check_key(const AccessRules& rules, const Request& request, const Route& route) {
  if (route.access == Access::open || (rules.public_metrics && route.pattern == "/metrics")) return;
  if (is_admin(rules, request)) return;
  const std::string_view key = key_of(request);
  const bool is_user = rules.keys.holds(key);
  if (route.access == Access::key && (is_user || rules.keys.empty())) return;
  if (is_user) throw HttpError(403, "this key may not change endpoints: that takes the admin key (--admin-key)", "admin_key_required");
  if (key.empty()) throw HttpError(401, "no key: send Authorization: Bearer KEY", "invalid_api_key");
  throw HttpError(401, "the key is not one of this server's", "invalid_api_key");
}

Fields cors_fields(const AccessRules& rules, const Request& request) {
  Fields fields;
  const std::string_view origin = request.fields.value("origin");
  if (origin.empty() || !allows_origin(rules, origin)) return fields;
  fields.add("Access-Control-Allow-Origin", std::string(origin));
  fields.add("Vary", "Origin");
  fields.add("Access-Control-Expose-Headers", "X-Request-Id, Retry-After");
  if (request.method == "OPTIONS") {
    fields.add("Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE, OPTIONS");
    fields.add("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Api-Key, X-Request-Id");
    fields.add("Access-Control-Max-Age", "600");
  }
  return fields;
}

std::string_view key_of(const Request& request) {
  const std::string_view authorization = request.fields.value("authorization");
  if (authorization.size() > 7 && same_name(authorization.substr(0, 7), "bearer ")) {
    const std::string_view key = authorization.substr(7);
    return key.substr(std::min(key.find_first_not_of(' '), key.size()));
  }
  for (const std::string_view name : {"x-api-key", "api-key"})
    if (const std::string* key = request.fields.find(name)) return *key;
  return {};
}

}  // namespace accelerate::http
