//! Every bound of the driver, by name: how much is moved, written or kept waiting in one go, so that nobody waits long behind it.
//!
//! What clients may ask for is bounded in the core, and what the log keeps in `zoa-log`. Each of these is hit by a test.

use std::time::Duration;

/// Bytes read from a connection in one system call; the buffer is one a thread, not one a connection.
pub const READ_LEN: usize = 64 << 10;

/// Reads a connection may do before others have their turn.
pub const ROUNDS_PER_POLL: usize = 16;

/// Bytes given to the system in one call: more would keep everybody else on this thread waiting while they are copied.
pub const WRITE_LEN_MAX: usize = 256 << 10;

/// Connections whose output one delivery may write by itself; the tasks of the others are woken. A write is a system call of some
/// microseconds, and those whose entries come next wait for it.
pub const WRITES_PER_DELIVERY: usize = 64;

/// How long the last words of a connection may wait for a client that reads none of them. It is more than a moment, since the system
/// tells only now and then that a client reads: when a third of its own buffer is free again, which may be a megabyte.
pub const LINGER: Duration = Duration::from_secs(10);

/// How long they may wait for a client that reads them slowly.
pub const LINGER_MAX: Duration = Duration::from_secs(60);

/// How long they may wait when the server stops: the next one is not to be kept waiting.
pub const LINGER_AT_STOP: Duration = Duration::from_secs(1);

/// Lines a second about the same kind of refusal; the others are counted.
pub const REFUSALS_TOLD_EVERY_MS: u64 = 1_000;

/// TLS handshakes that may be under way: each costs some milliseconds of a processor. A further connection is closed at once.
pub const TLS_HANDSHAKES_MAX: usize = 250;

/// How long a TLS handshake may take; then the connection is closed.
pub const TLS_HANDSHAKE_TIME: Duration = Duration::from_secs(5);

/// Entries that the replication thread applies itself: fewer than that cost less than to wake another thread for them.
pub const APPLIED_AT_ONCE_MAX: usize = 64;

/// Bytes of log read in one go while it is replayed, beside one entry that may be longer.
pub const REPLAY_LEN: u64 = 1 << 20;

/// Pieces of the log, or of a snapshot, that may have been read and wait to be taken in.
pub const PIECES_AHEAD: usize = 4;

/// Znodes of a snapshot read under one hold of the lock: well below a millisecond.
pub const NODES_PER_STEP: usize = 1_000;

/// Bytes of a snapshot gathered before they are handed to the file.
pub const CHUNK_LEN: usize = 256 << 10;

/// Bytes read from a peer's connection in one system call, and the room that is made for them.
pub const PEER_READ_LEN: usize = 64 << 10;

/// Bytes of a frame of a peer that are copied out of the buffer they were read into. A longer one is a slice of it, and keeps all of the
/// buffer as long as anything in it is kept: no more than 4 times what it needs.
pub const PEER_COPY_LEN_MAX: usize = PEER_READ_LEN / 4;

/// Bytes that wait to be sent to one peer. One that takes none of them any more is cut off; what it missed is sent again from the log.
pub const PEER_QUEUE_LEN_MAX: usize = 128 << 20;

/// Bytes that came from one peer and are not dealt with yet; above it no more is read from that peer.
pub const PEER_UNREAD_LEN_MAX: usize = 16 << 20;

/// Bytes of a frame of a server that is no member as far as this one knows, and of all that came from it and is not dealt with yet. What
/// such a server has to say before it is one is short.
pub const STRANGER_FRAME_LEN_MAX: usize = 64 << 10;

/// Longer frames of servers that have the data of the cluster, and are no members as far as this one knows, that may be under way: this
/// server may have been away while the members changed, or have to learn who they are.
pub const LONG_FRAMES_OF_STRANGERS_MAX: usize = 2;

/// Slices given to the system in one write to a peer: half as many frames.
pub const PEER_SLICES_PER_WRITE: usize = 256;

/// Connections to the quorum port that have not said yet who they are.
pub const GREETINGS_MAX: usize = 64;

/// Those of them that come from one address.
pub const GREETINGS_PER_ADDRESS_MAX: usize = 16;

/// How long a connection between servers may take to say who it is.
pub const GREETING_TIME: Duration = Duration::from_secs(5);

/// The pause before the second try to reach a peer.
pub const DIAL_PAUSE_MIN: Duration = Duration::from_millis(20);

/// The longest pause between two tries to reach a peer.
pub const DIAL_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long looking up a peer's name may take, and then connecting to each of its addresses, with all that TLS does.
pub const DIAL_TIME: Duration = Duration::from_secs(2);

/// Bytes of a snapshot that are sent in one frame.
pub const PIECE_LEN: usize = 256 << 10;

/// The longest offer of a snapshot, and the longest answer to one.
pub const OFFER_LEN_MAX: usize = 64 << 10;

/// Bytes of a snapshot that are sent to a peer in a second at most: the disk that takes them has a log to write as well.
pub const SNAPSHOT_BYTES_PER_SECOND: u64 = 64 << 20;

/// Bytes of a snapshot that may be sent at once after a pause, before that holds again.
pub const SNAPSHOT_BURST_LEN_MAX: u64 = 4 << 20;

/// Bytes that the log may grow by while it is not cut because a peer is being sent a snapshot; then it is cut all the same.
pub const LOG_LEN_KEPT_MAX: u64 = 8 << 30;

/// How long a snapshot's connection may stand still.
pub const SNAPSHOT_SILENCE_MAX: Duration = Duration::from_secs(30);

/// How long a receiver may take to check and load a snapshot that has arrived.
pub const SNAPSHOT_TAKEN_IN_MAX: Duration = Duration::from_secs(600);

/// Connections that are made to send one snapshot, before the replication is told that it did not arrive.
pub const SNAPSHOT_TRIES: usize = 5;

/// Epochs of zxids that are left out where a server goes on without the others: more leaders than those may have had meanwhile.
pub const EPOCHS_LEFT_OUT: u32 = 1 << 16;
