//! The C ABI of `tokenizers_ffi.h`, which documents each function: here are only the conversions between C and Rust.

use crate::boundary::{self, guard, items, CString, CText, Message};
use crate::tokenizer::{EncodeOptions, Encodings, Input, TextTokenizer, Truncation};
use tokenizers::tokenizer::pre_tokenizer::OffsetType;
use tokenizers::{TruncationDirection, TruncationStrategy};

#[repr(C)]
pub struct CInput {
    first: CText,
    second: CText,
}

#[repr(C)]
pub struct COptions {
    add_special_tokens: bool,
    character_offsets: bool,
    truncate_left: bool,
    strategy: i32,
    max_length: usize,
    first_number: usize,
}

#[repr(C)]
pub struct CEncodings {
    inputs: usize,
    begins: *const usize,
    truncated: *const u8,
    ids: *const u32,
    type_ids: *const u32,
    special: *const u8,
    sequences: *const i8,
    offset_begins: *const usize,
    offset_ends: *const usize,
    owner: *mut Encodings,
}

impl COptions {
    fn to_options(&self) -> Result<EncodeOptions, String> {
        let strategy = match self.strategy {
            0 => TruncationStrategy::LongestFirst,
            1 => TruncationStrategy::OnlyFirst,
            2 => TruncationStrategy::OnlySecond,
            other => return Err(format!("truncation strategy {other} is none of 0, 1 and 2")),
        };
        let direction = if self.truncate_left { TruncationDirection::Left } else { TruncationDirection::Right };
        let truncation = (self.max_length != usize::MAX).then_some(Truncation { max_length: self.max_length, strategy, direction });
        Ok(EncodeOptions {
            add_special_tokens: self.add_special_tokens,
            offsets: if self.character_offsets { OffsetType::Char } else { OffsetType::Byte },
            truncation,
            first_number: self.first_number,
        })
    }
}

impl CEncodings {
    fn of(encodings: Encodings) -> Self {
        let owner = Box::new(encodings);
        CEncodings {
            inputs: owner.truncated.len(),
            begins: owner.begins.as_ptr(),
            truncated: owner.truncated.as_ptr(),
            ids: owner.ids.as_ptr(),
            type_ids: owner.type_ids.as_ptr(),
            special: owner.special.as_ptr(),
            sequences: owner.sequences.as_ptr(),
            offset_begins: owner.offset_begins.as_ptr(),
            offset_ends: owner.offset_ends.as_ptr(),
            owner: Box::into_raw(owner),
        }
    }
}

/// # Safety
/// As the header says: every pointer is valid for its size, and `tokenizer` can be written to.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_ffi_open(
    json: CText,
    added_tokens: CText,
    subwords: CText,
    tokenizer: *mut *mut TextTokenizer,
) -> Message {
    guard(|| {
        let opened = TextTokenizer::open(json.bytes(), added_tokens.bytes(), subwords.bytes())?;
        *tokenizer = Box::into_raw(Box::new(opened));
        Ok(())
    })
}

/// # Safety
/// `tokenizer` came from `tokenizers_ffi_open` and is not used afterwards; null is allowed.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_ffi_free(tokenizer: *mut TextTokenizer) {
    if !tokenizer.is_null() {
        boundary::release(|| drop(Box::from_raw(tokenizer)));
    }
}

/// # Safety
/// As the header says: `inputs` holds `count` inputs of valid texts, and `encodings` can be written to.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_ffi_encode(
    tokenizer: *const TextTokenizer,
    inputs: *const CInput,
    count: usize,
    options: *const COptions,
    encodings: *mut CEncodings,
) -> Message {
    guard(|| {
        let inputs = items(inputs, count)
            .iter()
            .map(|input| Input { first: input.first.bytes(), second: (!input.second.is_null()).then(|| input.second.bytes()) });
        *encodings = CEncodings::of((*tokenizer).encode(inputs, &(*options).to_options()?)?);
        Ok(())
    })
}

/// # Safety
/// `encodings` was filled by `tokenizers_ffi_encode` and is freed once.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_ffi_free_encodings(encodings: *mut CEncodings) {
    if !(*encodings).owner.is_null() {
        boundary::release(|| drop(Box::from_raw((*encodings).owner)));
        (*encodings).owner = std::ptr::null_mut();
    }
}

/// # Safety
/// As the header says: `ids` holds `count` ids, and `text` can be written to.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_ffi_decode(
    tokenizer: *const TextTokenizer,
    ids: *const u32,
    count: usize,
    skip_special_tokens: bool,
    text: *mut CString,
) -> Message {
    guard(|| {
        *text = CString::of((*tokenizer).decode(items(ids, count), skip_special_tokens)?);
        Ok(())
    })
}

/// # Safety
/// As the header says: `token` can be written to.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_ffi_token(tokenizer: *const TextTokenizer, id: u32, token: *mut CString) -> Message {
    guard(|| {
        *token = CString::of((*tokenizer).token(id)?);
        Ok(())
    })
}

/// # Safety
/// As the header says: `token` is a valid text, and `id` can be written to.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_ffi_id(tokenizer: *const TextTokenizer, token: CText, id: *mut i64) -> Message {
    guard(|| {
        *id = (*tokenizer).id(token.bytes()).map_or(-1, i64::from);
        Ok(())
    })
}

/// # Safety
/// As the header says: `size` can be written to.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_ffi_vocabulary_size(tokenizer: *const TextTokenizer, size: *mut usize) -> Message {
    guard(|| {
        *size = (*tokenizer).vocabulary_size();
        Ok(())
    })
}
