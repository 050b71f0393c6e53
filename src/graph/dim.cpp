#include "graph/dim.h"

#include <fmt/format.h>

#include "ipfs_accelerate/error.h"

namespace accelerate {

/// A name (operation 'n'), or an operation on two sizes of which at least one is symbolic.
struct Dim::Expression {
  char operation;
  std::string name;
  Dim left = 0;
  Dim right = 0;
};

namespace {

std::int64_t apply(char operation, std::int64_t a, std::int64_t b) {
  switch (operation) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      if (b == 0) throw Error(ErrorKind::internal, "a size is divided by zero");
      return a / b;
    default:
      throw Error(ErrorKind::internal, fmt::format("'{}' is no operation on sizes", operation));
  }
}

}  // namespace

Dim Dim::named(std::string_view name) {
  return Dim(std::make_shared<const Expression>(Expression{.operation = 'n', .name = std::string(name)}));
}

bool Dim::is_scaled() const { return !is_static() && expression_->operation == '*' && expression_->right.is_static(); }

Dim Dim::combine(char operation, const Dim& a, const Dim& b) {
  if (a.is_static() && b.is_static()) return apply(operation, a.value_, b.value_);
  const bool neutral_right = b.is_static() && b.value_ == (operation == '*' || operation == '/' ? 1 : 0);
  if (neutral_right) return a;
  const bool neutral_left = a.is_static() && ((operation == '+' && a.value_ == 0) || (operation == '*' && a.value_ == 1));
  if (neutral_left) return b;
  if (operation == '*') {
    // Numbers are gathered on the right, so that products agree however they came about.
    if (a.is_static()) return combine('*', b, a);
    if (a.is_scaled() && b.is_static()) return combine('*', a.expression_->left, a.expression_->right.value_ * b.value_);
    if (a.is_scaled()) return combine('*', combine('*', a.expression_->left, b), a.expression_->right);
    if (b.is_scaled()) return combine('*', combine('*', a, b.expression_->left), b.expression_->right);
  }
  // (x + 1) - 1 is x again, so that shapes that went there and back still agree.
  const bool shift = b.is_static() && (operation == '+' || operation == '-');
  if (shift && (a.expression_->operation == '+' || a.expression_->operation == '-') && a.expression_->right.is_static()) {
    const std::int64_t inner = a.expression_->operation == '+' ? a.expression_->right.value_ : -a.expression_->right.value_;
    const std::int64_t outer = operation == '+' ? b.value_ : -b.value_;
    return inner + outer < 0 ? combine('-', a.expression_->left, -(inner + outer)) : combine('+', a.expression_->left, inner + outer);
  }
  return Dim(std::make_shared<const Expression>(Expression{.operation = operation, .name = {}, .left = a, .right = b}));
}

std::int64_t Dim::value() const {
  if (!is_static()) throw Error(ErrorKind::internal, fmt::format("size '{}' has no value before the graph runs", text()));
  return value_;
}

std::int64_t Dim::evaluate(const SizeMap& sizes) const {
  if (is_static()) return value_;
  if (expression_->operation != 'n')
    return apply(expression_->operation, expression_->left.evaluate(sizes), expression_->right.evaluate(sizes));
  const auto found = sizes.find(expression_->name);
  if (found == sizes.end()) throw Error(ErrorKind::internal, fmt::format("size '{}' is not known in this call", expression_->name));
  return found->second;
}

std::optional<NamedSize> Dim::as_named() const {
  if (is_static()) return std::nullopt;
  const auto& [operation, name, left, right] = *expression_;
  if (operation == 'n') return NamedSize{name};
  const bool shifts_name =
      (operation == '+' || operation == '-') && !left.is_static() && left.expression_->operation == 'n' && right.is_static();
  if (!shifts_name) return std::nullopt;
  return NamedSize{left.expression_->name, operation == '+' ? right.value_ : -right.value_};
}

void Dim::add_names(std::set<std::string, std::less<>>& names) const {
  if (is_static()) return;
  if (expression_->operation == 'n') {
    names.insert(expression_->name);
    return;
  }
  expression_->left.add_names(names);
  expression_->right.add_names(names);
}

std::string Dim::text() const {
  if (is_static()) return std::to_string(value_);
  if (expression_->operation == 'n') return expression_->name;
  return fmt::format("({} {} {})", expression_->left.text(), expression_->operation, expression_->right.text());
}

Dim operator+(const Dim& a, const Dim& b) { return Dim::combine('+', a, b); }
Dim operator-(const Dim& a, const Dim& b) { return Dim::combine('-', a, b); }
Dim operator*(const Dim& a, const Dim& b) { return Dim::combine('*', a, b); }
Dim operator/(const Dim& a, const Dim& b) { return Dim::combine('/', a, b); }

bool operator==(const Dim& a, const Dim& b) {
  if (a.is_static() || b.is_static()) return a.is_static() && b.is_static() && a.value_ == b.value_;
  return a.expression_ == b.expression_ || a.text() == b.text();
}

std::string text_of(const Shape& shape) {
  std::string text = "[";
  for (const Dim& dim : shape) text += (text.size() > 1 ? ", " : "") + dim.text();
  return text + "]";
}

Dim element_count(const Shape& shape) {
  Dim count = 1;
  for (const Dim& dim : shape) count = count * dim;
  return count;
}

std::vector<std::int64_t> evaluate(const Shape& shape, const SizeMap& sizes) {
  std::vector<std::int64_t> result;
  result.reserve(shape.size());
  for (const Dim& dim : shape) result.push_back(dim.evaluate(sizes));
  return result;
}

}  // namespace accelerate
