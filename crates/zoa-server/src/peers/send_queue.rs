//! What waits to be sent to one peer: frames in order, a bound in bytes, and as much as there is in one write.
//!
//! What it is not: a socket. Invariant: the bytes of a frame are shared and never copied; once a frame was begun it is either sent whole
//! or the connection ends.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

use super::framing;
use super::framing::HEAD_LEN;
use crate::limits::PEER_SLICES_PER_WRITE;

/// The queue is full: the peer does not take what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// See the module.
#[derive(Debug)]
pub(super) struct SendQueue {
    frames: VecDeque<Framed>,
    /// Bytes that wait, heads included.
    len: usize,
    len_max: usize,
    /// Bytes of the first frame that were written already.
    written: usize,
}

#[derive(Debug)]
struct Framed {
    head: [u8; HEAD_LEN],
    frame: Bytes,
}

impl Framed {
    fn len(&self) -> usize {
        HEAD_LEN + self.frame.len()
    }
}

impl SendQueue {
    pub(super) fn new(len_max: usize) -> Self {
        Self {
            frames: VecDeque::new(),
            len: 0,
            len_max,
            written: 0,
        }
    }

    /// Puts a frame behind the others. An empty queue takes any one.
    pub(super) fn push(&mut self, frame: Bytes) -> Result<(), Full> {
        let framed = Framed {
            head: framing::head(&frame),
            frame,
        };
        if self.len > 0 && self.len + framed.len() > self.len_max {
            return Err(Full);
        }
        self.len += framed.len();
        self.frames.push_back(framed);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// What waits, in slices for one write; as much as one write takes.
    pub(super) fn slices(&self) -> Vec<IoSlice<'_>> {
        let mut slices = Vec::with_capacity(PEER_SLICES_PER_WRITE.min(2 * self.frames.len()));
        let mut skip = self.written;
        let pieces = self
            .frames
            .iter()
            .flat_map(|framed| [framed.head.as_slice(), &framed.frame]);
        for piece in pieces {
            if slices.len() == PEER_SLICES_PER_WRITE {
                break;
            }
            let rest = piece.get(skip..).unwrap_or_default();
            skip = skip.saturating_sub(piece.len());
            if !rest.is_empty() {
                slices.push(IoSlice::new(rest));
            }
        }
        slices
    }

    /// So many bytes of the slices were written.
    pub(super) fn advance(&mut self, len: usize) {
        self.written += len;
        self.len -= len;
        while let Some(first) = self.frames.front()
            && self.written >= first.len()
        {
            self.written -= first.len();
            self.frames.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::PEER_QUEUE_LEN_MAX;

    #[test]
    fn all_of_it_is_sent_in_order_whatever_a_write_takes() {
        for step in 1..40 {
            let mut queue = SendQueue::new(1_000);
            let mut expected = Vec::new();
            for frame in [&b"first"[..], b"2", b"the third one"] {
                queue
                    .push(Bytes::from_static(frame))
                    .expect("there is room");
                expected.extend_from_slice(&framing::head(frame));
                expected.extend_from_slice(frame);
            }
            let mut sent = Vec::new();
            while !queue.is_empty() {
                let waiting: Vec<u8> = queue.slices().iter().flat_map(|it| it.to_vec()).collect();
                assert_eq!(waiting.len(), queue.len);
                let now = &waiting[..step.min(waiting.len())];
                sent.extend_from_slice(now);
                queue.advance(now.len());
            }
            assert_eq!(sent, expected, "in steps of {step}");
            assert_eq!(queue.len, 0);
        }
    }

    #[test]
    fn no_more_than_peer_queue_len_max_waits_but_one_frame_always_may() {
        let mut queue = SendQueue::new(PEER_QUEUE_LEN_MAX);
        let frame = |len| Bytes::from(vec![0; len]);
        assert_eq!(queue.push(frame(PEER_QUEUE_LEN_MAX + 1)), Ok(()));
        assert_eq!(queue.push(frame(1)), Err(Full));
        queue.advance(queue.len);
        assert_eq!(
            queue.push(frame(PEER_QUEUE_LEN_MAX - 2 * HEAD_LEN - 1)),
            Ok(())
        );
        assert_eq!(queue.push(frame(1)), Ok(()));
        assert_eq!(queue.push(frame(1)), Err(Full));
    }

    #[test]
    fn one_write_takes_no_more_than_peer_slices_per_write() {
        let mut queue = SendQueue::new(1_000_000);
        for _ in 0..PEER_SLICES_PER_WRITE {
            queue.push(Bytes::from_static(b"x")).expect("there is room");
        }
        assert_eq!(queue.slices().len(), PEER_SLICES_PER_WRITE);
    }
}
