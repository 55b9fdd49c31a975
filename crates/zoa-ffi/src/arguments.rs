//! What callers give: strings, data, ACLs, rooms for results; judged before they are used.
//!
//! Invariant: a null where the interface wants something, a negative length or bytes that are no text are `ZBADARGUMENTS`. What a
//! pointer that is not null points at is the caller's word, as everywhere in C.

use std::ffi::CStr;
use std::ffi::c_char;
use std::ffi::c_int;

use zoa_proto::AclRef;
use zoa_proto::Perms;

use crate::abi::Acl;
use crate::abi::AclVector;
use crate::codes::ZBADARGUMENTS;

/// A string that must be there and must be text.
///
/// # Safety
/// `text` is null or a string that lives through the call of the library in which this is used.
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Result<&'a str, c_int> {
    if text.is_null() {
        return Err(ZBADARGUMENTS);
    }
    // SAFETY: not null, and a string by contract.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| ZBADARGUMENTS)
}

/// A string that may be missing.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn optional_text<'a>(given: *const c_char) -> Result<Option<&'a str>, c_int> {
    if given.is_null() {
        return Ok(None);
    }
    // SAFETY: the same contract.
    unsafe { text(given) }.map(Some)
}

/// Data: null when the length is -1 or there is no pointer, which goes with lengths of 0 and -1 only.
///
/// # Safety
/// `value` is null or has `len` readable bytes that live through the call.
pub(crate) unsafe fn data<'a>(value: *const c_char, len: c_int) -> Result<Option<&'a [u8]>, c_int> {
    match usize::try_from(len) {
        Err(_) if len == -1 => Ok(None),
        Err(_) => Err(ZBADARGUMENTS),
        Ok(0) => Ok(Some(&[])),
        Ok(_) if value.is_null() => Err(ZBADARGUMENTS),
        // SAFETY: so many bytes by contract, and not null.
        Ok(len) => Ok(Some(unsafe {
            std::slice::from_raw_parts(value.cast(), len)
        })),
    }
}

/// The entries of an ACL; none for a missing one, which servers refuse.
///
/// # Safety
/// `acl` is null or a vector whose entries and strings live through the call.
pub(crate) unsafe fn acl<'a>(acl: *const AclVector) -> Result<Vec<AclRef<'a>>, c_int> {
    if acl.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: not null, and a vector by contract.
    let AclVector { count, data } = unsafe { *acl };
    let count = usize::try_from(count).map_err(|_| ZBADARGUMENTS)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    if data.is_null() {
        return Err(ZBADARGUMENTS);
    }
    // SAFETY: so many entries by contract, and not null.
    let entries = unsafe { std::slice::from_raw_parts(data, count) };
    entries
        .iter()
        .map(|entry: &Acl| {
            // SAFETY: strings by contract, or null.
            let (scheme, id) =
                unsafe { (optional_text(entry.id.scheme)?, optional_text(entry.id.id)?) };
            Ok(AclRef {
                perms: Perms::from_wire(entry.perms),
                scheme: scheme.unwrap_or_default(),
                id: id.unwrap_or_default(),
            })
        })
        .collect()
}

/// Puts a path into a caller's room, cut where it ends, with its NUL in any case.
///
/// # Safety
/// `room` is null or has `len` writable bytes.
pub(crate) unsafe fn put_path(path: &[u8], room: *mut c_char, len: c_int) {
    let Some(most) = usize::try_from(len).ok().and_then(|len| len.checked_sub(1)) else {
        return;
    };
    if room.is_null() {
        return;
    }
    let count = path.len().min(most);
    // SAFETY: `count + 1 <= len` bytes are written into a room of `len`, which no slice of ours overlaps.
    unsafe {
        std::ptr::copy_nonoverlapping(path.as_ptr().cast(), room, count);
        *room.add(count) = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::data;
    use super::put_path;
    use super::text;
    use crate::codes::ZBADARGUMENTS;
    use std::ffi::c_char;
    use std::ptr::null;

    #[test]
    fn null_negative_and_no_text_are_bad_arguments() {
        // SAFETY: nulls and literals.
        unsafe {
            assert_eq!(text(null()), Err(ZBADARGUMENTS));
            assert_eq!(text(c"\xff".as_ptr()), Err(ZBADARGUMENTS));
            assert_eq!(text(c"/a".as_ptr()), Ok("/a"));
            assert_eq!(data(null(), 3), Err(ZBADARGUMENTS));
            assert_eq!(data(c"abc".as_ptr(), -2), Err(ZBADARGUMENTS));
            assert_eq!(data(null(), -1), Ok(None));
            assert_eq!(data(null(), 0), Ok(Some(&[][..])));
            assert_eq!(data(c"abc".as_ptr(), 2), Ok(Some(&b"ab"[..])));
        }
    }

    #[test]
    fn a_path_is_cut_where_the_room_ends() {
        let mut room: [c_char; 4] = [7; 4];
        // SAFETY: the room is as long as said.
        unsafe {
            put_path(b"/abcdef", room.as_mut_ptr(), 4);
            put_path(b"/abcdef", std::ptr::null_mut(), 4);
            put_path(b"/abcdef", room.as_mut_ptr(), 0);
        }
        assert_eq!(room.map(|byte| byte as u8), *b"/ab\0");
    }
}
