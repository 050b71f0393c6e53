#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "generation/settings.h"
#include "processing/tokenizer.h"

struct constraints_ffi_vocabulary;
struct constraints_ffi_constraint;

namespace accelerate {

/// What one text must look like, as far as it has come. Belongs to one thread at a time; a beam search copies it with the beam.
class Constraint {
 public:
  Constraint(const Constraint& other);
  Constraint& operator=(const Constraint& other);
  Constraint(Constraint&&) noexcept;
  Constraint& operator=(Constraint&&) noexcept;
  ~Constraint();

  /// The tokens that may come next, as process_logits takes them; valid until the next call. End tokens are among them where
  /// the text may end. Throws unsupported when the grammar needs more steps for it than are allowed.
  std::span<const std::uint32_t> allowed();

  /// Goes on with `token`. Throws invalid_argument when it is not allowed.
  void accept(std::int64_t token);

  /// Whether the text may end here.
  bool is_complete();

 private:
  friend class ConstraintVocabulary;
  struct Free {
    void operator()(constraints_ffi_constraint* constraint) const;
  };
  using Handle = std::unique_ptr<constraints_ffi_constraint, Free>;
  Constraint(Handle handle, std::size_t words) : handle_(std::move(handle)), bits_(words) {}

  Handle handle_;
  std::vector<std::uint32_t> bits_;
};

/// The tokens of a tokenizer, prepared for constraints, which takes a while: once a model. Threads may share one.
class ConstraintVocabulary {
 public:
  /// `end_tokens` end a text; at least one. Throws invalid_argument for tokens that the tokenizer lacks.
  ConstraintVocabulary(const Tokenizer& tokenizer, std::span<const std::int64_t> end_tokens);
  ConstraintVocabulary(ConstraintVocabulary&&) noexcept;
  ConstraintVocabulary& operator=(ConstraintVocabulary&&) noexcept;
  ~ConstraintVocabulary();

  /// The constraint at the beginning of a text. Throws invalid_argument, saying what is wrong, for a schema, an expression or
  /// a grammar that is not well formed or asks for what is not supported.
  Constraint compile(const Grammar& grammar) const;

 private:
  struct Close {
    void operator()(constraints_ffi_vocabulary* vocabulary) const;
  };

  std::unique_ptr<constraints_ffi_vocabulary, Close> handle_;
  std::size_t tokens_ = 0;
};

}  // namespace accelerate
