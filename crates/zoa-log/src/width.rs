//! Conversions between the widths of numbers, named so that `as` is not needed.
//!
//! What it is not: range checks of outside input; that is done where it is read.

/// A length in memory as a length in a file.
pub(crate) fn u64_of(len: usize) -> u64 {
    u64::try_from(len).expect("a usize is at most 64 bits wide on every supported target")
}

/// A length in a file as a length in memory.
pub(crate) fn usize_of(len: u64) -> usize {
    usize::try_from(len).expect("lengths are bounded by limits.rs or by a buffer in memory")
}

/// A length or a count that a format stores in 32 bits.
pub(crate) fn u32_of(len: usize) -> u32 {
    u32::try_from(len).expect("lengths stored in 32 bits are bounded by limits.rs")
}
