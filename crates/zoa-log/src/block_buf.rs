//! A growable buffer whose first byte lies on a block boundary in memory.
//!
//! What it is: the only thing that [`crate::DiskFile::overwrite_durable`] takes,
//! so that a misaligned direct write does not compile. What it is not: a pool.
//! Invariant: `as_blocks()` starts at an address divisible by
//! [`BLOCK_LEN`], and its length is divisible by it
//! too. Direct I/O (`O_DIRECT`) demands both of the buffer.

use crate::limits::BLOCK_LEN;

/// Bytes on a block boundary, filled from the front.
#[derive(Debug)]
pub struct BlockBuf {
    /// Longer than the capacity by one block; the aligned part begins at `start`.
    storage: Vec<u8>,
    start: usize,
    len: usize,
}

impl BlockBuf {
    /// An empty buffer with room for `capacity` bytes, rounded up to whole blocks.
    pub fn with_capacity(capacity: usize) -> Self {
        let capacity = capacity.next_multiple_of(BLOCK_LEN).max(BLOCK_LEN);
        let storage = vec![0_u8; capacity + BLOCK_LEN];
        let start = storage.as_ptr().align_offset(BLOCK_LEN);
        assert!(
            start < BLOCK_LEN,
            "an aligned start lies within the first block"
        );
        Self {
            storage,
            start,
            len: 0,
        }
    }

    /// `blocks` blocks of zeros.
    pub fn zeros(blocks: usize) -> Self {
        let mut buf = Self::with_capacity(blocks * BLOCK_LEN);
        buf.len = blocks * BLOCK_LEN;
        buf
    }

    /// Forgets the bytes, keeps the room.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Adds `bytes` behind what is there; grows by doubling.
    pub fn push(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        let from = self.start + self.len;
        self.storage
            .get_mut(from..from + bytes.len())
            .expect("reserve made room for these bytes")
            .copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Fills the last block up with zeros.
    pub fn pad_to_block(&mut self) {
        let padded = self.len.next_multiple_of(BLOCK_LEN);
        let (from, to) = (self.start + self.len, self.start + padded);
        self.storage
            .get_mut(from..to)
            .expect("the capacity is a whole number of blocks")
            .fill(0);
        self.len = padded;
    }

    /// Bytes in the buffer.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no byte is in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes it can hold without growing.
    pub fn capacity(&self) -> usize {
        self.storage.len() - BLOCK_LEN
    }

    /// All bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.storage
            .get(self.start..self.start + self.len)
            .expect("len never passes the capacity")
    }

    /// All bytes, to be changed.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        self.storage
            .get_mut(self.start..self.start + self.len)
            .expect("len never passes the capacity")
    }

    /// All bytes, checked to be whole blocks: what a direct write takes.
    pub fn as_blocks(&self) -> &[u8] {
        let blocks = self.as_slice();
        assert!(
            blocks.len().is_multiple_of(BLOCK_LEN),
            "padded to whole blocks before it is written"
        );
        assert!(
            blocks.as_ptr().align_offset(BLOCK_LEN) == 0,
            "the start is kept on a block boundary"
        );
        blocks
    }

    fn reserve(&mut self, additional: usize) {
        let needed = self.len + additional;
        if needed <= self.capacity() {
            return;
        }
        let mut grown = Self::with_capacity(needed.max(self.capacity() * 2));
        grown.push(self.as_slice());
        *self = grown;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_aligned_and_whole_while_it_grows() {
        let mut buf = BlockBuf::with_capacity(1);
        let mut expected = Vec::new();
        for round in 0..200_usize {
            let piece = vec![u8::try_from(round).expect("below 256"); round * 7 % 5000];
            buf.push(&piece);
            expected.extend_from_slice(&piece);
            assert_eq!(buf.as_slice(), expected, "round {round}");
        }
        buf.pad_to_block();
        expected.resize(expected.len().next_multiple_of(BLOCK_LEN), 0);
        assert_eq!(buf.as_blocks(), expected);
    }

    #[test]
    fn padding_is_zero_though_the_room_was_used_before() {
        let mut buf = BlockBuf::with_capacity(BLOCK_LEN);
        buf.push(&[0xff; BLOCK_LEN]);
        buf.clear();
        buf.push(b"x");
        buf.pad_to_block();
        assert!(buf.as_blocks().iter().skip(1).all(|&byte| byte == 0));
    }
}
