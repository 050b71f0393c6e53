//! The C ABI of `templates_ffi.h`, which documents each function.

use crate::boundary::{self, guard, CString, CText, Message};
use crate::chat_template::ChatTemplate;

/// Bytes of the longest text that strftime_now gives.
const MOST_CLOCK_BYTES: usize = 256;

pub type CClock = unsafe extern "C" fn(owner: *const std::ffi::c_void, format: CText, text: *mut u8, size: usize) -> usize;

#[repr(C)]
pub struct CClockWithOwner {
    write: CClock,
    owner: *const std::ffi::c_void,
}

/// # Safety
/// As the header says: the texts are valid, and `template` can be written to.
#[no_mangle]
pub unsafe extern "C" fn templates_ffi_open(name: CText, source: CText, template: *mut *mut ChatTemplate) -> Message {
    guard(|| {
        let opened = ChatTemplate::open(name.text()?, source.text()?)?;
        *template = Box::into_raw(Box::new(opened));
        Ok(())
    })
}

/// # Safety
/// `template` came from `templates_ffi_open` and is not used afterwards; null is allowed.
#[no_mangle]
pub unsafe extern "C" fn templates_ffi_free(template: *mut ChatTemplate) {
    if !template.is_null() {
        boundary::release(|| drop(Box::from_raw(template)));
    }
}

/// # Safety
/// As the header says: `clock` outlives the call, and `text` can be written to.
#[no_mangle]
pub unsafe extern "C" fn templates_ffi_render(
    template: *const ChatTemplate,
    variables: CText,
    clock: *const CClockWithOwner,
    text: *mut CString,
) -> Message {
    guard(|| {
        *text = CString::of((*template).render(variables.text()?, write_time, clock as usize)?);
        Ok(())
    })
}

/// Asks the caller's clock; `owner` is the address of its CClockWithOwner, which outlives the rendering.
fn write_time(owner: usize, format: &str) -> Option<String> {
    let mut bytes = vec![0; MOST_CLOCK_BYTES];
    let format = CText::of(format);
    // Safe by the promise of `templates_ffi_render`: the clock is alive and writes at most as many bytes as it is told.
    let length = unsafe {
        let clock = &*(owner as *const CClockWithOwner);
        (clock.write)(clock.owner, format, bytes.as_mut_ptr(), bytes.len())
    };
    bytes.truncate(length.min(MOST_CLOCK_BYTES));
    (length > 0).then(|| String::from_utf8(bytes).ok())?
}
