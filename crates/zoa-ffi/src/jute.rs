//! Memory that goes over to the caller, or comes from there: strings, buffers, vectors and records of jute.
//!
//! All of it is malloc's, so that a program may free it by `deallocate_*` or by hand. Invariant: what is freed is set to null, so that
//! freeing twice through the same record does no harm.

pub mod records;

use std::ffi::c_char;

use zoa_proto::AclList;
use zoa_proto::PathList;

use crate::abi::Acl;
use crate::abi::AclVector;
use crate::abi::Buffer;
use crate::abi::CVector;
use crate::abi::Id;
use crate::abi::Stat;
use crate::abi::StringVector;

/// What holds memory of malloc's.
pub(crate) trait Release {
    /// Frees it.
    ///
    /// # Safety
    /// Every pointer inside is null or from malloc, and nobody else's.
    unsafe fn release(&mut self);
}

impl Release for i32 {
    unsafe fn release(&mut self) {}
}

impl Release for i64 {
    unsafe fn release(&mut self) {}
}

impl Release for Stat {
    unsafe fn release(&mut self) {}
}

impl Release for *mut c_char {
    unsafe fn release(&mut self) {
        // SAFETY: null or from malloc, by contract.
        unsafe { libc::free(self.cast()) };
        *self = std::ptr::null_mut();
    }
}

impl Release for Buffer {
    unsafe fn release(&mut self) {
        // SAFETY: the same contract.
        unsafe { self.buff.release() };
        self.len = 0;
    }
}

impl Release for Id {
    unsafe fn release(&mut self) {
        // SAFETY: the same contract.
        unsafe {
            self.scheme.release();
            self.id.release();
        }
    }
}

impl Release for Acl {
    unsafe fn release(&mut self) {
        // SAFETY: the same contract.
        unsafe { self.id.release() };
    }
}

impl<T: Release> Release for CVector<T> {
    unsafe fn release(&mut self) {
        let count = usize::try_from(self.count).unwrap_or(0);
        if !self.data.is_null() {
            for at in 0..count {
                // SAFETY: `count` items stand there, by contract.
                unsafe { (*self.data.add(at)).release() };
            }
            // SAFETY: from malloc, by contract.
            unsafe { libc::free(self.data.cast()) };
        }
        self.count = 0;
        self.data = std::ptr::null_mut();
    }
}

/// Room for `count` items, all zeroes; without memory, or for a count that is none, an empty vector.
///
/// # Safety
/// `vector` is null or one vector, whose old items are nobody's.
pub(crate) unsafe fn allocate<T>(vector: *mut CVector<T>, count: i32) -> i32 {
    if vector.is_null() {
        return 0;
    }
    let items = usize::try_from(count).unwrap_or(0);
    let data: *mut T = if items == 0 {
        std::ptr::null_mut()
    } else {
        // SAFETY: calloc takes any sizes and gives null when there is no such memory.
        unsafe { libc::calloc(items, size_of::<T>()) }.cast()
    };
    let count = if data.is_null() { 0 } else { count };
    // SAFETY: not null, so one vector by contract.
    unsafe { vector.write(CVector { count, data }) };
    0
}

/// A copy of a text with its NUL; null without memory.
pub(crate) fn copy_text(text: impl AsRef<[u8]>) -> *mut c_char {
    let text = text.as_ref();
    // SAFETY: malloc takes any size; what is written is as long as what was asked for.
    unsafe {
        let copy: *mut c_char = libc::malloc(text.len() + 1).cast();
        if !copy.is_null() {
            std::ptr::copy_nonoverlapping(text.as_ptr().cast(), copy, text.len());
            *copy.add(text.len()) = 0;
        }
        copy
    }
}

/// A vector of the caller's with so many items.
pub(crate) fn vector_of<T>(count: usize, items: impl Iterator<Item = T>) -> CVector<T> {
    let mut vector: CVector<T> = CVector {
        count: 0,
        data: std::ptr::null_mut(),
    };
    // SAFETY: a vector of ours, without items.
    unsafe { allocate(&raw mut vector, i32::try_from(count).unwrap_or(0)) };
    let room = usize::try_from(vector.count).unwrap_or(0);
    for (at, item) in items.enumerate().take(room) {
        // SAFETY: `at` is below the count that was allocated.
        unsafe { vector.data.add(at).write(item) };
    }
    vector
}

/// Names, for the caller to keep.
pub(crate) fn strings_from(names: &PathList<'_>) -> StringVector {
    vector_of(names.len(), names.iter().map(copy_text))
}

/// An ACL, for the caller to keep.
pub(crate) fn acl_from(acl: &AclList<'_>) -> AclVector {
    let entries = acl.iter().map(|entry| Acl {
        perms: entry.perms.to_wire(),
        id: Id {
            scheme: copy_text(entry.scheme),
            id: copy_text(entry.id),
        },
    });
    vector_of(acl.len(), entries)
}

/// Turns a number into the order of the wire, or back.
#[unsafe(no_mangle)]
pub const extern "C" fn zoo_htonll(number: i64) -> i64 {
    number.to_be()
}

#[cfg(test)]
mod tests {
    use super::records::allocate_String_vector;
    use super::records::deallocate_String_vector;
    use super::strings_from;
    use super::zoo_htonll;
    use crate::abi::StringVector;
    use std::ffi::CStr;
    use std::ptr::null_mut;
    use zoa_proto::PathList;

    #[test]
    fn a_vector_can_be_made_filled_and_freed_twice() {
        let mut bytes = Vec::new();
        let names = PathList::collect_into(["a", "", "long"], &mut bytes);
        let mut vector = strings_from(&names);
        assert_eq!(vector.count, 3);
        // SAFETY: three strings of ours.
        let last = unsafe { CStr::from_ptr(*vector.data.add(2)) };
        assert_eq!(last, c"long");
        // SAFETY: made above, and empty the second time.
        unsafe {
            assert_eq!(deallocate_String_vector(&raw mut vector), 0);
            assert_eq!(deallocate_String_vector(&raw mut vector), 0);
            assert_eq!(deallocate_String_vector(null_mut()), 0);
        }
        assert!(vector.data.is_null());
    }

    #[test]
    fn counts_that_are_none_give_an_empty_vector() {
        for count in [0, -1, i32::MIN] {
            let mut vector = StringVector {
                count: 7,
                data: null_mut(),
            };
            // SAFETY: a vector of ours.
            unsafe { allocate_String_vector(&raw mut vector, count) };
            assert_eq!((vector.count, vector.data), (0, null_mut()));
        }
    }

    #[test]
    fn numbers_turn_round() {
        assert_eq!(zoo_htonll(zoo_htonll(0x0102_0304)), 0x0102_0304);
    }
}
