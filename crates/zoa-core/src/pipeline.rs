//! FIFO per session, in one rule:
//!
//! **A read behind an unanswered write of the same session waits; all else overtakes freely.**
//!
//! ```text
//!   W1  R2  W3  R4 ...      W1 and W3 are proposed at once. R2 is parked and answered by the apply loop right
//!   |   |   |   |           after W1 was applied and before W3 is, so that it sees W1 and never W3.
//! ```
//!
//! Only *point* requests may be parked, those whose answer costs the apply loop O(1). Everything else (lists, re-arming,
//! authentication) stays in the connection's input until no write is unanswered, and what is behind it stays there too.
//! This file is not about the order of events: that is [`crate::deliver`]. It serves G-03 and G-05.

use std::collections::VecDeque;

use zoa_proto::OpCode;
use zoa_proto::Xid;

use crate::limits::PARKED_LEN_MAX;
use crate::limits::PARKED_READS_MAX;
use crate::limits::PENDING_PER_CONNECTION_MAX;

/// The requests of one connection that wait for an answer, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Pipeline {
    waiting: VecDeque<Waiting>,
    parked_count: usize,
    parked_len: usize,
}

/// One request that waits.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// A proposed write.
    Write(PendingWrite),
    /// A point read behind a write.
    ParkedRead(ParkedRead),
}

/// A read that is answered once the write before it has been applied.
#[derive(Debug)]
pub(crate) struct ParkedRead {
    /// The whole frame, as the client sent it.
    pub(crate) frame: Box<[u8]>,
    /// When it came in, for the latency statistics.
    pub(crate) received_ms: u64,
}

/// What is needed to answer a write once it has been applied.
#[derive(Debug)]
pub(crate) struct PendingWrite {
    pub(crate) xid: Xid,
    pub(crate) op: OpCode,
    /// When it came in, for the latency statistics.
    pub(crate) received_ms: u64,
    /// Bytes that are kept until it is answered.
    pub(crate) len: usize,
    /// `sync` answers with the path it was asked for.
    pub(crate) sync_path: Option<Box<str>>,
}

/// What becomes of a request that is not a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Answer it now.
    Now,
    /// Park it: the apply loop answers it.
    Park,
    /// Leave it in the input, and all that is behind it.
    Hold,
}

impl Pipeline {
    /// The rule of this file, for a frame of this length.
    pub(crate) fn turn_of_read(&self, op: OpCode, len: usize) -> Turn {
        let has_room =
            self.parked_count < PARKED_READS_MAX && self.parked_len + len <= PARKED_LEN_MAX;
        if self.waiting.is_empty() {
            Turn::Now
        } else if is_point(op) && has_room {
            Turn::Park
        } else {
            Turn::Hold
        }
    }

    /// Whether another write may be proposed before an earlier one is answered.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < PENDING_PER_CONNECTION_MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// How many reads are parked, and their bytes.
    pub(crate) fn parked(&self) -> (usize, usize) {
        (self.parked_count, self.parked_len)
    }

    pub(crate) fn push_write(&mut self, write: PendingWrite) {
        self.waiting.push_back(Waiting::Write(write));
    }

    pub(crate) fn park(&mut self, frame: &[u8], received_ms: u64) {
        assert!(
            !self.waiting.is_empty(),
            "a read is parked only behind a write"
        );
        self.parked_count += 1;
        self.parked_len += frame.len();
        let frame = frame.into();
        self.waiting
            .push_back(Waiting::ParkedRead(ParkedRead { frame, received_ms }));
    }

    /// Takes the write that has just been applied; it is always the oldest that waits.
    pub(crate) fn take_write(&mut self) -> Option<PendingWrite> {
        match self.waiting.pop_front() {
            None => None,
            Some(Waiting::Write(write)) => Some(write),
            Some(Waiting::ParkedRead(_)) => {
                panic!("a parked read is answered with the write before it")
            }
        }
    }

    /// Takes the next parked read, if one is due now.
    pub(crate) fn take_parked(&mut self) -> Option<ParkedRead> {
        if !matches!(self.waiting.front(), Some(Waiting::ParkedRead(_))) {
            return None;
        }
        match self.waiting.pop_front() {
            Some(Waiting::ParkedRead(read)) => {
                self.parked_count -= 1;
                self.parked_len -= read.frame.len();
                Some(read)
            }
            _ => None,
        }
    }

    /// Forgets everything; says what was unanswered.
    pub(crate) fn clear(&mut self) -> Unanswered {
        let mut unanswered = Unanswered::default();
        for waiting in self.waiting.drain(..) {
            if let Waiting::Write(write) = waiting {
                unanswered.count += 1;
                unanswered.bytes += write.len;
            }
        }
        self.parked_count = 0;
        self.parked_len = 0;
        unanswered
    }
}

