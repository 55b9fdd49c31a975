//! Every bound of the server core, by name. What is not bounded here is bounded by one of these.
//!
//! A limit that is reached has one answer, named beside it; each is hit by a test.

/// Bytes that may wait in a connection's outbox before its next requests are left unread.
pub const OUTBOX_HIGH_WATER: usize = 1 << 20;

/// Bytes of events that may wait in a connection's outbox; at one more the connection, which does not read, is cut.
pub const OUTBOX_EVENTS_LEN_MAX: usize = 4 << 20;

/// Length of one list reply. A longer one is refused with a marshalling error and the connection lives on.
pub const LIST_REPLY_LEN_MAX: usize = 512 << 20;

/// Bytes of all replies to long lists together, from the beginning of the walk until the client has taken the reply; a further list waits
/// in the input for room.
pub const LISTS_LEN_MAX: usize = 1 << 30;

/// Bytes of data and names in the reply to one multiRead, all read under one hold of the lock. An operation that does not fit any more
/// is answered with a marshalling error in its place.
pub const MULTI_READ_REPLY_LEN_MAX: usize = 4 << 20;

/// Writes of one connection that may be unanswered before its input is left unread.
pub const PENDING_PER_CONNECTION_MAX: usize = 1024;

/// Point reads of one connection that may wait behind its writes; a further one waits in the input.
pub const PARKED_READS_MAX: usize = 64;

/// Bytes of the point reads of one connection that wait behind its writes, which are kept as they came; a further one waits in the input.
pub const PARKED_LEN_MAX: usize = 256 << 10;

/// Writes of all connections together that may be unanswered; beyond it input is left unread.
pub const OUTSTANDING_MAX: usize = 20_000;

/// Bytes of all unanswered writes together, as they are proposed; beyond it input is left unread.
pub const OUTSTANDING_BYTES_MAX: usize = 64 << 20;

/// Milliseconds a connection may live without a session.
pub const HANDSHAKE_MS_MAX: u64 = 5_000;

/// Watches one connection may hold; a further one is refused with a marshalling error.
pub const WATCHES_PER_CONNECTION_MAX: usize = 1_000_000;

/// Bytes of the paths that one connection may watch; a further one is refused with a marshalling error.
pub const WATCHED_LEN_PER_CONNECTION_MAX: usize = 128 << 20;

/// Watches that all connections together may hold; a further one is refused with a marshalling error.
pub const WATCHES_MAX: usize = 10_000_000;

/// Bytes of the paths that all connections together may watch, each counted for every connection that watches it; a further one is refused
/// with a marshalling error.
pub const WATCHED_LEN_MAX: usize = 1 << 30;

/// Authentication entries one connection may hold; a further one fails its authentication.
pub const IDENTITIES_PER_CONNECTION_MAX: usize = 64;

/// Bytes of all identities of one connection, which travel inside each of its writes; an authentication that would make them longer fails.
pub const IDENTITIES_LEN_PER_CONNECTION_MAX: usize = 16 << 10;

/// Milliseconds between two looks at the session clock beyond which the server itself stood still.
pub const STANDSTILL_MS: u64 = 250;

/// Requests answered, or watches re-armed, under one hold of the shared lock.
pub const REQUESTS_PER_HOLD: usize = 64;

/// Entries applied under one hold of the exclusive lock.
pub const ENTRIES_PER_HOLD: usize = 64;

/// Children of a list that is answered at once; a longer one is walked in steps.
pub const CHILDREN_AT_ONCE_MAX: usize = 1_024;

/// Bytes of the names of a list that is answered at once; a longer one is walked in steps.
pub const LIST_AT_ONCE_LEN_MAX: usize = 1 << 20;

/// Children listed under one hold of the shared lock: each may be a cache miss, and every write waits for the hold.
pub const CHILDREN_PER_STEP: usize = 256;

/// Bytes of names listed under one hold of the shared lock, if they are about equally long.
pub const NAMES_LEN_PER_STEP: usize = 1 << 20;

/// Steps of a list in one turn of its connection: others have theirs in between, and what they gave is sent.
pub const STEPS_PER_TURN: usize = 32;

/// Milliseconds for which a long list makes way for others after they were last seen at work.
pub const OTHERS_REMEMBERED_MS: u64 = 100;

/// Capacity above which an idle connection gives a buffer back.
pub const IDLE_BUFFER_LEN_MAX: usize = 4 << 10;

/// Lines of the words that list watches or sessions; the rest is left out.
pub const WORD_LINES_MAX: usize = 100_000;

/// Milliseconds of age that a report of a session's sign of life tells apart; an older one is told as this old.
pub const TOUCH_AGE_MS_MAX: u64 = 0x7fff_ffff;

/// Signs of life of connections that are over, kept until they are told; further ones are dropped, and cost the session the time since
/// the last one that was told.
pub const PARTED_MAX: usize = 100_000;

/// Containers and znodes with a time to live that are looked at under one hold of the shared lock.
pub const CONTAINERS_PER_STEP: usize = 1_024;

/// Paths of unused containers that wait for their deletion before the search goes on: its last step may exceed it by one step's paths.
pub const UNUSED_MAX: usize = 10_000;

/// Sessions that only this server knows; who asks for one more is turned away.
pub const LOCAL_SESSIONS_MAX: usize = 1_000_000;

/// Ephemerals listed under one hold of the shared lock: each takes a walk up to the root.
pub const EPHEMERALS_PER_STEP: usize = 256;
