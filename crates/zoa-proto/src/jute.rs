//! Jute, the encoding under every record: big-endian integers, length-prefixed strings and
//! buffers, counted vectors, fields one after another without tags.
//!
//! ```text
//! int  4 bytes    long 8 bytes    boolean 1 byte, not 0 = true
//! ustring, buffer   >i len, bytes     len -1 = null
//! vector            >i count, items   count -1 = null
//! ```
//!
//! It knows no message: those are in `request`, `reply` and beside them.
//!
//! Invariant: [`Reader`] checks what is left before it takes anything, hands out borrowed slices
//! only, and allocates nothing; so a hostile length costs nothing.

// Lengths cross between i32 and usize here and nowhere else.
#![allow(clippy::as_conversions)]

use crate::decode_error::DecodeError;
use crate::vector::Vector;
use crate::vector::VectorItem;

/// What a string that is not UTF-8 is read as: U+FFFD alone.
///
/// The reference puts U+FFFD in place of each bad byte. No znode can have it in its path, so
/// reading such a string gives "no such znode" and creating one gives "bad arguments", as there;
/// and nothing has to be allocated.
pub const INVALID_USTRING: &str = "\u{FFFD}";

/// A cursor over the bytes of one message.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first of these bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes not yet read.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes are not yet read.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Takes the next `len` bytes.
    #[inline]
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            return Err(DecodeError::Truncated {
                missing: len - self.rest.len(),
            });
        };
        self.rest = rest;
        Ok(taken)
    }

    /// Takes the next `N` bytes as an array.
    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(DecodeError::Truncated {
                missing: N - self.rest.len(),
            });
        };
        self.rest = rest;
        Ok(*taken)
    }

    /// Reads a 4-byte integer.
    #[inline]
    pub fn int(&mut self) -> Result<i32, DecodeError> {
        self.array().map(i32::from_be_bytes)
    }

    /// Reads an 8-byte integer.
    #[inline]
    pub fn long(&mut self) -> Result<i64, DecodeError> {
        self.array().map(i64::from_be_bytes)
    }

    /// Reads a boolean: any byte but 0 is true.
    #[inline]
    pub fn boolean(&mut self) -> Result<bool, DecodeError> {
        let [byte] = self.array()?;
        Ok(byte != 0)
    }

    /// Reads a buffer; null and empty are different values.
    #[inline]
    pub fn buffer(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        let len = self.int()?;
        match usize::try_from(len) {
            Ok(len) => self.take(len).map(Some),
            Err(_) if len == -1 => Ok(None),
            Err(_) => Err(DecodeError::NegativeLength(len)),
        }
    }

    /// Reads a string where null means something; bad UTF-8 becomes [`INVALID_USTRING`].
    #[inline]
    pub fn ustring_or_null(&mut self) -> Result<Option<&'a str>, DecodeError> {
        let bytes = self.buffer()?;
        Ok(bytes.map(|bytes| std::str::from_utf8(bytes).unwrap_or(INVALID_USTRING)))
    }

    /// Reads a string, null as the empty one; bad UTF-8 becomes [`INVALID_USTRING`].
    #[inline]
    pub fn ustring(&mut self) -> Result<&'a str, DecodeError> {
        Ok(self.ustring_or_null()?.unwrap_or(""))
    }

    /// Reads a string that must not be null, such as the path of a request: the reference fails on
    /// it with MARSHALLINGERROR.
    #[inline]
    pub fn ustring_not_null(&mut self) -> Result<&'a str, DecodeError> {
        self.ustring_or_null()?.ok_or(DecodeError::NullString)
    }

    /// Reads the count of a vector whose items take at least `item_len_min` bytes each; null
    /// counts as empty. A count that the bytes left cannot hold is refused, so whoever reserves
    /// by it reserves no more than the frame.
    pub fn count(&mut self, item_len_min: usize) -> Result<usize, DecodeError> {
        let wire = self.int()?;
        let count = match usize::try_from(wire) {
            Ok(count) => count,
            Err(_) if wire == -1 => 0,
            Err(_) => return Err(DecodeError::NegativeCount(wire)),
        };
        let remaining = self.remaining();
        if count.saturating_mul(item_len_min) > remaining {
            return Err(DecodeError::CountBeyondFrame { count, remaining });
        }
        Ok(count)
    }

    /// Reads and validates a vector; its items are then walked in place.
    pub fn vector<K: VectorItem>(&mut self) -> Result<Vector<'a, K>, DecodeError> {
        Vector::decode(self)
    }
}

/// Appends records to a buffer; it never fails.
///
/// A string or vector beyond 2^31 - 1 cannot be told on the wire. Its length is then written
/// as the largest one, and since its bytes follow, the frame is too long as well: the framing
/// functions notice and refuse it.
#[derive(Debug)]
pub struct Writer<'b> {
    buf: &'b mut Vec<u8>,
}

impl<'b> Writer<'b> {
    /// Appends after what the buffer already holds.
    pub const fn new(buf: &'b mut Vec<u8>) -> Self {
        Self { buf }
    }

    /// Writes a 4-byte integer.
    #[inline]
    pub fn int(&mut self, value: i32) {
        self.buf.extend_from_slice(&value.to_be_bytes());
    }

    /// Writes an 8-byte integer.
    #[inline]
    pub fn long(&mut self, value: i64) {
        self.buf.extend_from_slice(&value.to_be_bytes());
    }

    /// Writes a boolean as 0 or 1.
    #[inline]
    pub fn boolean(&mut self, value: bool) {
        self.buf.push(u8::from(value));
    }

    /// Writes a buffer; `None` is null, which is not the empty one.
    #[inline]
    pub fn buffer(&mut self, value: Option<&[u8]>) {
        match value {
            None => self.int(-1),
            Some(bytes) => {
                self.count(bytes.len());
                self.raw(bytes);
            }
        }
    }

    /// Writes a string.
    #[inline]
    pub fn ustring(&mut self, value: &str) {
        self.buffer(Some(value.as_bytes()));
    }

    /// Writes a string that may be null.
    #[inline]
    pub fn ustring_or_null(&mut self, value: Option<&str>) {
        self.buffer(value.map(str::as_bytes));
    }

    /// Writes the count in front of a vector's items, or a length.
    #[inline]
    pub fn count(&mut self, count: usize) {
        self.int(i32::try_from(count).unwrap_or(i32::MAX));
    }

    /// Writes a vector.
    pub fn vector<K: VectorItem>(&mut self, vector: &Vector<'_, K>) {
        vector.encode(self);
    }

    /// Writes bytes that are encoded already.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }
}
