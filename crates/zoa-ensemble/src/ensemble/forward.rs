//! Where this server's writes go: into the own log, over one stream to the leader, or into a queue until somebody leads.
//!
//! ```text
//!   Idle --first write taken--> Own { term } | Stream { term, link }
//!    ^                                |
//!    +---- Unknown, queue dropped ----+   the term is over, the link is gone, or the leader refused
//!    +---- nothing is lost -----------+   the leadership was given away, and the new leader has all of it (`handover.rs`)
//! ```
//!
//! Invariant: as long as a course holds, every write given on it stands in one order in one log, or none behind the first that was lost
//! is in it. When it ends, everything given or queued is unknown, and that is said before anything newer goes out (G-03).

use std::collections::VecDeque;

use bytes::Bytes;
use zoa_raft::LogPosition;

use crate::event::LinkId;
use crate::limits::FORWARD_COUNT_MAX;
use crate::limits::FORWARD_LEN_MAX;
use crate::limits::WAITING_LEN_MAX;
use crate::limits::WAITING_MAX;
use crate::message::Forward;
use crate::message::StreamPlace;

/// What the writes that may be unanswered have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Course {
    /// None was given to anybody.
    #[default]
    Idle,
    /// They were proposed here.
    Own {
        /// When this server led.
        term: u64,
    },
    /// They were sent to the leader.
    Stream {
        /// On this link.
        link: LinkId,
        /// What comes next; its term is that of the leader.
        next: StreamPlace,
    },
}

/// Transactions in order, with their length.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    proposals: VecDeque<Bytes>,
    len: usize,
}

/// More waits than may.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Full;

impl Course {
    /// The term that it belongs to.
    pub(super) fn term(self) -> Option<u64> {
        match self {
            Self::Idle => None,
            Self::Own { term } => Some(term),
            Self::Stream { next, .. } => Some(next.term),
        }
    }
}

impl Waiting {
    /// Puts these behind the others. One alone may always wait.
    pub(super) fn push(&mut self, proposals: Vec<Bytes>) -> Result<(), Full> {
        for proposal in proposals {
            let is_first = self.proposals.is_empty();
            self.len += proposal.len();
            self.proposals.push_back(proposal);
            let too_much = self.proposals.len() > WAITING_MAX || self.len > WAITING_LEN_MAX;
            if too_much && !is_first {
                return Err(Full);
            }
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.proposals.is_empty()
    }

    /// How many there are, and their bytes.
    pub(super) fn held(&self) -> (usize, usize) {
        (self.proposals.len(), self.len)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// All of them.
    pub(super) fn take(&mut self) -> Vec<Bytes> {
        std::mem::take(self).proposals.into()
    }

    /// As many as one frame carries; at least one, if there is one.
    fn take_frame(&mut self) -> Vec<Bytes> {
        let mut len = 0;
        let mut count = 0;
        for proposal in &self.proposals {
            if count == FORWARD_COUNT_MAX || (count > 0 && len + proposal.len() > FORWARD_LEN_MAX) {
                break;
            }
            len += proposal.len();
            count += 1;
        }
        self.len -= len;
        self.proposals.drain(..count).collect()
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Forwarder {
    pub(super) course: Course,
    pub(super) waiting: Waiting,
    /// The leader of this term is about to give its leadership away: nothing more is given to it.
    pub(super) closing: Option<u64>,
    /// All that was given on the course of this term stands in its leader's log, which ends here.
    pub(super) succession: Option<LogPosition>,
    /// The tick at which the course was found to be over.
    pub(super) over_since: Option<u64>,
    streams: u64,
}

impl Forwarder {
    /// Whether a write may be unanswered, or waits.
    pub(super) fn has_unknown(&self) -> bool {
        self.course != Course::Idle || !self.waiting.is_empty()
    }

    /// The course is over: what was given or queued is unknown from here on.
    pub(super) fn give_up(&mut self) {
        self.end_course();
        self.waiting.clear();
    }

    /// The leadership was not given away after all. What was said of the end of the log is not true any more.
    pub(super) fn reopen(&mut self) {
        self.closing = None;
        self.succession = None;
    }

    /// Nothing that was given is in doubt any more.
    pub(super) fn end_course(&mut self) {
        self.course = Course::Idle;
        self.succession = None;
        self.over_since = None;
    }

    /// Frames with all that waits, for the leader of `term` on `link`.
    pub(super) fn take_frames(&mut self, term: u64, link: LinkId) -> Vec<Forward> {
        let mut frames = Vec::new();
        while !self.waiting.is_empty() {
            let place = self.next_place(term, link);
            let proposals = self.waiting.take_frame();
            frames.push(Forward { place, proposals });
        }
        frames
    }

    fn next_place(&mut self, term: u64, link: LinkId) -> StreamPlace {
        let place = match self.course {
            Course::Stream { next, .. } => next,
            Course::Idle | Course::Own { .. } => {
                self.streams += 1;
                StreamPlace {
                    term,
                    stream: self.streams,
                    seq: 0,
                }
            }
        };
        let next = StreamPlace {
            seq: place.seq + 1,
            ..place
        };
        self.course = Course::Stream { link, next };
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(lens: &[usize]) -> Waiting {
        let mut waiting = Waiting::default();
        let proposals = lens.iter().map(|len| Bytes::from(vec![1; *len])).collect();
        assert_eq!(waiting.push(proposals), Ok(()));
        waiting
    }

    #[test]
    fn no_more_than_waiting_max_and_waiting_len_max_wait_but_one_alone_may() {
        let mut many = waiting(&vec![1; WAITING_MAX]);
        assert_eq!(many.push(vec![Bytes::from_static(b"x")]), Err(Full));
        let mut long = waiting(&[WAITING_LEN_MAX + 1]);
        assert_eq!(long.push(vec![Bytes::from_static(b"x")]), Err(Full));
    }

    #[test]
    fn a_frame_holds_forward_len_max_and_forward_count_max_but_one_alone_goes() {
        let frames = |lens: &[usize]| -> Vec<usize> {
            let mut forwarder = Forwarder {
                waiting: waiting(lens),
                ..Forwarder::default()
            };
            let frames = forwarder.take_frames(3, LinkId(1));
            frames.iter().map(|frame| frame.proposals.len()).collect()
        };
        let (half, whole) = (FORWARD_LEN_MAX / 2, FORWARD_LEN_MAX);
        assert_eq!(frames(&[half, half, 1]), [2, 1]);
        assert_eq!(frames(&[whole + 1, 1, whole]), [1, 1, 1]);
        assert_eq!(
            frames(&vec![1; FORWARD_COUNT_MAX + 1]),
            [FORWARD_COUNT_MAX, 1]
        );
    }

    #[test]
    fn frames_of_a_course_are_numbered_and_a_new_course_is_a_new_stream() {
        let mut forwarder = Forwarder::default();
        let send = |forwarder: &mut Forwarder, term| {
            forwarder.waiting = waiting(&[1]);
            let frames = forwarder.take_frames(term, LinkId(1));
            let place = frames.first().map(|frame| frame.place);
            place.map(|place| (place.term, place.stream, place.seq))
        };
        assert_eq!(send(&mut forwarder, 3), Some((3, 1, 0)));
        assert_eq!(send(&mut forwarder, 3), Some((3, 1, 1)));
        forwarder.give_up();
        assert!(!forwarder.has_unknown());
        assert_eq!(send(&mut forwarder, 4), Some((4, 2, 0)));
    }
}
