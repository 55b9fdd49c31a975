//! Frames between servers: a length, a checksum, then the bytes that `zoa-ensemble` understands (`docs/formats/peer.md`).
//!
//! What it is not: a judge of what a frame says. Invariant: a length is checked before a byte behind it is kept, memory grows with
//! what has arrived and not with what was announced, and no byte of a frame is given on before its checksum is right (G-16). A frame
//! that is given on holds memory of its own length or little more, since what it carries may be kept for long.

use bytes::Buf;
use bytes::Bytes;
use bytes::BytesMut;

use crate::limits::PEER_COPY_LEN_MAX;
use crate::limits::PEER_READ_LEN;

/// Bytes before the frame itself: its length and its checksum, both big-endian.
pub(super) const HEAD_LEN: usize = 8;

/// Why a stream of frames cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameFault {
    /// The length is 0 or above what is allowed here.
    #[error("a frame of {len} bytes, where 1 to {len_max} are allowed")]
    Length {
        /// What was announced.
        len: usize,
        /// What is allowed.
        len_max: usize,
    },
    /// The bytes are not those that were sent.
    #[error("a frame whose checksum does not fit its bytes")]
    Checksum,
}

/// What stands before `frame` on the wire.
pub(super) fn head(frame: &[u8]) -> [u8; HEAD_LEN] {
    let len = u32::try_from(frame.len()).expect("frames are far shorter than 4 GiB");
    let mut head = [0; HEAD_LEN];
    let (first, second) = head.split_at_mut(4);
    first.copy_from_slice(&len.to_be_bytes());
    second.copy_from_slice(&crc32c::crc32c(frame).to_be_bytes());
    head
}

/// Takes bytes as they come and gives whole frames.
#[derive(Debug)]
pub(super) struct FrameReader {
    bytes: BytesMut,
    len_max: usize,
}

impl FrameReader {
    pub(super) fn new(len_max: usize) -> Self {
        Self {
            bytes: BytesMut::new(),
            len_max,
        }
    }

    /// From now on frames may be so long: the other side has said who it is.
    pub(super) fn allow(&mut self, len_max: usize) {
        self.len_max = len_max;
    }

    /// Where the next bytes go; there is room for some.
    pub(super) fn room(&mut self) -> &mut BytesMut {
        // A long frame is read in steps that double, so that only bytes that came take memory.
        let step = self.bytes.len().clamp(PEER_READ_LEN, PEER_READ_LEN * 64);
        if self.bytes.capacity() - self.bytes.len() < PEER_READ_LEN / 4 {
            self.bytes.reserve(step);
        }
        &mut self.bytes
    }

