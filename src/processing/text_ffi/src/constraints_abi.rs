//! The C ABI of `constraints_ffi.h`, which documents each function.

use crate::boundary::{self, guard, items, CText, Message};
use crate::constraint::{Constraint, ConstraintVocabulary, Grammar};
use crate::tokenizer::TextTokenizer;

/// # Safety
/// As the header says: `tokenizer` is open, `end_tokens` holds `count` ids, and `vocabulary` and `size` can be written to.
#[no_mangle]
pub unsafe extern "C" fn constraints_ffi_open(
    tokenizer: *const TextTokenizer,
    end_tokens: *const u32,
    count: usize,
    vocabulary: *mut *mut ConstraintVocabulary,
    size: *mut usize,
) -> Message {
    guard(|| {
        let opened = ConstraintVocabulary::new((*tokenizer).token_bytes(), items(end_tokens, count))?;
        *size = opened.size();
        *vocabulary = Box::into_raw(Box::new(opened));
        Ok(())
    })
}

/// # Safety
/// `vocabulary` came from `constraints_ffi_open` and is not used afterwards; null is allowed.
#[no_mangle]
pub unsafe extern "C" fn constraints_ffi_close(vocabulary: *mut ConstraintVocabulary) {
    if !vocabulary.is_null() {
        boundary::release(|| drop(Box::from_raw(vocabulary)));
    }
}

/// # Safety
/// As the header says: `vocabulary` is open, `grammar` is a valid text, and `constraint` can be written to.
#[no_mangle]
pub unsafe extern "C" fn constraints_ffi_compile(
    vocabulary: *const ConstraintVocabulary,
    language: i32,
    grammar: CText,
    constraint: *mut *mut Constraint,
) -> Message {
    guard(|| {
        let text = grammar.text()?;
        let grammar = match language {
            0 => Grammar::JsonSchema(text),
            1 => Grammar::Regex(text),
            2 => Grammar::Lark(text),
            other => return Err(format!("grammar language {other} is none of 0, 1 and 2")),
        };
        let compiled = (*vocabulary).compile(&grammar)?;
        *constraint = Box::into_raw(Box::new(compiled));
        Ok(())
    })
}

/// # Safety
/// `constraint` came from this library and is not used afterwards; null is allowed.
#[no_mangle]
pub unsafe extern "C" fn constraints_ffi_free(constraint: *mut Constraint) {
    if !constraint.is_null() {
        boundary::release(|| drop(Box::from_raw(constraint)));
    }
}

/// # Safety
/// As the header says: `copy` can be written to.
#[no_mangle]
pub unsafe extern "C" fn constraints_ffi_copy(constraint: *const Constraint, copy: *mut *mut Constraint) -> Message {
    guard(|| {
        *copy = Box::into_raw(Box::new((*constraint).copy()));
        Ok(())
    })
}

/// # Safety
/// As the header says: `bits` holds `words` words.
#[no_mangle]
pub unsafe extern "C" fn constraints_ffi_mask(constraint: *mut Constraint, bits: *mut u32, words: usize) -> Message {
    guard(|| (*constraint).mask(if words == 0 { &mut [] } else { std::slice::from_raw_parts_mut(bits, words) }))
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn constraints_ffi_accept(constraint: *mut Constraint, token: u32) -> Message {
    guard(|| (*constraint).accept(token))
}

/// # Safety
/// As the header says: `complete` can be written to.
#[no_mangle]
pub unsafe extern "C" fn constraints_ffi_is_complete(constraint: *mut Constraint, complete: *mut bool) -> Message {
    guard(|| {
        *complete = (*constraint).is_complete()?;
        Ok(())
    })
}
