//! Why a peer's bytes could not be read; the blame is always the peer's.
//!
//! The server answers a request that fails here with MARSHALLINGERROR (-5), except an unknown
//! opcode (UNIMPLEMENTED, then close) and a bad frame, header or connect request (close).

use crate::op_code::OpCode;

/// What was wrong with the bytes of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The record goes on, the bytes do not.
    #[error("message ends {missing} bytes early")]
    Truncated {
        /// How many bytes the next field lacks.
        missing: usize,
    },
    /// A string or buffer with a negative length other than -1 (null).
    #[error("string or buffer of negative length {0}")]
    NegativeLength(i32),
    /// A null where the record demands a string.
    #[error("string is null")]
    NullString,
    /// A vector with a negative count other than -1 (null).
    #[error("vector of negative count {0}")]
    NegativeCount(i32),
    /// A vector with more items than the bytes left could hold.
    #[error("vector claims {count} items, {remaining} bytes are left")]
    CountBeyondFrame {
        /// The count on the wire.
        count: usize,
        /// Bytes left after the count.
        remaining: usize,
    },
    /// An opcode that no client may send (notification, error, createSession).
    #[error("{0:?} is not a request")]
    NotARequest(OpCode),
    /// An opcode without a reply body of its own, or none at all.
    #[error("{0:?} has no reply")]
    NoReply(OpCode),
    /// A sub-operation that this kind of multi does not take.
    #[error("operation type {0} does not belong in this multi")]
    UnknownMultiOp(i32),
    /// The end of a multi where an operation or result should be.
    #[error("multi ends early")]
    EarlyEnd,
    /// A multi result of unknown type.
    #[error("result type {0} does not belong in a multi reply")]
    UnknownMultiResult(i32),
    /// Create flags outside 0..=6 inside a multi; outside one they are a matter for apply.
    #[error("unknown create flags {0}")]
    UnknownCreateFlags(i32),
    /// A watcher type other than 1..=5 in checkWatches or removeWatches.
    #[error("unknown watcher type {0}")]
    UnknownWatcherType(i32),
    /// An addWatch mode other than 0 and 1.
    #[error("unknown addWatch mode {0}")]
    UnknownAddWatchMode(i32),
    /// An event type that a server does not send.
    #[error("unknown event type {0}")]
    UnknownEventKind(i32),
    /// An error code that is not in the table.
    #[error("unknown error code {0}")]
    UnknownErrorCode(i32),
}
