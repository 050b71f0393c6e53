#include "server/http/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace accelerate::http {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

std::vector<std::string_view> parts_of(std::string_view pattern) {
  std::vector<std::string_view> parts;
  pattern.remove_prefix(1);
  while (!pattern.empty()) {
    const std::size_t slash = pattern.find('/');
    parts.push_back(pattern.substr(0, slash));
    pattern = slash == std::string_view::npos ? std::string_view() : pattern.substr(slash + 1);
  }
  return parts;
}

/// What the segments give for the pattern's parameters; nothing where they do not fit.
std::optional<Parameters> parameters_of(std::string_view pattern, const std::vector<std::string>& segments) {
  Parameters parameters;
  const std::vector<std::string_view> parts = parts_of(pattern);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string_view part = parts[i];
    if (i >= segments.size()) return std::nullopt;
    if (!part.starts_with('{')) {
      if (part != segments[i]) return std::nullopt;
      continue;
    }
    const std::size_t brace = part.find('}');
    std::string_view name = part.substr(1, brace - 1);
    const std::string_view suffix = part.substr(brace + 1);
    std::string value = segments[i];
    const bool takes_rest = name.ends_with("...");
    if (takes_rest) {
      name.remove_suffix(3);
      for (std::size_t rest = i + 1; rest < segments.size(); ++rest) value += "/" + segments[rest];
    }
    if (!value.ends_with(suffix) || value.size() == suffix.size()) return std::nullopt;
    value.resize(value.size() - suffix.size());
    parameters.emplace_back(name, std::move(value));
    if (takes_rest) return parameters;
  }
  if (segments.size() != parts.size()) return std::nullopt;
  return parameters;
}

}  // namespace

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  for (const Route& route : routes_) {
    const auto same = [&](const Route& other) { return other.method == route.method && other.pattern == route.pattern; };
    if (std::ranges::count_if(routes_, same) > 1) throw std::logic_error(fmt::format("two routes are {} {}", route.method, route.pattern));
  }
}

Match Router::match(std::string_view method, const Target& target) const {
  Match best;
  for (const Route& route : routes_) {
    std::optional<Parameters> parameters = parameters_of(route.pattern, target.segments);
    if (!parameters) continue;
    const bool answers = route.method == method || (method == "HEAD" && route.method == "GET");
    if (answers) {
      // Fewer parameters say more; a suffix behind one, more still.
      const auto vague = [](const Route& of) { return std::ranges::count(of.pattern, '{') * 2 - std::ranges::count(of.pattern, ':'); };
      if (best.route == nullptr || vague(route) < vague(*best.route)) {
        best.route = &route;
        best.parameters = std::move(*parameters);
      }
    }
    if (best.allowed.find(route.method) == std::string::npos)
      best.allowed += (best.allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  return best;
}

}  // namespace accelerate::http
