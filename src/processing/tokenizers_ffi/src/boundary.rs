//! What every call across the C boundary needs: panics and errors turned into messages, pointers into slices.

use std::any::Any;
use std::ffi::{c_char, CString};
use std::panic::{catch_unwind, set_hook, AssertUnwindSafe};
use std::sync::Once;

/// Null for success, else a message that the caller frees with `tokenizers_ffi_free_message`.
pub type Message = *mut c_char;

/// Runs `body` and turns its error, or its panic, into a message.
pub fn guard(body: impl FnOnce() -> Result<(), String>) -> Message {
    match caught(body) {
        Ok(Ok(())) => std::ptr::null_mut(),
        Ok(Err(text)) => message(text),
        Err(panic) => message(format!("the tokenizers crate failed: {}", text_of(panic.as_ref()))),
    }
}

/// Runs a destructor; a panic in it ends here.
pub fn release(body: impl FnOnce()) {
    // There is nobody to tell: the memory of a value whose destructor panicked is lost.
    let _ = caught(body);
}

/// The bytes at `data`; none when `size` is 0, whatever `data` is.
pub unsafe fn bytes<'a>(data: *const u8, size: usize) -> &'a [u8] {
    items(data, size)
}

/// The `count` items at `data`; none when `count` is 0, whatever `data` is.
pub unsafe fn items<'a, T>(data: *const T, count: usize) -> &'a [T] {
    if count == 0 {
        &[]
    } else {
        std::slice::from_raw_parts(data, count)
    }
}

fn caught<T>(body: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    static QUIET: Once = Once::new();
    // The default hook prints to stderr, which a library must not; the message reaches the caller instead.
    QUIET.call_once(|| set_hook(Box::new(|_| {})));
    catch_unwind(AssertUnwindSafe(body))
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let borrowed = panic.downcast_ref::<&str>().copied();
    borrowed.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("panic without a message")
}

fn message(text: String) -> Message {
    let one_line = text.replace(['\0', '\n', '\r'], " ");
    CString::new(one_line).map_or(std::ptr::null_mut(), CString::into_raw)
}
