//! What every call across the C boundary needs: panics and errors turned into messages, pointers into slices.

use std::any::Any;
use std::ffi::c_char;
use std::panic::{catch_unwind, set_hook, AssertUnwindSafe};
use std::sync::Once;

/// Null for success, else a message that the caller frees with `text_ffi_free_message`.
pub type Message = *mut c_char;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct CText {
    data: *const u8,
    size: usize,
}

#[repr(C)]
pub struct CString {
    data: *mut u8,
    size: usize,
}

impl CText {
    /// A view of `text`, which must outlive it.
    pub fn of(text: &str) -> Self {
        CText { data: text.as_ptr(), size: text.len() }
    }

    pub unsafe fn bytes(&self) -> &[u8] {
        items(self.data, self.size)
    }

    pub unsafe fn text(&self) -> Result<&str, String> {
        utf8(self.bytes())
    }

    pub fn is_null(&self) -> bool {
        self.data.is_null()
    }
}

impl CString {
    pub fn of(text: String) -> Self {
        let boxed = text.into_bytes().into_boxed_slice();
        let size = boxed.len();
        CString { data: Box::into_raw(boxed) as *mut u8, size }
    }
}

pub fn utf8(text: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(text).map_err(|error| format!("not UTF-8 at byte {}", error.valid_up_to()))
}

/// Runs `body` and turns its error, or its panic, into a message.
pub fn guard(body: impl FnOnce() -> Result<(), String>) -> Message {
    match caught(body) {
        Ok(Ok(())) => std::ptr::null_mut(),
        Ok(Err(text)) => message(text),
        Err(panic) => message(format!("the text library failed: {}", text_of(panic.as_ref()))),
    }
}

/// Runs a destructor; a panic in it ends here.
pub fn release(body: impl FnOnce()) {
    // There is nobody to tell: the memory of a value whose destructor panicked is lost.
    let _ = caught(body);
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
    let one_line = text.replace(char::is_control, " ");  // whatever it quotes
    std::ffi::CString::new(one_line).map_or(std::ptr::null_mut(), std::ffi::CString::into_raw)
}

/// # Safety
/// `text` was filled by this library and is freed once.
#[no_mangle]
pub unsafe extern "C" fn text_ffi_free_string(text: *mut CString) {
    if !(*text).data.is_null() {
        drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut((*text).data, (*text).size)));
        (*text).data = std::ptr::null_mut();
    }
}

/// # Safety
/// `message` was returned by this library and is freed once; null is allowed.
#[no_mangle]
pub unsafe extern "C" fn text_ffi_free_message(message: *mut c_char) {
    if !message.is_null() {
        drop(std::ffi::CString::from_raw(message));
    }
}
