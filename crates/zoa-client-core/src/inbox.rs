//! Bytes from the socket, until they are whole frames.
//!
//! ```text
//! buf  | consumed | start .. end: received | spare: offered for reading |
//! ```
//!
//! Invariant: `start <= end <= buf.len() <= len_max`, and no length that a server merely claims makes the buffer grow: it
//! doubles as bytes arrive.

use core::ops::Range;

use zoa_proto::frame::FrameError;
use zoa_proto::frame::FrameLimits;
use zoa_proto::frame::next_frame;
use zoa_proto::limits::FRAME_PREFIX_LEN;

use crate::limits::IDLE_BUFFER_LEN_MAX;
use crate::limits::READ_LEN_MIN;

/// What the buffer starts with.
const LEN_FIRST: usize = 16 << 10;

#[derive(Debug)]
pub(crate) struct Inbox {
    buf: Vec<u8>,
    start: usize,
    end: usize,
    limits: FrameLimits,
    len_max: usize,
}

impl Inbox {
    pub(crate) fn new(frame_len_max: usize) -> Self {
        Self {
            buf: Vec::new(),
            start: 0,
            end: 0,
            limits: FrameLimits { frame_len_max },
            len_max: frame_len_max
                .saturating_add(FRAME_PREFIX_LEN)
                .max(LEN_FIRST),
        }
    }

    /// Room to read into; empty when a whole frame is waiting to be taken and there is no room for more.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            if self.buf.len() > IDLE_BUFFER_LEN_MAX {
                self.buf = Vec::new();
            }
        }
        if self.buf.len() - self.end < READ_LEN_MIN {
            self.buf.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buf.len() - self.end < READ_LEN_MIN {
            let len = (self.buf.len() * 2).clamp(LEN_FIRST, self.len_max);
            self.buf.resize(len, 0);
        }
        self.buf.get_mut(self.end..).unwrap_or_default()
    }

    /// So many bytes were read into the room offered.
    pub(crate) fn advance(&mut self, len: usize) {
        let end = self.end.saturating_add(len);
        assert!(
            end <= self.buf.len(),
            "no more is read than room was offered for"
        );
        self.end = end;
    }

    /// Takes the next whole frame; its bytes stay in place until room is asked for again.
    pub(crate) fn take_frame(&mut self) -> Result<Option<Range<usize>>, FrameError> {
        let received = self.buf.get(self.start..self.end).unwrap_or_default();
        let Some((_, consumed)) = next_frame(received, self.limits)? else {
            return Ok(None);
        };
        let start = self.start;
        self.start += consumed;
        Ok(Some(start + FRAME_PREFIX_LEN..self.start))
    }

    /// The bytes of a frame that was taken.
    pub(crate) fn bytes(&self, frame: Range<usize>) -> &[u8] {
        self.buf.get(frame).unwrap_or_default()
    }

    /// Forgets what was received.
    pub(crate) fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Inbox;
    use super::LEN_FIRST;
    use crate::limits::IDLE_BUFFER_LEN_MAX;
    use crate::limits::READ_LEN_MIN;
    use zoa_proto::frame::FrameError;

    fn feed(inbox: &mut Inbox, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let spare = inbox.spare();
            let len = spare.len().min(bytes.len());
            spare[..len].copy_from_slice(&bytes[..len]);
            inbox.advance(len);
            bytes = &bytes[len..];
        }
    }

    fn frame(body: &[u8]) -> Vec<u8> {
        let len = i32::try_from(body.len()).expect("a short body");
        [&len.to_be_bytes(), body].concat()
    }

    fn take(inbox: &mut Inbox) -> Option<Vec<u8>> {
        let range = inbox.take_frame().expect("a good frame")?;
        Some(inbox.bytes(range).to_vec())
    }

    #[test]
    fn frames_come_out_whole_however_they_come_in() {
        let mut inbox = Inbox::new(1000);
        for byte in frame(b"one") {
            assert_eq!(take(&mut inbox), None);
            feed(&mut inbox, &[byte]);
        }
        feed(&mut inbox, &[frame(b""), frame(b"three")].concat());
        assert_eq!(take(&mut inbox).as_deref(), Some(&b"one"[..]));
        assert_eq!(take(&mut inbox).as_deref(), Some(&b""[..]));
        assert_eq!(take(&mut inbox).as_deref(), Some(&b"three"[..]));
        assert_eq!(take(&mut inbox), None);
    }

    #[test]
    fn room_is_offered_until_a_frame_of_the_greatest_length_is_there() {
        let len_max = 5 * LEN_FIRST;
        let mut inbox = Inbox::new(len_max);
        assert!(inbox.spare().len() >= READ_LEN_MIN);
        feed(&mut inbox, &frame(&vec![7; len_max]));
        assert_eq!(inbox.spare().len(), 0, "the frame must be taken first");
        assert_eq!(take(&mut inbox).map(|body| body.len()), Some(len_max));
        assert!(inbox.spare().len() >= READ_LEN_MIN);
    }

    #[test]
    fn a_long_frame_is_refused_by_its_length_alone_and_reserves_nothing() {
        let mut inbox = Inbox::new(IDLE_BUFFER_LEN_MAX * 4);
        feed(&mut inbox, &i32::MAX.to_be_bytes());
        assert!(matches!(
            inbox.take_frame(),
            Err(FrameError::TooLong { .. })
        ));
        inbox.clear();
        feed(&mut inbox, &frame(&vec![0; IDLE_BUFFER_LEN_MAX])[..100]);
        assert_eq!(take(&mut inbox), None);
        assert_eq!(inbox.buf.len(), LEN_FIRST);
    }

    #[test]
    fn a_big_buffer_is_given_back_when_it_is_empty() {
        let mut inbox = Inbox::new(IDLE_BUFFER_LEN_MAX * 4);
        feed(&mut inbox, &frame(&vec![0; IDLE_BUFFER_LEN_MAX * 2]));
        assert!(take(&mut inbox).is_some());
        inbox.spare();
        assert_eq!(inbox.buf.len(), LEN_FIRST);
    }
}
