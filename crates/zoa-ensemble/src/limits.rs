//! Every bound of this crate, by name.
//!
//! Nothing here grows with what a peer or a client sends, but only up to one of these numbers.

/// Bytes of one frame. Large enough for the longest entry of the log, alone, in a message of the replication or on its way to the
/// leader.
pub const FRAME_LEN_MAX: usize = (64 << 20) + (64 << 10);

/// Bytes of proposals in one frame to the leader; a single larger one travels alone.
pub const FORWARD_LEN_MAX: usize = 1 << 20;

/// Proposals in one frame to the leader.
pub const FORWARD_COUNT_MAX: usize = 1 << 14;

/// Proposals that may wait while nobody leads, or leadership is being handed over. At one more all of them are given up and their
/// connections end.
pub const WAITING_MAX: usize = 1 << 16;

/// Bytes of the proposals that may wait. At one more all of them are given up, but a single one may always wait.
pub const WAITING_LEN_MAX: usize = 128 << 20;

/// Sessions in one report to the leader.
pub const TOUCHES_PER_FRAME_MAX: usize = 1 << 14;

/// For so long a leader keeps what it has heard itself, at least: longer than it leads on without a quorum.
pub const TOUCHES_KEPT_MS: u64 = 10_000;

/// Sessions whose touches may wait for a leader, or for its word that it has them. Those beyond it are not reported; a new leader
/// gives every session its full timeout all the same.
pub const TOUCHES_WAITING_MAX: usize = 1 << 20;

/// Bytes of a hello.
pub const HELLO_LEN_MAX: usize = 4 << 10;

/// Bytes of a server's line in its hello; a longer one is left out.
pub const HELLO_LINE_LEN_MAX: usize = 2 << 10;

/// Bytes of the answer to a hello.
pub const HELLO_ANSWER_LEN_MAX: usize = 64;

/// Links that a driver may have at once: two for each other server. More are cut.
pub const LINKS_MAX: usize = 2 * 254;

/// Ticks of the replication made up for when the driver comes late; the rest is passed over, since whoever stood still so long must
/// first hear what has happened.
pub const TICKS_AT_ONCE_MAX: u64 = 2;

/// Entries by which a learner may be behind the leader and yet be given a vote.
pub const CAUGHT_UP_ENTRIES_MAX: u64 = 256;

/// Milliseconds from one reminder that something stands still to the next.
pub const NOTICE_PERIOD_MS: u64 = 10_000;

/// Milliseconds from one warning that zoo.cfg names other servers than the ensemble goes by to the next.
pub const OTHER_LINES_PERIOD_MS: u64 = 3_600_000;

/// Milliseconds that a learner which no `server.N` line names may be gone before it is taken out.
pub const STRANGER_GONE_MS_MAX: u64 = 600_000;
