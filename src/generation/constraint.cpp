#include "generation/constraint.h"

#include <fmt/format.h>

#include <limits>
#include <string_view>

#include "processing/text_ffi/calls.h"
#include "processing/text_ffi/constraints_ffi.h"

namespace accelerate {
namespace {

constexpr std::size_t bits_of_a_word = 32;

std::uint32_t foreign(std::int64_t token) {
  if (token >= 0 && token <= std::numeric_limits<std::uint32_t>::max()) return static_cast<std::uint32_t>(token);
  throw Error(ErrorKind::invalid_argument, fmt::format("token id {} is not one of a vocabulary", token));
}

std::string_view name_of(GrammarLanguage language) {
  constexpr std::string_view names[] = {"json_schema", "regex", "grammar"};
  return names[static_cast<std::size_t>(language)];
}

static_assert(static_cast<int>(GrammarLanguage::json_schema) == constraints_ffi_json_schema);
static_assert(static_cast<int>(GrammarLanguage::regex) == constraints_ffi_regex);
static_assert(static_cast<int>(GrammarLanguage::lark) == constraints_ffi_lark);

}  // namespace

void Constraint::Free::operator()(constraints_ffi_constraint* constraint) const { constraints_ffi_free(constraint); }

Constraint::Constraint(const Constraint& other) : bits_(other.bits_) {
  constraints_ffi_constraint* copy = nullptr;
  expect_success(constraints_ffi_copy(other.handle_.get(), &copy), ErrorKind::internal);
  handle_.reset(copy);
}

Constraint& Constraint::operator=(const Constraint& other) { return *this = Constraint(other); }

Constraint::Constraint(Constraint&&) noexcept = default;
Constraint& Constraint::operator=(Constraint&&) noexcept = default;
Constraint::~Constraint() = default;

std::span<const std::uint32_t> Constraint::allowed() {
  expect_success(constraints_ffi_mask(handle_.get(), bits_.data(), bits_.size()), ErrorKind::unsupported, "grammar: ");
  return bits_;
}

void Constraint::accept(std::int64_t token) {
  expect_success(constraints_ffi_accept(handle_.get(), foreign(token)), ErrorKind::invalid_argument, "grammar: ");
}

bool Constraint::is_complete() {
  bool complete = false;
  expect_success(constraints_ffi_is_complete(handle_.get(), &complete), ErrorKind::unsupported, "grammar: ");
  return complete;
}

void ConstraintVocabulary::Close::operator()(constraints_ffi_vocabulary* vocabulary) const { constraints_ffi_close(vocabulary); }

ConstraintVocabulary::ConstraintVocabulary(const Tokenizer& tokenizer, std::span<const std::int64_t> end_tokens) {
  std::vector<std::uint32_t> ends;
  for (const std::int64_t token : end_tokens) ends.push_back(foreign(token));
  constraints_ffi_vocabulary* opened = nullptr;
  expect_success(constraints_ffi_open(tokenizer.handle_.get(), ends.data(), ends.size(), &opened, &tokens_), ErrorKind::invalid_argument,
                 "grammar: ");
  handle_.reset(opened);
}

ConstraintVocabulary::ConstraintVocabulary(ConstraintVocabulary&&) noexcept = default;
ConstraintVocabulary& ConstraintVocabulary::operator=(ConstraintVocabulary&&) noexcept = default;
ConstraintVocabulary::~ConstraintVocabulary() = default;

Constraint ConstraintVocabulary::compile(const Grammar& grammar) const {
  constraints_ffi_constraint* compiled = nullptr;
  expect_success(constraints_ffi_compile(handle_.get(), static_cast<std::int32_t>(grammar.language), view_of(grammar.text), &compiled),
                 ErrorKind::invalid_argument, fmt::format("{}: ", name_of(grammar.language)));
  return {Constraint::Handle(compiled), (tokens_ + bits_of_a_word - 1) / bits_of_a_word};
}

}  // namespace accelerate