/// Writes that were proposed, and the bytes that are kept for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unanswered {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
}

/// Whether the apply loop may answer it in passing: O(1) in the size of the tree and of the answer's list.
fn is_point(op: OpCode) -> bool {
    match op {
        OpCode::Exists
        | OpCode::GetData
        | OpCode::GetAcl
        | OpCode::Ping
        | OpCode::GetAllChildrenNumber
        | OpCode::CheckWatches
        | OpCode::RemoveWatches
        | OpCode::AddWatch => true,
        OpCode::Notification
        | OpCode::Create
        | OpCode::Delete
        | OpCode::SetData
        | OpCode::SetAcl
        | OpCode::GetChildren
        | OpCode::Sync
        | OpCode::GetChildren2
        | OpCode::Check
        | OpCode::Multi
        | OpCode::Create2
        | OpCode::Reconfig
        | OpCode::CreateContainer
        | OpCode::DeleteContainer
        | OpCode::CreateTtl
        | OpCode::MultiRead
        | OpCode::Auth
        | OpCode::SetWatches
        | OpCode::Sasl
        | OpCode::GetEphemerals
        | OpCode::SetWatches2
        | OpCode::WhoAmI
        | OpCode::CreateSession
        | OpCode::CloseSession
        | OpCode::Error => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(xid: i32) -> PendingWrite {
        PendingWrite {
            xid: Xid(xid),
            op: OpCode::SetData,
            received_ms: 0,
            len: 0,
            sync_path: None,
        }
    }

    #[test]
    fn a_read_waits_only_behind_a_write() {
        let mut pipeline = Pipeline::default();
        assert_eq!(pipeline.turn_of_read(OpCode::GetData, 10), Turn::Now);
        pipeline.push_write(write(1));
        assert_eq!(pipeline.turn_of_read(OpCode::GetData, 10), Turn::Park);
        assert_eq!(pipeline.turn_of_read(OpCode::GetChildren, 10), Turn::Hold);
    }

    #[test]
    fn a_parked_read_is_due_right_after_its_write() {
        let mut pipeline = Pipeline::default();
        pipeline.push_write(write(1));
        pipeline.park(b"read", 5);
        pipeline.push_write(write(2));
        assert!(pipeline.take_parked().is_none());
        assert_eq!(pipeline.take_write().map(|write| write.xid), Some(Xid(1)));
        let read = pipeline.take_parked().expect("it is due");
        assert_eq!((&*read.frame, read.received_ms), (&b"read"[..], 5));
        assert!(pipeline.take_parked().is_none());
        assert_eq!(pipeline.take_write().map(|write| write.xid), Some(Xid(2)));
        assert!(pipeline.is_empty());
    }

    #[test]
    fn no_more_than_parked_reads_max_are_parked() {
        let mut pipeline = Pipeline::default();
        pipeline.push_write(write(1));
        for _ in 0..PARKED_READS_MAX {
            assert_eq!(pipeline.turn_of_read(OpCode::Ping, 4), Turn::Park);
            pipeline.park(b"ping", 5);
        }
        assert_eq!(pipeline.turn_of_read(OpCode::Ping, 4), Turn::Hold);
    }

    #[test]
    fn no_more_than_parked_len_max_is_parked() {
        let mut pipeline = Pipeline::default();
        pipeline.push_write(write(1));
        let half = vec![0; PARKED_LEN_MAX / 2];
        for _ in 0..2 {
            assert_eq!(
                pipeline.turn_of_read(OpCode::Exists, half.len()),
                Turn::Park
            );
            pipeline.park(&half, 5);
        }
        assert_eq!(pipeline.turn_of_read(OpCode::Exists, 1), Turn::Hold);
        pipeline.take_write();
        pipeline.take_parked();
        assert_eq!(pipeline.turn_of_read(OpCode::Exists, 1), Turn::Park);
        pipeline.clear();
        pipeline.push_write(write(2));
        assert_eq!(
            pipeline.turn_of_read(OpCode::Exists, PARKED_LEN_MAX),
            Turn::Park
        );
    }

    #[test]
    fn no_more_than_pending_per_connection_max_wait() {
        let mut pipeline = Pipeline::default();
        for xid in 0..PENDING_PER_CONNECTION_MAX {
            assert!(pipeline.has_room());
            pipeline.push_write(write(i32::try_from(xid).expect("a small number")));
        }
        assert!(!pipeline.has_room());
    }
}