    /// The next whole frame, if it has arrived.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, FrameFault> {
        let mut head: &[u8] = &self.bytes;
        let (Ok(len), Ok(crc)) = (head.try_get_u32(), head.try_get_u32()) else {
            return self.check_short_head().map(|()| None);
        };
        let len = self.check_len(len)?;
        if head.len() < len {
            return Ok(None);
        }
        self.bytes.advance(HEAD_LEN);
        let frame = self.take(len);
        if crc32c::crc32c(&frame) == crc {
            Ok(Some(frame))
        } else {
            Err(FrameFault::Checksum)
        }
    }

    /// The next bytes. A short frame is copied out of the buffer: a slice would keep all of it. What follows a long one, if little, goes
    /// to a buffer of its own, since it would keep the one that has grown for that frame.
    fn take(&mut self, len: usize) -> Bytes {
        if len <= PEER_COPY_LEN_MAX {
            let frame = Bytes::copy_from_slice(self.bytes.get(..len).unwrap_or_default());
            self.bytes.advance(len);
            return frame;
        }
        let frame = self.bytes.split_to(len).freeze();
        if len > PEER_READ_LEN && self.bytes.len() <= len / 4 {
            self.bytes = BytesMut::from(&self.bytes[..]);
        }
        frame
    }

    /// A length that came without its checksum is judged as well: nothing waits for the rest of it.
    fn check_short_head(&self) -> Result<(), FrameFault> {
        let mut head: &[u8] = &self.bytes;
        match head.try_get_u32() {
            Ok(len) => self.check_len(len).map(drop),
            Err(_) => Ok(()),
        }
    }

    fn check_len(&self, len: u32) -> Result<usize, FrameFault> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len == 0 || len > self.len_max {
            return Err(FrameFault::Length {
                len,
                len_max: self.len_max,
            });
        }
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use bytes::BufMut;

    use super::*;
    use zoa_ensemble::limits::FRAME_LEN_MAX;

    fn wire(frame: &[u8]) -> Vec<u8> {
        let mut bytes = head(frame).to_vec();
        bytes.extend_from_slice(frame);
        bytes
    }

    #[test]
    fn frames_come_out_whole_however_the_bytes_come_in() {
        let sent: Vec<u8> = [&b"one"[..], b"t", b"three"]
            .iter()
            .flat_map(|it| wire(it))
            .collect();
        for step in 1..=sent.len() {
            let mut reader = FrameReader::new(5);
            let mut found = Vec::new();
            for piece in sent.chunks(step) {
                reader.room().put_slice(piece);
                while let Some(frame) = reader.next().expect("all of it is well formed") {
                    found.push(frame);
                }
            }
            assert_eq!(found, [&b"one"[..], b"t", b"three"], "in steps of {step}");
        }
    }

    #[test]
    fn a_frame_above_frame_len_max_is_refused_by_its_length_alone() {
        let length = |len: usize| {
            let mut reader = FrameReader::new(FRAME_LEN_MAX);
            reader.room().put_u32(u32::try_from(len).expect("it fits"));
            reader.next()
        };
        assert_eq!(length(FRAME_LEN_MAX), Ok(None));
        for len in [0, FRAME_LEN_MAX + 1] {
            let len_max = FRAME_LEN_MAX;
            assert_eq!(length(len), Err(FrameFault::Length { len, len_max }));
        }
    }

    #[test]
    fn memory_grows_with_what_came_by_peer_read_len_and_not_with_what_was_announced() {
        let mut reader = FrameReader::new(FRAME_LEN_MAX);
        reader
            .room()
            .put_u32(u32::try_from(FRAME_LEN_MAX).expect("it fits"));
        reader.room().put_slice(&[0; 100]);
        assert_eq!(reader.next(), Ok(None));
        assert!(reader.room().capacity() <= 2 * PEER_READ_LEN);
    }

    /// The frames come as a busy socket gives them: as much as there is room for.
    fn read_all(sent: &[u8]) -> Vec<Bytes> {
        let mut reader = FrameReader::new(FRAME_LEN_MAX);
        let (mut rest, mut found) = (sent, Vec::new());
        while !rest.is_empty() {
            let room = reader.room();
            let len = rest.len().min(room.capacity() - room.len());
            let (now, later) = rest.split_at(len);
            room.put_slice(now);
            rest = later;
            while let Some(frame) = reader.next().expect("all of it is well formed") {
                found.push(frame);
            }
        }
        found
    }

    /// The bytes of memory that a frame keeps, when it is the only one that is kept.
    fn held(frames: Vec<Bytes>, kept: usize) -> usize {
        let kept = frames.into_iter().nth(kept).expect("it came");
        let whole = kept.try_into_mut().expect("nothing else holds it");
        whole.capacity()
    }

    #[test]
    fn a_frame_up_to_peer_copy_len_max_keeps_no_more_memory_than_its_own() {
        for len in [1, 100, PEER_COPY_LEN_MAX] {
            let sent: Vec<u8> = std::iter::repeat_with(|| wire(&vec![7; len]))
                .take(100)
                .flatten()
                .collect();
            assert_eq!(held(read_all(&sent), 10), len);
        }
    }

    #[test]
    fn a_long_frame_leaves_none_of_its_memory_to_those_behind_it() {
        let (long, next) = (vec![7; 8 << 20], vec![8; PEER_COPY_LEN_MAX + 1]);
        let sent = [wire(&long), wire(&next), wire(&next)].concat();
        assert!(held(read_all(&sent), 1) <= 4 * PEER_READ_LEN);
    }

    #[test]
    fn a_changed_bit_anywhere_is_found() {
        let sent = wire(b"some frame");
        for bit in 0..sent.len() * 8 {
            let mut changed = sent.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let mut reader = FrameReader::new(10);
            reader.room().put_slice(&changed);
            let found = reader.next();
            // A shorter length is found by the checksum, a longer one by the limit.
            assert!(found.is_err(), "bit {bit}: {found:?}");
        }
    }
}
