//! Every bound of this crate, by name; those of requests and watches are the client's.

/// Characters of a session id of the save handler; a longer one is refused.
pub(crate) const SESSION_ID_LEN_MAX: usize = 256;

/// Sessions that a collection asks about at once.
pub(crate) const SESSION_GC_BATCH_LEN: usize = 256;

/// Lines of our own for a log that wait until PHP code can be told; further ones are left out.
pub(crate) const LOG_LINES_MAX: usize = 16;

/// Idle sessions that a worker process keeps for its next request, for all connect strings together; further ones are closed.
pub(crate) const IDLE_CLIENTS_MAX: usize = 8;
