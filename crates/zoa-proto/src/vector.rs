//! Vectors of a message: validated once when decoded, then walked where they lie.
//!
//! They are not collections: nothing is copied out of the frame, and there is no random access.
//!
//! Invariant: the bytes of a [`Vector`] hold exactly `len` items that decode without error, so
//! walking it cannot fail.

use std::fmt;
use std::marker::PhantomData;

use crate::decode_error::DecodeError;
use crate::jute::Reader;
use crate::jute::Writer;

/// What a vector holds: how to read and write one item.
pub trait VectorItem {
    /// One item, borrowed from the frame.
    type Item<'a>: fmt::Debug;

    /// The fewest bytes an item takes; bounds the count that a vector may claim.
    const LEN_MIN: usize;

    /// Reads one item.
    fn decode<'a>(reader: &mut Reader<'a>) -> Result<Self::Item<'a>, DecodeError>;

    /// Passes over one item; fails exactly when reading it would.
    fn skip(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        Self::decode(reader).map(drop)
    }

    /// Writes one item.
    fn encode(item: &Self::Item<'_>, writer: &mut Writer<'_>);
}

/// A vector in a frame.
pub struct Vector<'a, K> {
    len: usize,
    bytes: &'a [u8],
    kind: PhantomData<fn() -> K>,
}

impl<'a, K: VectorItem> Vector<'a, K> {
    /// A vector without items.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            len: 0,
            bytes: &[],
            kind: PhantomData,
        }
    }

    /// Encodes items into `scratch`, which is emptied first, and borrows the vector from there:
    /// the way to make one to send.
    ///
    /// ```
    /// use zoa_proto::PathList;
    /// let mut scratch = Vec::new();
    /// let paths = PathList::collect_into(["/a", "/b"], &mut scratch);
    /// assert_eq!(paths.iter().collect::<Vec<_>>(), ["/a", "/b"]);
    /// ```
    pub fn collect_into<'i>(
        items: impl IntoIterator<Item = K::Item<'i>>,
        scratch: &'a mut Vec<u8>,
    ) -> Self {
        scratch.clear();
        let mut len = 0;
        let mut writer = Writer::new(scratch);
        for item in items {
            K::encode(&item, &mut writer);
            len += 1;
        }
        Self {
            len,
            bytes: scratch,
            kind: PhantomData,
        }
    }

    /// Reads a vector and walks it once to see that all of it is there.
    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let len = reader.count(K::LEN_MIN)?;
        let start = reader.rest();
        for _ in 0..len {
            K::skip(reader)?;
        }
        let bytes_len = start.len() - reader.remaining();
        let bytes = start.get(..bytes_len).unwrap_or_default();
        Ok(Self {
            len,
            bytes,
            kind: PhantomData,
        })
    }

    /// Reads items until `item`, which reads one, says false: there is an end in their place,
    /// which is then read too but is not part of the vector.
    pub(crate) fn decode_until_end(
        reader: &mut Reader<'a>,
        mut item: impl FnMut(&mut Reader<'a>) -> Result<bool, DecodeError>,
    ) -> Result<Self, DecodeError> {
        let start = reader.rest();
        let mut len = 0;
        let mut bytes_len = 0;
        while item(reader)? {
            len += 1;
            bytes_len = start.len() - reader.remaining();
        }
        let bytes = start.get(..bytes_len).unwrap_or_default();
        Ok(Self {
            len,
            bytes,
            kind: PhantomData,
        })
    }

    /// Writes count and items.
    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        writer.count(self.len);
        writer.raw(self.bytes);
    }

    /// How many items there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The items as they are encoded, without the count.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The items in order.
    #[must_use]
    pub const fn iter(&self) -> Iter<'a, K> {
        Iter {
            left: self.len,
            reader: Reader::new(self.bytes),
            kind: PhantomData,
        }
    }
}

// By hand: a derive would ask for `K: Clone` and the like, of a type that has no values.
impl<K> Clone for Vector<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Vector<'_, K> {}

impl<K> PartialEq for Vector<'_, K> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.bytes == other.bytes
    }
}

impl<K> Eq for Vector<'_, K> {}

impl<K: VectorItem> fmt::Debug for Vector<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<K: VectorItem> Default for Vector<'_, K> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<'a, K: VectorItem> IntoIterator for Vector<'a, K> {
    type Item = K::Item<'a>;
    type IntoIter = Iter<'a, K>;

    fn into_iter(self) -> Iter<'a, K> {
        self.iter()
    }
}

impl<'a, K: VectorItem> IntoIterator for &Vector<'a, K> {
    type Item = K::Item<'a>;
    type IntoIter = Iter<'a, K>;

    fn into_iter(self) -> Iter<'a, K> {
        self.iter()
    }
}

/// Walks a vector.
#[derive(Clone, Debug)]
pub struct Iter<'a, K> {
    left: usize,
    reader: Reader<'a>,
    kind: PhantomData<fn() -> K>,
}

impl<'a, K: VectorItem> Iterator for Iter<'a, K> {
    type Item = K::Item<'a>;

    fn next(&mut self) -> Option<K::Item<'a>> {
        self.left = self.left.checked_sub(1)?;
        let item = K::decode(&mut self.reader).ok();
        debug_assert!(item.is_some(), "a vector is validated when it is made");
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K: VectorItem> ExactSizeIterator for Iter<'_, K> {}

/// Vectors of strings: paths in setWatches, names in the reply of getChildren.
#[derive(Clone, Copy, Debug)]
pub struct Ustrings;

/// Paths or names of znodes; a null one reads as the empty one.
pub type PathList<'a> = Vector<'a, Ustrings>;

impl VectorItem for Ustrings {
    type Item<'a> = &'a str;

    const LEN_MIN: usize = 4;

    fn decode<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
        reader.ustring()
    }

    fn skip(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        reader.buffer().map(drop)
    }

    fn encode(item: &&str, writer: &mut Writer<'_>) {
        writer.ustring(item);
    }
}
