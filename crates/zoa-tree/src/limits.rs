//! Every bound of this crate, each with the reason for its value.
//!
//! Most limits of a single request (path length, data length, operations in a multi) are not here:
//! they follow from the length of a frame, which zoa-proto bounds.

/// Most znodes a tree may hold, the predefined ones included. A znode's number has 32 bits and
/// one value means "none". Creating one more answers SYSTEMERROR.
pub const NODES_MAX: u32 = u32::MAX - 1;

/// Longest name of a single znode in bytes; with the usual frames no request holds a longer one.
/// Creating one answers BADARGUMENTS.
pub const NAME_LEN_MAX: usize = 1 << 24;

/// Most sessions a tree may hold. Opening one more answers SYSTEMERROR.
pub const SESSIONS_MAX: u32 = 1 << 24;

/// Most ephemerals one session may have. Its end takes them all in one apply, which nobody else can
/// interrupt, and tells of each: so many take about a tenth of a second. Creating one more answers
/// SYSTEMERROR. The reference has no bound; from a few ten thousand on, by the length of their
/// paths, it cannot replicate the end of the session any more.
pub const EPHEMERALS_PER_SESSION_MAX: usize = 100_000;

/// Deleted children that each apply unlinks once the cursors that still had to list them are
/// closed. Small, so that no write pays for a reader's long list.
pub const RECLAIMED_PER_APPLY_MAX: usize = 16;

/// Bytes after which a step of a snapshot returns, whatever its limit of znodes: a step runs under
/// the shared lock, and a megabyte is about 0.1 ms of copying.
pub const SNAPSHOT_STEP_LEN: usize = 1 << 20;

/// Bytes of old versions that are kept in one piece while a snapshot is open; a piece is given
/// back when the snapshot has taken it.
pub const PRESERVED_PIECE_LEN: usize = 1 << 18;

/// Longest record a snapshot may hold: a frame's length is a signed 32-bit number, and a record
/// holds one request's worth of bytes.
pub const SNAPSHOT_RECORD_LEN_MAX: u32 = i32::MAX as u32;

/// Longest stored ACL in bytes, about 1,500 digest ids. Each check of a permission may walk it,
/// so that a longer one would let a client slow all others down. Setting one answers INVALIDACL.
/// The reference has no bound but the frame.
pub const ACL_LEN_MAX: usize = 1 << 16;

/// Most znodes for which loading makes room because the snapshot's header says so; beyond, tables
/// grow as the znodes come.
pub const LOAD_RESERVED_MAX: u64 = 1 << 22;

/// Bytes of the lines that name the servers of an ensemble: 255 servers with a few addresses each. Longer ones are refused, a
/// reconfig that asks for them with BADARGUMENTS.
pub const MEMBER_LINES_LEN_MAX: usize = 1 << 16;

/// Longest time to live of a znode in milliseconds, about 35 years, as in the reference: its number has 40 bits. Creating one with a
/// longer one answers BADARGUMENTS.
pub const TTL_MS_MAX: i64 = (1 << 40) - 1;
