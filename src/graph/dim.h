#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace accelerate {

/// What each named size is in one call: {"tokens", 128}, {"sequences", 1}.
using SizeMap = std::map<std::string, std::int64_t, std::less<>>;

/// A named size plus a number: {"sequences", 1} for "(sequences + 1)".
struct NamedSize {
  std::string name;
  std::int64_t offset = 0;
};

/// A size of a tensor: a number, or an expression over named sizes that are known only when the graph runs.
class Dim {
 public:
  Dim(std::int64_t value) : value_(value) {}  // NOLINT(google-explicit-constructor): numbers are sizes

  /// The size named `name`.
  static Dim named(std::string_view name);

  bool is_static() const { return expression_ == nullptr; }

  /// The number; throws internal when the size is symbolic.
  std::int64_t value() const;

  /// The size in a call with these named sizes; throws internal when one is missing.
  std::int64_t evaluate(const SizeMap& sizes) const;

  /// The size as a name plus a number, which a tensor's size can be solved for; nothing when it has another form.
  std::optional<NamedSize> as_named() const;

  /// Adds the names that the size depends on.
  void add_names(std::set<std::string, std::less<>>& names) const;

  /// "384", "tokens", "(sequences + 1)".
  std::string text() const;

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  /// a / b rounded down.
  friend Dim operator/(const Dim& a, const Dim& b);
  friend bool operator==(const Dim& a, const Dim& b);

 private:
  struct Expression;
  explicit Dim(std::shared_ptr<const Expression> expression) : expression_(std::move(expression)) {}
  /// Whether this is a symbolic size times a number.
  bool is_scaled() const;
  static Dim combine(char operation, const Dim& a, const Dim& b);

  std::int64_t value_ = 0;
  std::shared_ptr<const Expression> expression_;
};

using Shape = std::vector<Dim>;

/// "[tokens, 384]".
std::string text_of(const Shape& shape);

/// Number of elements.
Dim element_count(const Shape& shape);

/// Every size as a number.
std::vector<std::int64_t> evaluate(const Shape& shape, const SizeMap& sizes);

}  // namespace accelerate
