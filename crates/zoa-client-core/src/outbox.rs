//! Bytes for the socket, and how far the socket has taken them.
//!
//! Offsets count from the start of the connection, so that it can be said of each request whether all of it has left: what has
//! not, cannot have been applied.
//!
//! Invariant: `transmitted + waiting bytes == queued`.

use zoa_proto::frame::FrameError;

use crate::limits::IDLE_BUFFER_LEN_MAX;

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    buf: Vec<u8>,
    start: usize,
    transmitted: u64,
}

impl Outbox {
    /// The offset behind the last byte queued.
    pub(crate) fn queued(&self) -> u64 {
        self.transmitted + offset(self.len())
    }

    /// The offset behind the last byte that the socket took.
    pub(crate) const fn transmitted(&self) -> u64 {
        self.transmitted
    }

    /// Bytes that wait.
    pub(crate) const fn len(&self) -> usize {
        self.buf.len() - self.start
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.buf.get(self.start..).unwrap_or_default()
    }

    /// Appends what `encode` writes.
    pub(crate) fn encode(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), FrameError>,
    ) -> Result<(), FrameError> {
        encode(&mut self.buf)
    }

    /// Appends bytes that are encoded already.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// Takes bytes back from the end.
    pub(crate) fn truncate(&mut self, queued: u64) {
        let back = usize::try_from(self.queued().saturating_sub(queued)).unwrap_or(usize::MAX);
        let len = self.buf.len().saturating_sub(back).max(self.start);
        self.buf.truncate(len);
    }

    /// The socket took so many bytes.
    pub(crate) fn advance(&mut self, len: usize) {
        assert!(len <= self.len(), "no more is written than there was");
        self.start += len;
        self.transmitted += offset(len);
        if self.start == self.buf.len() {
            self.start = 0;
            if self.buf.capacity() > IDLE_BUFFER_LEN_MAX {
                self.buf = Vec::new();
            } else {
                self.buf.clear();
            }
        } else if self.start >= IDLE_BUFFER_LEN_MAX && self.start >= self.len() {
            self.buf.drain(..self.start);
            self.start = 0;
        }
    }

    /// Starts afresh, for a new connection.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Lengths in memory fit 64 bits on every machine.
fn offset(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Outbox;
    use crate::limits::IDLE_BUFFER_LEN_MAX;

    fn append(outbox: &mut Outbox, bytes: &[u8]) {
        outbox.append(bytes);
    }

    #[test]
    fn offsets_go_on_counting_over_what_has_left() {
        let mut outbox = Outbox::default();
        append(&mut outbox, b"abcdef");
        outbox.advance(4);
        assert_eq!((outbox.transmitted(), outbox.queued()), (4, 6));
        append(&mut outbox, b"gh");
        outbox.truncate(7);
        assert_eq!(outbox.bytes(), b"efg");
        outbox.advance(3);
        assert_eq!(
            (outbox.transmitted(), outbox.queued(), outbox.len()),
            (7, 7, 0)
        );
    }

    #[test]
    fn a_big_buffer_is_given_back_and_a_long_stream_does_not_pile_up() {
        let mut outbox = Outbox::default();
        append(&mut outbox, &vec![1; IDLE_BUFFER_LEN_MAX + 1]);
        outbox.advance(IDLE_BUFFER_LEN_MAX + 1);
        assert_eq!(outbox.buf.capacity(), 0);
        append(&mut outbox, b"x");
        for _ in 0..64 {
            append(&mut outbox, &vec![1; IDLE_BUFFER_LEN_MAX / 4]);
            outbox.advance(IDLE_BUFFER_LEN_MAX / 4);
        }
        assert!(outbox.buf.len() <= 3 * IDLE_BUFFER_LEN_MAX);
        assert_eq!(outbox.len(), 1);
    }
}
