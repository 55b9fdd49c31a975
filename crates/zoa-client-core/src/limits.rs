//! Every bound of the client core, by name. What is not bounded here is bounded by one of these.
//!
//! A limit that is reached has one answer, named beside it; each is hit by a test. Some are only the default of a setting in
//! [`ClientConfig`](crate::ClientConfig).

/// Hosts in a connect string; a longer list is refused when it is parsed.
pub const HOSTS_MAX: usize = 256;

/// Addresses of one name that are tried before the next host; further ones are left for the next round.
pub const ADDRESSES_PER_NAME_MAX: usize = 16;

/// Requests that are not yet told how they ended, sent or not (default); a further one is refused.
pub const PENDING_MAX: usize = 65_536;

/// Bytes of requests not yet written to the socket (default); a request that would exceed it is refused.
pub const UNSENT_LEN_MAX: usize = 64 << 20;

/// Length of one request (default): servers close the connection, without a word, on anything longer. Refused at submit.
pub const REQUEST_LEN_MAX: usize = 0x000f_ffff;

/// Length of one reply or event (default); a longer one drops the connection, before any of it is kept.
pub const REPLY_LEN_MAX: usize = 64 << 20;

/// Bytes of paths in one setWatches; the rest goes into further ones. A longer single path stands alone.
pub const SET_WATCHES_LEN_MAX: usize = 128 << 10;

/// Watches registered or asked for (default); a request for a further one is refused.
pub const WATCHES_MAX: usize = 1_000_000;

/// Different auth entries of one client; a further one is refused.
pub const AUTHS_MAX: usize = 64;

/// Length of a session's password; a server that sends a longer one is dropped.
pub const PASSWORD_LEN_MAX: usize = 64;

/// Notices that wait to be polled; newer ones are left out.
pub const NOTICES_MAX: usize = 16;

/// Free bytes that are offered for reading, at least; fewer only when a reply of the greatest length is nearly complete.
pub const READ_LEN_MIN: usize = 4 << 10;

/// Capacity above which an empty buffer is given back.
pub const IDLE_BUFFER_LEN_MAX: usize = 256 << 10;
